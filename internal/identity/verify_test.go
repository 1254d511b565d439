package identity

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// verdictOn is what is said of the Node of the first instance.
func verdictOn(t *testing.T, f Fleet) Verdict {
	t.Helper()
	for _, bound := range f.Bind().All {
		if bound.InstanceID == instanceOf(1) && !bound.Refused {
			return bound.Verdict
		}
	}
	t.Fatal("there is no binding of the first instance")
	return Verdict{}
}

func TestNamesHaveToAgree(t *testing.T) {
	for name, test := range map[string]struct {
		instance, node string
		reason         string
	}{
		"the same":                            {"worker-1", "worker-1", v1alpha1.ReasonVerified},
		"the Node has a domain":               {"worker-1", "worker-1.example.com", v1alpha1.ReasonVerified},
		"the instance has capitals":           {"Worker-1", "worker-1", v1alpha1.ReasonVerified},
		"another":                             {"worker-1", "localhost", v1alpha1.ReasonNameMismatch},
		"the Node's begins alike":             {"worker-1", "worker-10", v1alpha1.ReasonNameMismatch},
		"the instance's has more":             {"worker-1.example.com", "worker-1", v1alpha1.ReasonNameMismatch},
		"the instance has none":               {"", "worker-1", v1alpha1.ReasonNameMismatch},
		"the name of the instance in between": {"worker-1", "x.worker-1.example.com", v1alpha1.ReasonNameMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			got := verdictOn(t, fleet([]nlb.Instance{member(1, blue, called(test.instance))}, node(1, bearing(test.node))))
			if got.Reason != test.reason || got.Verified != (test.reason == v1alpha1.ReasonVerified) {
				t.Errorf("got %+v, want %s", got, test.reason)
			}
		})
	}
}

func TestANameThatTwoInstancesBear(t *testing.T) {
	twins := []nlb.Instance{member(1, blue), member(2, blue, called("Node-1")), member(3, blue)}
	t.Run("is told before any Node joins", func(t *testing.T) {
		f := fleet(twins[:2]).watching("blue")
		if got := lines(f.Bind()).All; got[0] != "node-1-00000000: nobody DuplicateName" || got[1] != "node-1-"+instanceOf(2)+": nobody DuplicateName" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("is nobody's", func(t *testing.T) {
		got := verdictOn(t, fleet(twins, node(1), node(3)))
		if got.Verified || got.Reason != v1alpha1.ReasonDuplicateName || !strings.Contains(got.Message, instanceOf(1)+", "+instanceOf(2)) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("stays with the Node that was verified", func(t *testing.T) {
		if got := verdictOn(t, fleet(twins, node(1)).knowing(record(1, "node-1"))); !got.Verified {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("isn't the newcomer's", func(t *testing.T) {
		f := fleet(twins, node(1), node(2, bearing("node-1.example.com"))).knowing(record(1, "node-1"))
		if got := lines(f.Bind()).All; got[0] != "node-1: node-1 Verified" || got[1] != "node-1-00000000: node-1.example.com DuplicateName" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("is somebody's if the other instance is of no concern", func(t *testing.T) {
		elsewhere := []nlb.Instance{member(1, blue), member(4, green, called("node-1"))}
		if got := verdictOn(t, fleet(elsewhere, node(1))); !got.Verified {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAVerdictSaysWhatToDo(t *testing.T) {
	one := []nlb.Instance{member(1, blue)}
	for name, test := range map[string]struct {
		fleet Fleet
		says  []string
	}{
		"NameMismatch":  {fleet(one, node(1, bearing("localhost"))), []string{"Node localhost", instanceOf(1), `"node-1"`, "docs/node-names.md"}},
		"NotJoined":     {fleet(one).watching("blue"), []string{`instance "node-1"`, instanceOf(1)}},
		"NotFound":      {fleet(nil, node(1)).knowing(record(1, "node-1")), []string{"Node node-1", instanceOf(1), zone}},
		"two instances": {fleet(one, node(1, runsOn(2))), []string{"providerID of instance " + instanceOf(1), "systemUUID of " + instanceOf(2)}},
		"moved": {
			fleet([]nlb.Instance{member(1, blue), member(2, blue)}, node(2, as(1))).knowing(record(2, "node-2")),
			[]string{"Node node-2 was verified as instance " + instanceOf(2), "delete it and let its kubelet join anew"},
		},
		"an address": {
			fleet(one, node(1, says(corev1.NodeInternalIP, "10.0.0.9"))),
			[]string{"Node node-1 has address 10.0.0.9", "it has 192.0.2.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := verdictOn(t, test.fleet)
			for _, part := range test.says {
				if !strings.Contains(got.Message, part) {
					t.Errorf("%q isn't in %q", part, got.Message)
				}
			}
		})
	}
}
