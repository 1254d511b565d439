package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// The least that each kind can be. The tables say how theirs differ from it.
const (
	leastLoadBalancer = `
apiVersion: nlb.exoscale.com/v1alpha1
kind: NetworkLoadBalancer
metadata: {namespace: default}
`
	leastService = `
apiVersion: nlb.exoscale.com/v1alpha1
kind: NLBService
metadata: {namespace: default}
spec:
  loadBalancerRef: {name: edge}
  port: 443
  targetPort: 30443
  target: {instancePoolName: workers}
`
	leastNodeIdentity = `
apiVersion: nlb.exoscale.com/v1alpha1
kind: NodeIdentity
spec:
  instanceID: 3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f0001
  zone: ch-gva-2
  hostname: worker-1
`
)

// cluster is the API server of all tests, strict a client of it that refuses
// unknown fields, as kubectl does, and kubeconfig the file for kubectl itself.
var (
	cluster    *controlplane.ControlPlane
	strict     client.Client
	kubeconfig string
)

func TestMain(m *testing.M) {
	code, err := withCluster(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withCluster(run func() int) (code int, err error) {
	if cluster, err = controlplane.Start(context.Background(), controlplane.Options{}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()

	config := cluster.Config()
	config.QPS, config.Burst = 500, 1000
	plain, err := client.New(config, client.Options{})
	if err != nil {
		return 0, err
	}
	strict = client.WithFieldValidation(plain, metav1.FieldValidationStrict)

	dir, err := os.MkdirTemp("", "api-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig); err != nil {
		return 0, err
	}
	return run(), nil
}

// object is a manifest with a merge patch applied: what the patch names is set,
// and null removes it.
func object(t *testing.T, manifest, patch string) *unstructured.Unstructured {
	t.Helper()
	base, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if patch != "" {
		change, err := yaml.YAMLToJSON([]byte(patch))
		if err != nil {
			t.Fatalf("%v:\n%s", err, patch)
		}
		if base, err = jsonpatch.MergePatch(base, change); err != nil {
			t.Fatal(err)
		}
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(base); err != nil {
		t.Fatal(err)
	}
	if o.GetName() == "" {
		o.SetName("tried")
	}
	return o
}

// made creates an object for as long as the test runs.
func made(t *testing.T, manifest, patch string) *unstructured.Unstructured {
	t.Helper()
	o := object(t, manifest, patch)
	if o.GetName() == "tried" {
		o.SetName("")
		o.SetGenerateName(strings.ToLower(o.GetKind()) + "-")
	}
	if err := strict.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, o)
	return o
}

// removeAfter removes an object when the test ends.
func removeAfter(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	t.Cleanup(func() {
		if err := strict.Delete(context.Background(), o); err != nil {
			t.Error(err)
		}
	})
}

// stored is the object as the API server has it.
func stored(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(o.GroupVersionKind())
	if err := strict.Get(t.Context(), client.ObjectKeyFromObject(o), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// kubectl gives what it says on stdout.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryKubectl(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, cluster.Kubectl(), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}

// refusal is what the API server says of an object that it doesn't take: a line
// for each field with its error. Empty for nil.
func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	var lines []string
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			// That rules were skipped because of the others is told of no field.
			if cause.Field != "<nil>" {
				lines = append(lines, cause.Field+": "+cause.Message)
			}
		}
	}
	if len(lines) == 0 {
		return status.Status().Message
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
