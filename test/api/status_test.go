package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const at = `"2026-08-07T12:00:00Z"`

// The status is the operator's: what doesn't fit there is a bug of ours, which
// the API server stops.
func TestStatus(t *testing.T) {
	condition := func(name, status, reason string) string {
		return `{type: ` + name + `, status: "` + status + `", reason: ` + reason + `, message: m, lastTransitionTime: ` + at + `}`
	}
	for name, test := range map[string]struct{ manifest, edit, refused string }{
		"an operation":                   {leastLoadBalancer, `status: {operation: {action: Create, startedAt: ` + at + `}}`, ``},
		"an unknown action":              {leastLoadBalancer, `status: {operation: {action: Reboot, startedAt: ` + at + `}}`, `status.operation.action: Unsupported value: "Reboot": supported values: "Create", "Adopt", "Update", "Delete", "Release"`},
		"an unknown action of a service": {leastService, `status: {operation: {action: Reboot, startedAt: ` + at + `}}`, `status.operation.action: Unsupported value: "Reboot": supported values: "Create", "Adopt", "Update", "Delete", "Release"`},
		"an operation without a start":   {leastService, `status: {operation: {action: Create}}`, `status.operation.startedAt: Required value`},
		"a label key twice":              {leastLoadBalancer, `status: {appliedLabelKeys: [a, b, a]}`, `status.appliedLabelKeys[2]: Duplicate value: "a"`},
		"conditions":                     {leastNodeIdentity, `status: {conditions: [` + condition("Ready", "True", "Ready") + `, ` + condition("Verified", "Unknown", "Pending") + `]}`, ``},
		"a condition twice":              {leastService, `status: {conditions: [` + condition("Ready", "True", "Ready") + `, ` + condition("Ready", "False", "Ready") + `]}`, `status.conditions[1]: Duplicate value: {"type":"Ready"}`},
		"a condition that is maybe":      {leastLoadBalancer, `status: {conditions: [` + condition("Ready", "Maybe", "Ready") + `]}`, `status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"`},
		"a backend twice":                {leastService, `status: {backends: [{publicIP: 192.0.2.1, healthy: true}, {publicIP: 192.0.2.1, healthy: false}]}`, `status.backends[1]: Duplicate value: {"publicIP":"192.0.2.1"}`},
		"a backend that nobody probed":   {leastService, `status: {backends: [{publicIP: 192.0.2.1}]}`, `status.backends[0].healthy: Required value`},
	} {
		t.Run(name, func(t *testing.T) {
			o := made(t, test.manifest, ``)
			err := patchStatus(t, o, test.edit)
			if diff := cmp.Diff(test.refused, refusal(t, err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	t.Run("who may write the status can't write the spec by it, nor the other way round", func(t *testing.T) {
		o := made(t, leastService, ``)
		if err := patchStatus(t, o, `{spec: {targetPort: 1}, status: {id: `+someID+`}}`); err != nil {
			t.Fatal(err)
		}
		if err := patch(t, strict, o, `{spec: {targetPort: 2}, status: {id: `+otherID+`}}`); err != nil {
			t.Fatal(err)
		}
		id, _, _ := unstructured.NestedString(o.Object, "status", "id")
		port, _, _ := unstructured.NestedInt64(o.Object, "spec", "targetPort")
		if id != someID || port != 2 {
			t.Errorf("status.id is %q, spec.targetPort %d", id, port)
		}
		if o.GetGeneration() != 2 {
			t.Errorf("a change of the spec and one of the status make generation %d", o.GetGeneration())
		}
	})
}

func patchStatus(t *testing.T, o *unstructured.Unstructured, edit string) error {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(edit))
	if err != nil {
		t.Fatal(err)
	}
	return strict.Status().Patch(t.Context(), o, client.RawPatch(types.MergePatchType, data))
}
