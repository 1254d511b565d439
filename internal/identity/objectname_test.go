package identity

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestWhatANodeIdentityIsCalled(t *testing.T) {
	long := strings.Repeat("a", 250)
	for name, test := range map[string]struct {
		fleet Fleet
		want  []string
	}{
		"as its instance":           {fleet([]nlb.Instance{member(1, blue)}).watching("blue"), []string{"node-1"}},
		"in small letters":          {fleet([]nlb.Instance{member(1, blue, called("Node-A"))}).watching("blue"), []string{"node-a"}},
		"as it always was":          {fleet([]nlb.Instance{member(1, blue, called("renamed"))}).watching("blue").knowing(record(1, "")), []string{"node-1"}},
		"by the id, of twins":       {fleet([]nlb.Instance{member(1, blue), member(2, blue, called("node-1"))}).watching("blue"), []string{"node-1-00000000", "node-1-" + instanceOf(2)}},
		"by the id, if no name can": {fleet([]nlb.Instance{member(1, blue, called("my node"))}).watching("blue"), []string{"00000000"}},
		"by the id, if the name is that of a refused one": {
			fleet([]nlb.Instance{member(1, blue, called("x.refused"))}).watching("blue"), []string{"00000000"}},
		"by the id, if a zone that isn't in use has the name": {
			fleet([]nlb.Instance{member(1, blue)}).watching("blue").knowing(record(1, "", ofZone(vienna))), []string{"node-1-00000000"}},
		"no longer than a name may be": {
			fleet([]nlb.Instance{member(1, blue, called(long)), member(2, blue, called(long))}).watching("blue"),
			[]string{strings.Repeat("a", 216) + "-" + instanceOf(2), strings.Repeat("a", 244) + "-00000000"}},
		"of a refused Node": {
			fleet(nil, node(9, bearing("mallory"))), []string{"mallory.00000000.refused"}},
		"of a refused Node, as it always was": {
			fleet(nil, node(9, bearing("mallory"))).knowing(refusedAs("mallory.00000000.refused", 9)), []string{"mallory.00000000.refused"}},
		"of a refused Node, if the name is taken": {
			fleet(nil, node(9, bearing("mallory"))).knowing(refusedAs("mallory.00000000.refused", 8)), []string{"mallory." + instanceOf(9) + ".refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, bound := range test.fleet.Bind().All {
				got = append(got, bound.Name)
				if faults := validation.IsDNS1123Subdomain(bound.Name); len(faults) > 0 {
					t.Errorf("%q: %s", bound.Name, faults)
				}
				if hostname := bound.Hostname(); hostname == "" || len(hostname) > 253 {
					t.Errorf("the hostname has %d characters", len(hostname))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

// refusedAs is the NodeIdentity of a Node that was refused as the n-th instance.
func refusedAs(name string, n byte) v1alpha1.NodeIdentity {
	return record(n, "mallory", func(known *v1alpha1.NodeIdentity) {
		known.Name, known.Labels = name, map[string]string{v1alpha1.LabelRefused: ""}
		becoming(v1alpha1.ConditionVerified, "False", v1alpha1.ReasonNotFound)(known)
	})
}

// A thousand rounds on what the last one made must come to the same.
func TestNamesAreKept(t *testing.T) {
	twins := []nlb.Instance{member(1, blue), member(2, blue, called("node-1")), member(3, blue, called("node-1"))}
	f := fleet(twins, node(9, bearing("mallory")), node(9, bearing("trudy"), func(n *corev1.Node) { n.Spec.ProviderID = ProviderPrefix + instanceOf(1) })).watching("blue")
	first := f.Bind()
	for _, bound := range first.All {
		known := v1alpha1.NodeIdentity{Spec: v1alpha1.NodeIdentitySpec{InstanceID: bound.InstanceID, Zone: zone, Hostname: bound.Hostname()}}
		known.Name = bound.Name
		if bound.Refused {
			known.Labels = map[string]string{v1alpha1.LabelRefused: ""}
		}
		f.Known = append(f.Known, known)
	}
	second := f.Bind()
	if diff := cmp.Diff(lines(first), lines(second)); diff != "" {
		t.Errorf("- first, + second round:\n%s", diff)
	}
	for _, bound := range second.All {
		if bound.Known == nil || bound.Known.Name != bound.Name {
			t.Errorf("%s isn't recognised", bound.Name)
		}
	}
}
