package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// TestMain lets start find the program it runs in the background: the test's
// own binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestStartAndStop(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "kubeconfig"), filepath.Join(t.TempDir(), "elsewhere", "kubeconfig")

	if said := saying(t, "stop", "-dir", dir); !strings.Contains(said, "No control plane runs") {
		t.Errorf("stop with none running said %q", said)
	}

	said := saying(t, "start", "-dir", dir)
	t.Cleanup(func() {
		if err := run(context.Background(), []string{"stop", "-dir", dir}); err != nil {
			t.Error(err)
		}
	})
	if !strings.Contains(said, "export KUBECONFIG="+first) {
		t.Errorf("start doesn't tell how to go on: %q", said)
	}
	uid := clusterUID(t, first)

	if said := saying(t, "start", "-dir", dir, "-kubeconfig", second); !strings.Contains(said, "already runs") {
		t.Errorf("the second start said %q", said)
	}
	if got := clusterUID(t, second); got != uid {
		t.Errorf("the second start leads to another cluster: %s, not %s", got, uid)
	}

	if said := saying(t, "stop", "-dir", dir); !strings.Contains(said, "is stopped") {
		t.Errorf("stop said %q", said)
	}
	if _, err := os.Stat(first); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the kubeconfig of a stopped control plane is left (%v)", err)
	}
}

func TestStartTellsWhyItFailed(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", t.TempDir())
	err := run(t.Context(), []string{"start", "-dir", t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "make tools") {
		t.Errorf("start: %v", err)
	}
}

// saying runs the command and returns what it prints.
func saying(t *testing.T, args ...string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	stdout := os.Stdout
	os.Stdout = out
	err = run(t.Context(), args)
	os.Stdout = stdout
	if err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	said, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// clusterUID identifies the cluster that a kubeconfig leads to.
func clusterUID(t *testing.T, kubeconfig string) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := kubernetes.NewForConfigOrDie(config).CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(ns.UID)
}
