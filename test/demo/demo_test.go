package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

func TestTheDemoTellsItsStory(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes a control plane and half a minute: not with -short")
	}
	var out bytes.Buffer
	if err := run(t.Context(), options{Root: root(t), Dir: t.TempDir(), Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"service/web created",
		"nlb/edge                     Ready, at 127.",
		"nlbsvc/web-8080-tcp          Ready, healthy nodes: 3/3",
		"nlbsvc/api-8080-tcp          Ready, healthy nodes: 2/3",
		"worker-1 10, worker-2 10, worker-3 10",
		"worker-1 15, worker-3 15",
		"nlbsvc/edge-http             Ready, healthy nodes: 5/5",
		"export KUBECONFIG=",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it doesn't say %q", want)
		}
	}
	if first, then := strings.Index(out.String(), " Unknown    NotJoined "), strings.LastIndex(out.String(), " True       Verified   worker-"); first < 0 || then < first {
		t.Error("no NodeIdentity is there before its Node, or none is verified after that")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestTheDemoSaysWhyItCantStart(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", t.TempDir())
	var out bytes.Buffer
	err := run(t.Context(), options{Root: root(t), Dir: t.TempDir(), Out: &out})
	if err == nil || !strings.Contains(err.Error(), "make tools builds it") {
		t.Errorf("without any binary it says %v", err)
	}
}

func TestDemosAtOnceHaveFoldersOfTheirOwn(t *testing.T) {
	parent := t.TempDir()
	first, releaseFirst, err := ownFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	second, releaseSecond, err := ownFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer releaseSecond()
	releaseFirst()
	third, releaseThird, err := ownFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	defer releaseThird()
	if want := filepath.Join(parent, "demo"); first != want || second != want+"-2" || third != want {
		t.Errorf("the folders are %s, %s and, once the first is free, %s", first, second, third)
	}
}

// TestEverySampleIsValid asks a real API server about each of them. That they
// work is what the demo shows.
func TestEverySampleIsValid(t *testing.T) {
	samples, err := filepath.Glob(filepath.Join(root(t), "config", "samples", "*.yaml"))
	if err != nil || len(samples) == 0 {
		t.Fatal("there are no samples", err)
	}
	cluster, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	var out bytes.Buffer
	d := &demo{options: options{Root: root(t), Dir: t.TempDir(), Out: &out}, cluster: cluster}
	if err := cluster.WriteKubeconfig(d.kubeconfig()); err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		out.Reset()
		if err := d.kubectl(context.Background(), "apply", "--dry-run=server", "--validate=strict", "-f", sample); err != nil {
			t.Errorf("%v\n%s", err, &out)
		}
		if strings.Contains(out.String(), "Warning") {
			t.Error(out.String())
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := checkout()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
