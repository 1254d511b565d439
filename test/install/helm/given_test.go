package helm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	chart     = "../../../charts/exoscale-nlb-operator"
	release   = "exoscale-nlb-operator"
	guard     = release + "-guard"
	namespace = "exoscale-nlb-operator-system"
	// kubernetes is the version that is rendered for, where no cluster is asked.
	kubernetes = "1.36.3"
)

// program is the real helm; who runs these tests by hand is told how to.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HELM")
	if path == "" {
		t.Skip("make test-install runs this: it takes helm, whose path is in HELM")
	}
	return path
}

// helm runs it with values and without anything of the user's, and gives what it
// says. The arguments name the values' file -.
func helm(t *testing.T, v values, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), arguments...)
	stdin, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = bytes.NewReader(stdin)
	home := t.TempDir()
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home}
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		return said.String(), fmt.Errorf("%w: %s", err, &complained)
	}
	return said.String(), nil
}

// values are some of the chart, as they stand in a file.
type values map[string]any

// with what has to be said in any case.
func (v values) complete() values {
	all := values{"zone": "ch-gva-2", "credentials": values{"existingSecret": "exoscale-credentials"}}
	for name, value := range v {
		all[name] = value
	}
	return all
}

func template(t *testing.T, v values) (string, error) {
	t.Helper()
	return helm(t, v, "template", release, chart, "--namespace", namespace, "--kube-version", kubernetes, "--values", "-")
}

// rendered are the objects that come of values.
func rendered(t *testing.T, v values) objects {
	t.Helper()
	said, err := template(t, v.complete())
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, said)
}

// objects in the order of their rendering.
type objects []unstructured.Unstructured

func parsed(t *testing.T, manifests string) objects {
	t.Helper()
	var all objects
	for document := range strings.SplitSeq("\n"+manifests, "\n---") {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document+"\n"), &object.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
	return all
}

// names of the objects of a kind, with the namespaces of those that have one.
func (o objects) names(kind string) []string {
	var names []string
	for _, object := range o {
		if object.GetKind() == kind {
			names = append(names, strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/"))
		}
	}
	return names
}

// get the only object of a kind, or the one whose name ends so.
func (o objects) get(t *testing.T, kind, suffix string, into any) {
	t.Helper()
	var found []unstructured.Unstructured
	for _, object := range o {
		if object.GetKind() == kind && strings.HasSuffix(object.GetName(), suffix) {
			found = append(found, object)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d of kind %s and name …%s", len(found), kind, suffix)
	}
	content, err := yaml.Marshal(found[0].Object)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
}
