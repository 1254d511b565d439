package projection_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden projects each testdata/*.service.yaml and compares with the
// *.golden.yaml beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.service.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Services in testdata (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".service.yaml"), func(t *testing.T) {
			got := printed(t, projection.Project(projection.Input{
				Service: serviceFrom(t, file),
				Pool:    projection.Pool{Target: &v1alpha1.Target{InstancePoolID: pool}},
				Zone:    "ch-gva-2",
			}))
			golden := strings.Replace(file, ".service.", ".golden.", 1)
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

func serviceFrom(t *testing.T, file string) *corev1.Service {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{}
	if err := yaml.UnmarshalStrict(text, service); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return service
}

// printed is a Plan as people would apply it, then what it complains of.
func printed(t *testing.T, plan projection.Plan) string {
	t.Helper()
	var out strings.Builder
	show := func(what any, apiVersion, kind string) {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(what)
		if err != nil {
			t.Fatal(err)
		}
		fields["apiVersion"], fields["kind"] = apiVersion, kind
		delete(fields, "status")
		unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
		text, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	if plan.LoadBalancer != nil {
		show(plan.LoadBalancer, v1alpha1.GroupVersion.String(), "NetworkLoadBalancer")
	}
	for _, service := range plan.Services {
		show(service, v1alpha1.GroupVersion.String(), "NLBService")
	}
	if plan.Companion != nil {
		show(plan.Companion, "v1", "Service")
	}
	for _, problem := range plan.Problems {
		out.WriteString("# problem: " + problem.Reason + ": " + problem.Message + "\n")
	}
	for _, problem := range plan.PortProblems {
		out.WriteString("# problem: " + problem.Reason + ": " + problem.String() + "\n")
	}
	for _, waits := range plan.Waits {
		out.WriteString("# waits: " + waits.Reason + ": " + waits.String() + "\n")
	}
	for _, warning := range plan.Warnings {
		out.WriteString("# warning: " + warning + "\n")
	}
	return out.String()
}
