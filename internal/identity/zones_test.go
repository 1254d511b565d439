package identity

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// vienna is a second zone.
const vienna = "at-vie-1"

func inVienna(i *nlb.Instance) { i.Zone = vienna }

// using also reads a second zone.
func (f Fleet) using(zones ...string) Fleet {
	f.Read = append(f.Read, zones...)
	return f
}

// notReading can't read a second zone.
func (f Fleet) notReading(zones ...string) Fleet {
	f.Unread = zones
	return f
}

func TestEveryZoneInUseIsLookedAt(t *testing.T) {
	abroad := func(n byte, edits ...func(*nlb.Instance)) nlb.Instance {
		return member(n, green, append([]func(*nlb.Instance){inVienna}, edits...)...)
	}
	here, there := member(1, blue), abroad(4)
	ofVienna := ofZone(vienna)
	awaited := found{Unlisted: []string{instanceOf(4)}}
	for name, test := range map[string]struct {
		fleet Fleet
		want  found
	}{
		"Nodes of two zones": {
			fleet([]nlb.Instance{here, there}, node(1), node(4)).using(vienna),
			found{All: []string{"node-1: node-1 Verified", "node-4: node-4 Verified"}}},
		"the members of a pool, wherever it is": {
			fleet([]nlb.Instance{here, there}).using(vienna).watching("green"),
			found{All: []string{"node-4: nobody NotJoined"}}},
		"a Node that claims an instance of another zone, and doesn't bear its name": {
			fleet([]nlb.Instance{there}, node(4, bearing("mallory"))).using(vienna),
			found{All: []string{"node-4: mallory NameMismatch"}}},
		"what was looked for in vain is there, now that its zone is in use": {
			fleet([]nlb.Instance{there}, node(4)).using(vienna).knowing(refusedAs("node-4.00000000.refused", 4)),
			found{All: []string{"node-4: node-4 Verified"}, Vanished: []string{"node-4.00000000.refused"}}},
		"two instances of a name in two zones are nobody's": {
			fleet([]nlb.Instance{here, abroad(4, called("node-1"))}, node(1), node(4, bearing("node-1.example.com"))).using(vienna),
			found{All: []string{"node-1-00000000: node-1 DuplicateName", "node-1-" + instanceOf(4) + ": node-1.example.com DuplicateName"}}},
		"and stay whose they were": {
			fleet([]nlb.Instance{here, abroad(4, called("node-1"))}, node(1), node(4, bearing("node-1.example.com"))).using(vienna).knowing(record(1, "node-1")),
			found{All: []string{"node-1: node-1 Verified", "node-1-00000000: node-1.example.com DuplicateName"}}},
		"one of a zone that can't be read stays as it is": {
			fleet([]nlb.Instance{here}, node(1), node(4)).notReading(vienna).knowing(record(4, "node-4", ofVienna)),
			found{All: []string{"node-1: node-1 Verified"}, Unlisted: awaited.Unlisted}},
		"even without a Node": {
			fleet([]nlb.Instance{here}).notReading(vienna).knowing(record(4, "", ofVienna)), found{}},
		"one that may be in a zone that can't be read is awaited": {
			fleet([]nlb.Instance{here}, node(4)).notReading(vienna), awaited},
		"what was refused before is, too": {
			fleet([]nlb.Instance{here}, node(4)).notReading(vienna).knowing(refusedAs("node-4.00000000.refused", 4)), awaited},
		"one that was in a zone that can be read is gone all the same": {
			fleet(nil, node(1)).notReading(vienna).knowing(record(1, "node-1")),
			found{All: []string{"node-1: node-1 NotFound"}, Unlisted: []string{instanceOf(1)}}},
		"a Node that was one of a zone that can't be read doesn't become another": {
			fleet([]nlb.Instance{member(1, blue, called("node-4"))}, node(4, as(1))).notReading(vienna).knowing(record(4, "node-4", ofVienna)),
			found{All: []string{"node-4-00000000: node-4 InstanceMismatch"}}},
		"the addresses of a Node there are its own": {
			fleet([]nlb.Instance{member(1, blue, in("n"))}, node(1, startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")), node(4)).
				notReading(vienna).knowing(withAddress(record(4, "node-4", ofVienna), "10.1.0.1")).attached(nlb.PrivateNetwork{ID: "n"}),
			found{All: []string{"node-1: node-1 AddressMismatch"}, Unlisted: awaited.Unlisted}},
		"a record of the wrong zone is none": {
			fleet([]nlb.Instance{there}, node(4)).using(vienna).knowing(record(4, "node-4")),
			found{All: []string{"node-4-00000000: node-4 Verified"}, Vanished: []string{"node-4"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(test.fleet.Bind())); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func (f Fleet) attached(networks ...nlb.PrivateNetwork) Fleet {
	f.Networks = networks
	return f
}

func TestTheZoneOfABinding(t *testing.T) {
	for name, test := range map[string]struct {
		fleet Fleet
		zone  string
		says  string
	}{
		"is the instance's":               {fleet([]nlb.Instance{member(1, blue, inVienna)}, node(1)).using(vienna), vienna, "is instance"},
		"is where it was, once it's gone": {fleet(nil, node(1)).using(vienna).knowing(record(1, "node-1", ofZone(vienna))), vienna, "which zone at-vie-1 doesn't have any more"},
		"is the operator's, if there is none": {
			fleet(nil, node(1)).using(vienna), zone, "the zones in use (ch-gva-2, at-vie-1) have none of that id"},
		"says so of one zone, too": {fleet(nil, node(1)), zone, "zone ch-gva-2 has none of that id"},
		"is the first, if the operator has none": {
			func() Fleet { f := fleet(nil, node(1)); f.Zone, f.Read = "", []string{vienna}; return f }(), vienna, "zone at-vie-1 has none"},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.fleet.Bind().All[0]
			if got.Zone != test.zone || !strings.Contains(got.Verdict.Message, test.says) {
				t.Errorf("got %s: %s", got.Zone, got.Verdict.Message)
			}
		})
	}
}

// A refused Node keeps its NodeIdentity, whichever zone it was refused in first.
func TestARefusedNodeKeepsItsNodeIdentityAcrossZones(t *testing.T) {
	holder := member(4, green, inVienna)
	got := fleet([]nlb.Instance{holder}, node(4), node(4, bearing("mallory"))).using(vienna).knowing(refusedAs("mallory.00000000.refused", 4)).Bind()
	want := found{All: []string{"mallory.00000000.refused: mallory " + v1alpha1.ReasonInUseByOther, "node-4: node-4 Verified"}}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}
