package identity

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

const zone = "ch-gva-2"

// member is the n-th instance, called as the n-th Node is, in a pool.
func member(n byte, pool string, edits ...func(*nlb.Instance)) nlb.Instance {
	made := nlb.Instance{
		ID: instanceOf(n), Name: "node-" + string('0'+n), Zone: zone, State: "running",
		PublicIP: "192.0.2." + string('0'+n), InstancePoolID: pool, TypeID: "medium",
	}
	for _, edit := range edits {
		edit(&made)
	}
	return made
}

func called(name string) func(*nlb.Instance) { return func(i *nlb.Instance) { i.Name = name } }

// fleet is a zone with some instances, in the pools of these tests.
func fleet(instances []nlb.Instance, nodes ...corev1.Node) Fleet {
	return Fleet{
		Zone: zone, Read: []string{zone}, Nodes: nodes, Instances: instances,
		Pools:     []nlb.InstancePool{{ID: blue, Name: "blue", SKSNodepoolID: "n"}, {ID: green, Name: "green"}, {ID: red, Name: "red"}},
		Nodepools: []nlb.SKSNodepool{{ID: "n", Name: "Ingress", ClusterName: "prod", InstancePoolID: blue}},
		Types:     []nlb.InstanceType{{ID: "medium", Family: "standard", Size: "medium"}},
	}
}

// knowing is a fleet of which NodeIdentities exist already.
func (f Fleet) knowing(known ...v1alpha1.NodeIdentity) Fleet {
	f.Known = known
	return f
}

func (f Fleet) watching(pools ...string) Fleet {
	f.WatchedPools = pools
	return f
}

// verifiedAt is when the NodeIdentities of these tests were verified.
var verifiedAt = time.Unix(1000, 0)

// record is the NodeIdentity of the n-th instance, as it was left when the Node
// was verified.
func record(n byte, node string, edits ...func(*v1alpha1.NodeIdentity)) v1alpha1.NodeIdentity {
	made := v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: "node-" + string('0'+n)},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: instanceOf(n), Zone: zone, Hostname: "node-" + string('0'+n)},
		Status: v1alpha1.NodeIdentityStatus{NodeName: node, Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionVerified, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonVerified, LastTransitionTime: metav1.NewTime(verifiedAt)},
			{Type: v1alpha1.ConditionJoined, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonJoined},
		}},
	}
	for _, edit := range edits {
		edit(&made)
	}
	return made
}

// becoming makes a condition of a NodeIdentity another one.
func becoming(kind string, status metav1.ConditionStatus, reason string) func(*v1alpha1.NodeIdentity) {
	return func(known *v1alpha1.NodeIdentity) {
		meta.SetStatusCondition(&known.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason})
	}
}

// moved is what a NodeIdentity says while its Node says to be another instance.
func moved(known *v1alpha1.NodeIdentity) {
	becoming(v1alpha1.ConditionVerified, metav1.ConditionFalse, v1alpha1.ReasonInstanceMismatch)(known)
	becoming(v1alpha1.ConditionJoined, metav1.ConditionFalse, v1alpha1.ReasonInstanceMismatch)(known)
}

func ofZone(name string) func(*v1alpha1.NodeIdentity) {
	return func(known *v1alpha1.NodeIdentity) { known.Spec.Zone = name }
}

func as(n byte) trait {
	return func(o *corev1.Node) { o.Spec.ProviderID = ProviderPrefix + instanceOf(n) }
}

func bearing(name string) trait { return func(n *corev1.Node) { n.Name = name } }

func runsOn(n byte) trait {
	return func(o *corev1.Node) { o.Status.NodeInfo.SystemUUID = instanceOf(n) }
}

func made(seconds int64) trait {
	return func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(time.Unix(seconds, 0)) }
}

// awaiting is the fleet when its list of instances says nothing of the n-th one.
func (f Fleet) awaiting(n byte) Fleet {
	f.Awaited = map[string]bool{instanceOf(n): true}
	return f
}

