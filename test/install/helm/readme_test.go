package helm

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

// TestTheREADME installs as it says, word for word but for the cloud.
func TestTheREADME(t *testing.T) {
	c := startCluster(t)
	c.pods.SetImage("registry.example.com/exoscale-nlb-operator:v0", manager(t))
	g := NewWithT(t)
	for _, script := range scripts(t, "README.md", "helm ") {
		// Both are there already: the namespace is restricted, the Secret has the key.
		script = cut(script, "kubectl create namespace", "helm install")
		script = strings.ReplaceAll(script, "helm install ", "helm install --wait --set apiEndpoint="+c.cloud.Endpoint+" ")
		script = strings.ReplaceAll(script, "zone=ch-gva-2", "zone="+c.cloud.Zones()[0])
		said, err := c.shell(t, script)
		g.Expect(err).NotTo(HaveOccurred(), "%s\n%s", said, c.said())
		g.Expect(said).To(ContainSubstring("The API key works"))
	}
	c.service(t, "web")
}

// scripts of a page that hold a word.
func scripts(t *testing.T, page, word string) []string {
	t.Helper()
	document, err := markdown.Read("../../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	some := slices.DeleteFunc(document.In("sh"), func(script string) bool { return !strings.Contains(script, word) })
	if len(some) == 0 {
		t.Fatalf("%s doesn't tell of %q", page, word)
	}
	return some
}

// cut leaves out what is from a word up to another.
func cut(text, from, to string) string {
	before, rest, found := strings.Cut(text, from)
	_, after, ends := strings.Cut(rest, to)
	if !found || !ends {
		return text
	}
	return before + to + after
}

// shell runs a script in the root of the checkout, where a reader is.
func (c *cluster) shell(t *testing.T, script string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for name, path := range map[string]string{"helm": program(t), "kubectl": c.Kubectl()} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir = "../../.."
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+c.kubeconfig, "HOME="+t.TempDir())
	said, err := cmd.CombinedOutput()
	return string(said), err
}
