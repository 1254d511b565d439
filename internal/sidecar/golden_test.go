package sidecar_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden decides about the Pod of each testdata/*.given.yaml and compares what
// becomes of it with the *.golden.yaml beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.given.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Pods in testdata (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".given.yaml"), func(t *testing.T) {
			in := inputFrom(t, file)
			got := printed(t, in.Pod, sidecar.Decide(in))
			golden := strings.Replace(file, ".given.", ".golden.", 1)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (go test -update writes it anew):\n%s", diff)
			}
		})
	}
}

// inputFrom reads the objects of a file.
func inputFrom(t *testing.T, file string) sidecar.Input {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in := sidecar.Input{Image: image}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		read := func(into any) {
			if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		switch kind.Kind {
		case "Pod":
			in.Pod = &corev1.Pod{}
			read(in.Pod)
		case "Namespace":
			in.Namespace = &corev1.Namespace{}
			read(in.Namespace)
		case "Service":
			in.Services = append(in.Services, corev1.Service{})
			read(&in.Services[len(in.Services)-1])
		case "LimitRange":
			in.LimitRanges = append(in.LimitRanges, corev1.LimitRange{})
			read(&in.LimitRanges[len(in.LimitRanges)-1])
		default:
			t.Fatalf("%s: an object of kind %q", file, kind.Kind)
		}
	}
	return in
}

// printed is the Pod as it is created, then what its maker is told.
func printed(t *testing.T, pod *corev1.Pod, decision sidecar.Decision) string {
	t.Helper()
	pod = pod.DeepCopy()
	if decision.Container != nil {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, *decision.Container)
	}
	text, err := yaml.Marshal(pod.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.Write(text)
	if decision.Reason != "" {
		out.WriteString("# as it was: " + decision.Reason + "\n")
	}
	for _, warning := range decision.Warnings {
		out.WriteString("# warning: " + warning + "\n")
	}
	return out.String()
}
