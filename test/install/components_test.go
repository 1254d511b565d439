package install

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// root is the checkout.
const root = "../.."

// needCRDs are the components whose kinds this cluster doesn't know.
var needCRDs = map[string]string{
	"monitoring":   "test/monitoring builds it, and checks what it holds",
	"cert-manager": "it takes cert-manager, and goes with udp-sidecar",
}

// eachComponent adds every component of config/ to what is installed.
func eachComponent(t *testing.T, cluster cluster) {
	folders, err := os.ReadDir(filepath.Join(root, "config", "components"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			if why := needCRDs[folder.Name()]; why != "" {
				t.Skip(why)
			}
			built := cluster.build(t, overlay(t, folder.Name()))
			cluster.accepts(t, built)
			argumentsAreKnown(t, built)
		})
	}
}

// overlay is a kustomization of config/default with components.
func overlay(t *testing.T, components ...string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs(filepath.Join(root, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if config, err = filepath.Rel(folder, config); err != nil {
		t.Fatal(err)
	}
	kustomization := "resources: [" + config + "/default]\ncomponents:\n"
	for _, component := range components {
		kustomization += "  - " + config + "/components/" + component + "\n"
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// build renders a kustomization.
func (cluster cluster) build(t *testing.T, folder string) []byte {
	t.Helper()
	var built, wrong bytes.Buffer
	cmd := exec.CommandContext(t.Context(), cluster.Kubectl(), "kustomize", folder)
	cmd.Stdout, cmd.Stderr = &built, &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Fatalf("%v: %s", err, &wrong)
	}
	return built.Bytes()
}

// accepts has the API server look at manifests as if they were applied.
func (cluster cluster) accepts(t *testing.T, manifests []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cluster.Kubectl(), "--kubeconfig", cluster.kubeconfig,
		"apply", "--dry-run=server", "--validate=strict", "--filename", "-")
	cmd.Stdin = bytes.NewReader(manifests)
	var said, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Errorf("%v: %s", err, &wrong)
	}
}

// argumentsAreKnown tells whether the program takes what the Deployment gives it.
func argumentsAreKnown(t *testing.T, manifests []byte) {
	t.Helper()
	arguments := deploymentIn(t, manifests).Spec.Template.Spec.Containers[0].Args
	command := app.Command{Args: append(arguments, "--help"), Out: &bytes.Buffer{}, Lookup: func(string) (string, bool) { return "", false }}
	if err := command.Run(context.Background()); err != nil {
		t.Errorf("%q: %v", arguments, err)
	}
}

func deploymentIn(t *testing.T, manifests []byte) *appsv1.Deployment {
	t.Helper()
	for _, document := range bytes.Split(manifests, []byte("\n---\n")) {
		deployment := &appsv1.Deployment{}
		if err := yaml.Unmarshal(document, deployment); err != nil {
			t.Fatal(err)
		}
		if deployment.Kind == "Deployment" {
			return deployment
		}
	}
	t.Fatal("there is no Deployment")
	return nil
}

// theExample is an installation of a reader's own.
func theExample(t *testing.T, cluster cluster) {
	g := NewWithT(t)
	built := cluster.build(t, filepath.Join(root, "docs", "examples", "kustomize"))
	cluster.accepts(t, built)
	argumentsAreKnown(t, built)
	deployment := deploymentIn(t, built)
	g.Expect(*deployment.Spec.Replicas).To(BeEquivalentTo(2))
	g.Expect(deployment.Spec.Template.Spec.Containers[0].Image).To(Equal("registry.example.com/exoscale-nlb-operator:v0"))
	// What is a comment in it is there to be taken out of it.
	text, err := os.ReadFile(filepath.Join(root, "docs", "examples", "kustomize", "kustomization.yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	folders, err := os.ReadDir(filepath.Join(root, "config", "components"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, folder := range folders {
		g.Expect(string(text)).To(ContainSubstring("- ../../../config/components/" + folder.Name() + "\n"))
	}
}

// oneFile holds what config/default does, with the image that was asked for.
func oneFile(t *testing.T, cluster cluster) {
	for image, want := range map[string]string{
		"registry.example.com:5000/nlb/operator:v1":  "",
		"registry.example.com/operator":              "registry.example.com/operator:latest",
		"operator@sha256:" + strings.Repeat("a", 64): "",
	} {
		if want == "" {
			want = image
		}
		file := filepath.Join(made(t, "install-manifests", "IMAGE="+image), "install.yaml")
		manifests, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := deploymentIn(t, manifests).Spec.Template.Spec.Containers[0].Image; got != want {
			t.Errorf("%s became %s", image, got)
		}
		cluster.accepts(t, manifests)
		theirs := strings.ReplaceAll(string(manifests), "image: "+want, "image: exoscale-nlb-operator:latest")
		if diff := cmp.Diff(string(cluster.build(t, filepath.Join(root, "config", "default"))), theirs); diff != "" {
			t.Errorf("- config/default + install.yaml:\n%s", diff)
		}
	}
}

// made is the folder that gets what make makes.
func made(t *testing.T, target string, variables ...string) string {
	t.Helper()
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", target, "DIST=" + folder}, variables...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", target, err, output)
	}
	return folder
}

// podOf waits for a Pod that a controller makes of what was installed: only then
// has the admission of its namespace let it in.
func podOf(t *testing.T, c client.Client, labels client.MatchingLabels) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func(g Gomega) {
		var pods corev1.PodList
		g.Expect(c.List(t.Context(), &pods, client.InNamespace(system), labels)).To(Succeed())
		g.Expect(pods.Items).To(HaveLen(1))
	}, patience).Should(Succeed())
}