// told is a binding in a line: its object, the Node, the verdict.
func told(b Binding) string {
	node := "nobody"
	switch {
	case b.Node != nil:
		node = b.Node.Name
	case b.Former != nil:
		node = b.Former.Name + " no more"
	}
	return fmt.Sprintf("%s: %s %s", b.Name, node, b.Verdict.Reason)
}

// found is what Bind came to, in lines.
type found struct{ All, Vanished, Foreign, Unlisted []string }

func lines(b Bindings) found {
	out := found{Foreign: b.Foreign, Unlisted: b.Unlisted}
	for _, bound := range b.All {
		out.All = append(out.All, told(bound))
	}
	for _, known := range b.Vanished {
		out.Vanished = append(out.Vanished, known.Name)
	}
	return out
}

// blueAndGreen are instances 1 and 2 in blue, 4 in green, 7 in no pool.
func blueAndGreen() []nlb.Instance {
	return []nlb.Instance{member(1, blue), member(2, blue), member(4, green), member(7, "")}
}

func TestOfWhomThereIsABinding(t *testing.T) {
	for name, test := range map[string]struct {
		fleet Fleet
		want  found
	}{
		"without Nodes and named pools nobody is": {fleet(blueAndGreen()), found{}},
		"a Node, and the other members of its pool": {fleet(blueAndGreen(), node(1)), found{
			All: []string{"node-1: node-1 Verified", "node-2: nobody NotJoined"}}},
		"a Node that only tells its systemUUID": {fleet(blueAndGreen(), node(4, onlySystemUUID)), found{All: []string{"node-4: node-4 Verified"}}},
		"a Node in no pool":                     {fleet(blueAndGreen(), node(7)), found{All: []string{"node-7: node-7 Verified"}}},
		"members of a pool named by its id":     {fleet(blueAndGreen()).watching(green), found{All: []string{"node-4: nobody NotJoined"}}},
		"members of a pool named by its name":   {fleet(blueAndGreen()).watching("green"), found{All: []string{"node-4: nobody NotJoined"}}},
		"members of all pools": {fleet(blueAndGreen()).watching(AllPools), found{
			All: []string{"node-1: nobody NotJoined", "node-2: nobody NotJoined", "node-4: nobody NotJoined"}}},
		"a member that only its pool tells of": {
			func() Fleet {
				f := fleet([]nlb.Instance{member(4, "")}).watching("green")
				f.Pools[1].InstanceIDs = []string{instanceOf(4)}
				return f
			}(), found{All: []string{"node-4: nobody NotJoined"}}},
		"an instance whose id is none is left out": {fleet([]nlb.Instance{{ID: "x", InstancePoolID: green}}).watching("green"), found{}},
		"fault 7: machines elsewhere are foreign": {
			fleet(blueAndGreen(), node(4), node(9, isElsewhere), node(8, onlySystemUUID, bearing("metal")), node(5, isElsewhere)),
			found{All: []string{"node-4: node-4 Verified"}, Foreign: []string{"metal", "node-5", "node-9"}, Unlisted: []string{instanceOf(8)}}},
		"an instance of another account or zone": {fleet(blueAndGreen(), node(9)), found{
			All: []string{"node-9.00000000.refused: node-9 NotFound"}, Unlisted: []string{instanceOf(9)}}},
		"an instance that is gone, while its Node is there": {
			fleet(nil, node(1)).knowing(record(1, "node-1")),
			found{All: []string{"node-1: node-1 NotFound"}, Unlisted: []string{instanceOf(1)}}},
		"an instance that is gone, of a Node that only tells its systemUUID": {
			fleet(nil, node(1, onlySystemUUID)).knowing(record(1, "node-1")),
			found{All: []string{"node-1: node-1 NotFound"}, Unlisted: []string{instanceOf(1)}}},
		"an instance that is gone, and its Node":          {fleet(nil).knowing(record(1, "node-1")), found{Vanished: []string{"node-1"}}},
		"a Node that is gone, of a member of the pool":    {fleet(blueAndGreen(), node(2)).knowing(record(1, "node-1")), found{All: []string{"node-1: nobody NotJoined", "node-2: node-2 Verified"}}},
		"a Node that is gone, and the pool isn't watched": {fleet(blueAndGreen()).knowing(record(1, "node-1")), found{Vanished: []string{"node-1"}}},
		"an instance that may be newer than the list": {
			fleet(blueAndGreen(), node(9)).awaiting(9), found{Unlisted: []string{instanceOf(9)}}},
		"one that may be newer, by its systemUUID": {
			fleet(blueAndGreen(), node(9, onlySystemUUID)).awaiting(9), found{Unlisted: []string{instanceOf(9)}}},
		"one that is listed isn't awaited": {
			fleet(blueAndGreen(), node(4)).awaiting(4), found{All: []string{"node-4: node-4 Verified"}}},
		"what is known of one that is awaited stays": {
			fleet(nil, node(1)).knowing(record(1, "node-1")).awaiting(1), found{Unlisted: []string{instanceOf(1)}}},
		"what is of a zone that isn't in use goes": {
			fleet(blueAndGreen(), node(4)).knowing(record(1, "node-1", ofZone(vienna))), found{All: []string{"node-4: node-4 Verified"}, Vanished: []string{"node-1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(test.fleet.Bind())); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

// Whoever comes later takes nothing from who was verified before.
func TestOfSeveralNodesOneIsTheInstance(t *testing.T) {
	for name, test := range map[string]struct {
		fleet Fleet
		want  []string
	}{
		"the one that was verified": {
			fleet(blueAndGreen()[:1], node(1), node(9, as(1), bearing("mallory"))).knowing(record(1, "node-1")),
			[]string{"mallory.00000000.refused: mallory InUseByOther", "node-1: node-1 Verified"}},
		"the one that was verified, though the newcomer pretends to be older": {
			fleet(blueAndGreen()[:1], node(1, made(500)), node(9, as(1), bearing("mallory"), made(1))).knowing(record(1, "node-1")),
			[]string{"mallory.00000000.refused: mallory InUseByOther", "node-1: node-1 Verified"}},
		"the one that was verified, though the newcomer has the very name": {
			fleet(blueAndGreen()[:1], node(1), node(1, bearing("node-1.example.com"))).knowing(record(1, "node-1.example.com")),
			[]string{"node-1: node-1.example.com Verified", "node-1.00000000.refused: node-1 InUseByOther"}},
		"the one of its name, though it is younger": {
			fleet(blueAndGreen()[:1], node(1, made(500)), node(9, as(1), bearing("mallory"), made(1))),
			[]string{"mallory.00000000.refused: mallory InUseByOther", "node-1: node-1 Verified"}},
		"the oldest, if none has its name": {
			fleet(blueAndGreen()[:1], node(9, as(1), bearing("young"), made(2)), node(9, as(1), bearing("old"), made(1))),
			[]string{"node-1: old NameMismatch", "young.00000000.refused: young InUseByOther"}},
		"one by its providerID, the other by its systemUUID": {
			fleet(blueAndGreen()[:1], node(1, onlySystemUUID), node(9, as(1), bearing("mallory"))).knowing(record(1, "node-1")),
			[]string{"mallory.00000000.refused: mallory InUseByOther", "node-1: node-1 Verified"}},
		"the instance is gone, and the one that was bound to it stays so": {
			fleet(nil, node(1), node(9, as(1), bearing("mallory"))).knowing(record(1, "node-1")),
			[]string{"mallory.00000000.refused: mallory InUseByOther", "node-1: node-1 NotFound"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(test.fleet.Bind()).All); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
			test.fleet.Nodes = slices.Clone(test.fleet.Nodes)
			slices.Reverse(test.fleet.Nodes)
			if diff := cmp.Diff(test.want, lines(test.fleet.Bind()).All); diff != "" {
				t.Errorf("in another order of the Nodes: - want, + got:\n%s", diff)
			}
		})
	}
}

// An instance is swapped under the name of a Node: it says to be another one than
// it was verified as.
func TestANodeStaysTheInstanceThatItWasVerifiedAs(t *testing.T) {
	both := blueAndGreen()[:2]
	renamed := []nlb.Instance{member(1, blue, called("old")), member(2, blue, called("node-1"))}
	for name, test := range map[string]struct {
		fleet Fleet
		want  []string
	}{
		"it says to be another one that exists": {
			fleet(renamed, node(1, as(2))).knowing(record(1, "node-1")),
			[]string{"node-1: node-1 no more InstanceMismatch", "node-1-00000000: node-1 InstanceMismatch"}},
		"and still says so in the next round": {
			fleet(renamed, node(1, as(2))).knowing(record(1, "node-1", moved), record(2, "node-1", becoming(v1alpha1.ConditionVerified, "False", "InstanceMismatch"))),
			[]string{"node-1: node-1 no more InstanceMismatch", "node-2: node-1 InstanceMismatch"}},
		"and comes back": {
			fleet(both, node(1)).knowing(record(1, "node-1", moved)),
			[]string{"node-1: node-1 Verified", "node-2: nobody NotJoined"}},
		"it says to be none": {
			fleet(both, node(1, isElsewhere), node(2)).knowing(record(1, "node-1")),
			[]string{"node-1: node-1 no more InstanceMismatch", "node-2: node-2 Verified"}},
		"its first instance is gone": {
			fleet(renamed[1:], node(1, as(2))).knowing(record(1, "node-1")),
			[]string{"node-1-00000000: node-1 Verified"}},
		"it was deleted, and has joined anew as the other": {
			fleet(renamed, node(1, as(2), made(2000))).knowing(record(1, "node-1")),
			[]string{"node-1: nobody NotJoined", "node-1-00000000: node-1 Verified"}},
		"providerID and systemUUID are of two instances": {
			fleet(both, node(1, runsOn(2))),
			[]string{"node-1: node-1 InstanceMismatch", "node-2: nobody NotJoined"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(test.fleet.Bind()).All); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestWhatABindingTellsOfTheInstance(t *testing.T) {
	got := fleet(blueAndGreen(), node(1), node(7)).Bind().All
	if first := got[0]; first.Pool.Name != "blue" || first.Nodepool != "prod/Ingress" || first.Type != "standard.medium" || first.Hostname() != "node-1" {
		t.Errorf("in a pool: %+v", first)
	}
	if last := got[2]; last.Pool != nil || last.Nodepool != "" || last.InstanceID != instanceOf(7) {
		t.Errorf("in no pool: %+v", last)
	}
}

func TestAnExcludedMemberIsToldOnlyAmongOthers(t *testing.T) {
	withUID := func(uid types.UID) trait { return func(n *corev1.Node) { n.UID = uid } }
	for name, test := range map[string]struct {
		nodes []corev1.Node
		want  []types.UID
	}{
		"beside one that isn't":                {[]corev1.Node{node(1, isExcluded, withUID("a")), node(2)}, []types.UID{"a"}},
		"all of the pool are":                  {[]corev1.Node{node(1, isExcluded), node(2, isExcluded)}, nil},
		"none is":                              {[]corev1.Node{node(1), node(2)}, nil},
		"beside one of another pool":           {[]corev1.Node{node(4, isExcluded), node(1)}, nil},
		"in no pool":                           {[]corev1.Node{node(7, isExcluded), node(1)}, nil},
		"beside one that isn't verified":       {[]corev1.Node{node(1, isExcluded), node(2, bearing("other"))}, nil},
		"one that isn't verified, beside some": {[]corev1.Node{node(1, isExcluded, bearing("other")), node(2)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []types.UID
			for uid := range fleet(blueAndGreen(), test.nodes...).Bind().ExcludedAmongOthers() {
				got = append(got, uid)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}
