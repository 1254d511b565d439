package api

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manifests as people write them, with values that could be stored otherwise
// than they were given.
var manifests = map[string]string{
	"NetworkLoadBalancer": leastLoadBalancer + `
spec:
  description: ""
  labels: {}
  allowedNamespaces: {from: Selector, selector: {matchLabels: {shop: "yes"}}}
`,
	"the least NetworkLoadBalancer": leastLoadBalancer,
	"NLBService": strings.TrimSuffix(leastService, "\n") + `
  description: ""
  healthCheck: {mode: HTTP, path: /, interval: 60s, timeout: 2000ms}
`,
	"the least NLBService": leastService,
	"NodeIdentity":         leastNodeIdentity,
}

// GitOps tools apply the same again and again, and show what differs.
func TestApplyingAgainChangesNothing(t *testing.T) {
	for name, manifest := range manifests {
		for mode, flags := range map[string][]string{"client-side": nil, "server-side": {"--server-side"}} {
			t.Run(mode+" "+name, func(t *testing.T) {
				o := object(t, manifest, `metadata: {name: applied}`)
				file := filepath.Join(t.TempDir(), "applied.yaml")
				if err := os.WriteFile(file, []byte(text(t, o.Object)), 0o600); err != nil {
					t.Fatal(err)
				}
				applied := func() *unstructured.Unstructured {
					said := kubectl(t, append([]string{"apply", "-f", file}, flags...)...)
					if strings.HasSuffix(said, " configured\n") {
						t.Errorf("kubectl says %q", said)
					}
					return stored(t, o)
				}
				first := applied()
				removeAfter(t, o)
				second := applied()
				if diff := cmp.Diff(content(t, first), content(t, second)); diff != "" {
					t.Errorf("applied again\n%s", diff)
				}
				// A create doesn't store the default of the status, the next write
				// does: only from the second on the API server has nothing to write.
				if diff := cmp.Diff(text(t, second.Object), text(t, applied().Object)); diff != "" {
					t.Errorf("applied a third time\n%s", diff)
				}
			})
		}
	}
}

// content is an object without what tells of its writes.
func content(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	bare := o.DeepCopy()
	bare.SetResourceVersion("")
	bare.SetManagedFields(nil)
	return text(t, bare.Object)
}

// Several write one object: a condition, a label, a backend each belongs to who
// applied it, and stays when another applies its own.
func TestTwoManagersShareAnObject(t *testing.T) {
	condition := func(name string) string {
		return `{type: ` + name + `, status: "True", reason: Ready, message: m, lastTransitionTime: ` + at + `}`
	}
	for name, test := range map[string]struct {
		manifest, one, two string
		list               []string // its path
		key                string   // of its entries; "" if they are their own
	}{
		"conditions of a NetworkLoadBalancer": {
			leastLoadBalancer, `status: {conditions: [` + condition("One") + `]}`, `status: {conditions: [` + condition("Two") + `]}`,
			[]string{"status", "conditions"}, "type",
		},
		"conditions of an NLBService": {
			leastService, `status: {conditions: [` + condition("One") + `]}`, `status: {conditions: [` + condition("Two") + `]}`,
			[]string{"status", "conditions"}, "type",
		},
		"conditions of a NodeIdentity": {
			leastNodeIdentity, `status: {conditions: [` + condition("One") + `]}`, `status: {conditions: [` + condition("Two") + `]}`,
			[]string{"status", "conditions"}, "type",
		},
		"label keys that were written": {
			leastLoadBalancer, `status: {appliedLabelKeys: [One]}`, `status: {appliedLabelKeys: [Two]}`,
			[]string{"status", "appliedLabelKeys"}, "",
		},
		"backends": {
			leastService, `status: {backends: [{publicIP: One, healthy: true}]}`, `status: {backends: [{publicIP: Two, healthy: true}]}`,
			[]string{"status", "backends"}, "publicIP",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := made(t, test.manifest, ``)
			applyStatus(t, o, "one", test.one)
			applyStatus(t, o, "two", test.two)
			if diff := cmp.Diff([]string{"One", "Two"}, entries(t, stored(t, o), test.list, test.key)); diff != "" {
				t.Errorf("after both (-want +got)\n%s", diff)
			}
			applyStatus(t, o, "one", `status: {}`)
			if diff := cmp.Diff([]string{"Two"}, entries(t, stored(t, o), test.list, test.key)); diff != "" {
				t.Errorf("after one took its own back (-want +got)\n%s", diff)
			}
		})
	}

	t.Run("fields and labels of the spec", func(t *testing.T) {
		o := made(t, leastLoadBalancer, ``)
		apply(t, o, "one", `spec: {labels: {one: v}, description: d}`)
		apply(t, o, "two", `spec: {labels: {two: v}, deletionPolicy: Retain}`)
		spec, _, _ := unstructured.NestedMap(stored(t, o).Object, "spec")
		want := map[string]any{
			"labels": map[string]any{"one": "v", "two": "v"}, "description": "d", "deletionPolicy": "Retain",
			"managementPolicy": "Managed", "allowedNamespaces": map[string]any{"from": "Same", "eviction": "Never"},
		}
		if diff := cmp.Diff(want, spec); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})

	t.Run("a field that another holds is a conflict that names both", func(t *testing.T) {
		o := made(t, leastLoadBalancer, ``)
		apply(t, o, "one", `spec: {description: d}`)
		err := strict.Apply(t.Context(), configuration(t, o, `spec: {description: e}`), client.FieldOwner("two"))
		if want := `.spec.description: conflict with "one"`; refusal(t, err) != want {
			t.Errorf("want %q, got %v", want, err)
		}
	})
}

func apply(t *testing.T, o *unstructured.Unstructured, manager, edit string) {
	t.Helper()
	if err := strict.Apply(t.Context(), configuration(t, o, edit), client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

func applyStatus(t *testing.T, o *unstructured.Unstructured, manager, edit string) {
	t.Helper()
	if err := strict.Status().Apply(t.Context(), configuration(t, o, edit), client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

// configuration is what a manager applies to an object.
func configuration(t *testing.T, o *unstructured.Unstructured, edit string) runtime.ApplyConfiguration {
	t.Helper()
	bare := &unstructured.Unstructured{}
	bare.SetGroupVersionKind(o.GroupVersionKind())
	bare.SetNamespace(o.GetNamespace())
	bare.SetName(o.GetName())
	return client.ApplyConfigurationFromUnstructured(object(t, text(t, bare.Object), edit))
}

// entries are those of a list, by their key, in order.
func entries(t *testing.T, o *unstructured.Unstructured, path []string, key string) []string {
	t.Helper()
	list, _, err := unstructured.NestedSlice(o.Object, path...)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, entry := range list {
		if key != "" {
			entry = entry.(map[string]any)[key]
		}
		keys = append(keys, entry.(string))
	}
	slices.Sort(keys)
	return keys
}
