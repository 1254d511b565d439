package nodegone

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

const (
	goneID  = "11111111-0000-4000-8000-000000000001"
	otherID = "22222222-0000-4000-8000-000000000002"
	thirdID = "33333333-0000-4000-8000-000000000003"
	zone    = "ch-gva-2"
)

var noon = time.Date(2026, 8, 7, 12, 0, 0, 0, time.UTC)

type trait func(*corev1.Node)

// silent is a Node of an hour whose kubelet reports no more.
func silent(traits ...trait) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", UID: "uid-1", CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))},
		Spec:       corev1.NodeSpec{ProviderID: "exoscale://" + goneID},
	}
	for _, set := range append([]trait{ready(corev1.ConditionUnknown, noon.Add(-10*time.Minute))}, traits...) {
		set(node)
	}
	return node
}

func ready(status corev1.ConditionStatus, heartbeat time.Time) trait {
	return func(n *corev1.Node) {
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status, LastHeartbeatTime: metav1.NewTime(heartbeat)}}
	}
}

// gone is the evidence of a Node that may go.
func gone(edits ...func(*Evidence)) Evidence {
	e := Evidence{
		Node:       silent(),
		Instance:   Recorded{NodeName: "node-1", InstanceID: goneID, Zone: zone},
		Lists:      Lists{Last: noon.Add(-time.Minute), Lacking: 2, Since: noon.Add(-3 * time.Minute), Missed: noon.Add(-3 * time.Minute)},
		Sibling:    Recorded{NodeName: "node-2", InstanceID: otherID, Zone: zone},
		OfInstance: Answer{Kind: Absent}, OfSibling: Answer{Kind: Present},
		Nodes: 10, Now: noon,
	}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

func node(traits ...trait) func(*Evidence) {
	return func(e *Evidence) { e.Node = silent(traits...) }
}

func answers(instance, sibling Answer) func(*Evidence) {
	return func(e *Evidence) { e.OfInstance, e.OfSibling = instance, sibling }
}

func counts(nodes, removed int) func(*Evidence) {
	return func(e *Evidence) { e.Nodes, e.Removed = nodes, removed }
}

// lately is when the instance was first missed only a minute ago.
func lately(e *Evidence) { e.Lists.Missed = noon.Add(-time.Minute) }

func TestDecide(t *testing.T) {
	present, absent := Answer{Kind: Present}, Answer{Kind: Absent}
	broken, refused := Answer{Kind: Unreachable, Words: "no answer in time"}, Answer{Kind: Refused, Words: "get-instance is not allowed (HTTP 403)"}
	stays := "Instance " + goneID + " seems to be gone from zone ch-gva-2, but the Node stays: "
	for name, test := range map[string]struct {
		given   Evidence
		want    Verdict
		message string // part of it
	}{
		"two lists, a 404, and a sibling that answers": {
			gone(), Remove,
			"Removing the Node: its instance " + goneID + " is gone from zone ch-gva-2: the last 2 lists lack it, it is not found when it is read, and instance " + otherID + " of Node node-2 is still there",
		},
		"a kubelet that reported NotReady before the instance went": {gone(node(ready(corev1.ConditionFalse, noon.Add(-4*time.Minute)))), Remove, ""},
		"a Node whose kubelet has never reported":                   {gone(node(func(n *corev1.Node) { n.Status.Conditions = nil })), Remove, ""},
		"no instance was ever recorded":                             {gone(func(e *Evidence) { e.Instance = Recorded{} }), Keep, ""},
		"the Node is being deleted":                                 {gone(node(func(n *corev1.Node) { n.DeletionTimestamp = &metav1.Time{Time: noon} })), Keep, ""},
		"the last list has it":                                      {gone(func(e *Evidence) { e.Lists = Lists{Last: noon} }), Keep, ""},
		"a list that can't be read, whatever was seen before":       {gone(func(e *Evidence) { e.Trouble = "HTTP 500" }), Wait, "can't be listed: HTTP 500"},
		"no list yet":                                                {gone(func(e *Evidence) { e.Lists = Lists{} }), Wait, "too old"},
		"a list of long ago":                                         {gone(func(e *Evidence) { e.Lists.Last = noon.Add(-6 * time.Minute) }), Wait, "too old"},
		"a Node that has just come":                                  {gone(node(func(n *corev1.Node) { n.CreationTimestamp = metav1.NewTime(noon.Add(-4 * time.Minute)) })), Wait, "younger than 5m0s"},
		"one list":                                                   {gone(func(e *Evidence) { e.Lists.Lacking = 1 }), Wait, "another list"},
		"an empty list, for a minute":                                {gone(func(e *Evidence) { e.Lists.Empty = true }, lately), Wait, "is empty"},
		"an empty list, for long":                                    {gone(func(e *Evidence) { e.Lists.Empty = true }), Halt, stays + "the list of instances of zone ch-gva-2 is empty"},
		"a kubelet that reports Ready, for a minute":                 {gone(node(ready(corev1.ConditionTrue, noon.Add(-10*time.Minute))), lately), Wait, "still reports"},
		"a kubelet that reports Ready, for long":                     {gone(node(ready(corev1.ConditionTrue, noon.Add(-10*time.Minute)))), Halt, stays + "its kubelet still reports"},
		"a kubelet that has reported NotReady since":                 {gone(node(ready(corev1.ConditionFalse, noon.Add(-2*time.Minute)))), Halt, "still reports"},
		"no other Node's instance in the list, for a minute":         {gone(func(e *Evidence) { e.Sibling = Recorded{} }, lately), Wait, "no other Node"},
		"no other Node's instance in the list, for long":             {gone(func(e *Evidence) { e.Sibling = Recorded{} }), Halt, stays + "the instance of no other Node is in the list of zone ch-gva-2"},
		"neither was read":                                           {gone(answers(Answer{}, Answer{})), Ask, ""},
		"the sibling wasn't read":                                    {gone(answers(absent, Answer{})), Ask, ""},
		"the instance wasn't read":                                   {gone(answers(Answer{}, present)), Ask, ""},
		"a read finds the instance, for a minute":                    {gone(answers(present, Answer{}), lately), Wait, "Exoscale shows the instance"},
		"a read finds the instance, for long":                        {gone(answers(present, present)), Halt, stays + "Exoscale shows the instance"},
		"a read of the instance that fails":                          {gone(answers(broken, present)), Wait, "no answer in time"},
		"a read of the instance that is refused":                     {gone(answers(refused, present)), Halt, "get-instance is not allowed (HTTP 403)"},
		"a read of the sibling that fails, for a minute":             {gone(answers(absent, broken), lately), Wait, "no answer in time"},
		"a read of the sibling that fails, for long":                 {gone(answers(absent, broken)), Halt, "instance " + otherID + " of Node node-2, which should be there, can't be read: no answer in time"},
		"a read of the sibling that is refused":                      {gone(answers(absent, refused)), Halt, "HTTP 403"},
		"a sibling that isn't found, either":                         {gone(answers(absent, absent)), Halt, "can't be read: not found"},
		"the share is used up":                                       {gone(counts(8, 2)), Halt, stays + "2 of 10 Nodes were removed within 10 min, and 2 may be (20 %)"},
		"the share is used up, and nobody is asked any more":         {gone(counts(8, 2), answers(Answer{}, Answer{})), Halt, "2 may be"},
		"the share isn't used up":                                    {gone(counts(9, 1)), Remove, ""},
		"one Node of few may go":                                     {gone(counts(2, 0)), Remove, ""},
		"the second Node of few may not":                             {gone(counts(2, 1)), Halt, "1 of 3 Nodes were removed within 10 min, and 1 may be (20 %)"},
		"a share is rounded down":                                    {gone(counts(13, 1)), Remove, ""},
		"a share that is rounded down is used up":                    {gone(counts(12, 2)), Halt, "2 of 14"},
		"nothing but a known answer is taken for a 404":              {gone(answers(Answer{Kind: "Other", Words: "what?"}, present)), Wait, "what?"},
		"nothing but a known answer is taken for a living sibling":   {gone(answers(absent, Answer{Kind: "Other", Words: "what?"})), Halt, "what?"},
		"a list without the instance, after one that isn't counted":  {gone(func(e *Evidence) { e.Lists.Lacking = 0; e.Lists.Since = time.Time{} }), Wait, "another list"},
		"an error goes before a Node that leaves nothing to look at": {gone(func(e *Evidence) { e.Trouble = "HTTP 403"; e.Lists = Lists{} }), Wait, "HTTP 403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Decide(test.given, Limits{})
			if got.Verdict != test.want || !strings.Contains(got.Message, test.message) {
				t.Errorf("got %s: %q\nwant %s: %q", got.Verdict, got.Message, test.want, test.message)
			}
			if (got.Cause != "") != (got.Verdict == Halt) {
				t.Errorf("%s has the cause %q", got.Verdict, got.Cause)
			}
			if told := got.Verdict != Keep && got.Verdict != Ask; told != (got.Message != "") {
				t.Errorf("%s says %q", got.Verdict, got.Message)
			}
		})
	}
}

func TestOtherLimitsHold(t *testing.T) {
	t.Parallel()
	half := Limits{MaxShare: 50, Window: 90 * time.Second, MinAge: 2 * time.Hour, MaxListAge: time.Second, Grace: time.Hour}
	if got := Decide(gone(), half); !strings.Contains(got.Message, "too old") {
		t.Errorf("MaxListAge: %+v", got)
	}
	half.MaxListAge = time.Hour
	if got := Decide(gone(), half); !strings.Contains(got.Message, "younger than 2h0m0s") {
		t.Errorf("MinAge: %+v", got)
	}
	half.MinAge = time.Minute
	if got := Decide(gone(func(e *Evidence) { e.Lists.Empty = true }), half); got.Verdict != Wait {
		t.Errorf("Grace: %+v", got)
	}
	if got := Decide(gone(counts(6, 4)), half); got.Verdict != Remove {
		t.Errorf("MaxShare: %+v", got)
	}
	if got := Decide(gone(counts(5, 5)), half); !strings.Contains(got.Message, "5 of 10 Nodes were removed within 1m30s, and 5 may be (50 %)") {
		t.Errorf("MaxShare: %+v", got)
	}
}

func TestWhatIsNoShareIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, share := range []int{-1, 0, 101} {
		if got := (Limits{MaxShare: share}).WithDefaults().MaxShare; got != 20 {
			t.Errorf("%d becomes %d", share, got)
		}
	}
}

func TestListsCountOnlyWhatTheyProve(t *testing.T) {
	t.Parallel()
	with, without := []nlb.Instance{{ID: goneID}, {ID: otherID}}, []nlb.Instance{{ID: otherID}}
	type list struct {
		holds []nlb.Instance
		at    time.Duration // since noon
	}
	at := noon.Add
	for name, test := range map[string]struct {
		given []list
		want  Lists
	}{
		"two that lack it":         {[]list{{without, 1}, {without, 2}}, Lists{Last: at(2), Lacking: 2, Since: at(1), Missed: at(1)}},
		"one, looked at twice":     {[]list{{without, 1}, {without, 1}}, Lists{Last: at(1), Lacking: 1, Since: at(1), Missed: at(1)}},
		"one that has it":          {[]list{{with, 1}}, Lists{Last: at(1)}},
		"one that has it after":    {[]list{{without, 1}, {without, 2}, {with, 3}}, Lists{Last: at(3)}},
		"one that has it between":  {[]list{{without, 1}, {with, 2}, {without, 3}}, Lists{Last: at(3), Lacking: 1, Since: at(3), Missed: at(3)}},
		"an older one afterwards":  {[]list{{without, 2}, {without, 1}}, Lists{Last: at(2), Lacking: 1, Since: at(2), Missed: at(2)}},
		"empty ones":               {[]list{{nil, 1}, {nil, 2}}, Lists{Last: at(2), Empty: true, Missed: at(1)}},
		"one after an empty one":   {[]list{{nil, 1}, {without, 2}}, Lists{Last: at(2), Lacking: 1, Since: at(2), Missed: at(1)}},
		"an empty one between":     {[]list{{without, 1}, {nil, 2}, {without, 3}}, Lists{Last: at(3), Lacking: 2, Since: at(1), Missed: at(1)}},
		"one from before the Node": {[]list{{without, -2 * time.Hour}, {without, 1}}, Lists{Last: at(1), Lacking: 1, Since: at(1), Missed: at(1)}},
		"one that was never read":  {[]list{{without, noon.Sub(time.Time{}) * -1}}, Lists{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got Lists
			for _, l := range test.given {
				got = got.Add(silent(), goneID, l.holds, at(l.at))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// knownAs is the NodeIdentity of a verified Node.
func knownAs(nodeName, id string, edits ...func(*v1alpha1.NodeIdentity)) v1alpha1.NodeIdentity {
	known := v1alpha1.NodeIdentity{
		Spec: v1alpha1.NodeIdentitySpec{InstanceID: id, Zone: zone, Hostname: nodeName},
		Status: v1alpha1.NodeIdentityStatus{
			NodeName: nodeName, InstanceName: nodeName,
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionVerified, Status: metav1.ConditionTrue}},
		},
	}
	for _, edit := range edits {
		edit(&known)
	}
	return known
}

func unverified(known *v1alpha1.NodeIdentity) {
	known.Status.Conditions[0].Status = metav1.ConditionFalse
}

func TestOnlyAnInstanceThatWasSeenIsRecorded(t *testing.T) {
	t.Parallel()
	recorded := Recorded{NodeName: "node-1", InstanceID: goneID, Zone: zone}
	for name, test := range map[string]struct {
		known *v1alpha1.NodeIdentity
		want  Recorded
	}{
		"verified":                     {new(knownAs("node-1", goneID)), recorded},
		"verified once":                {new(knownAs("node-1", goneID, unverified)), recorded},
		"never seen at Exoscale":       {new(knownAs("node-1", goneID, func(k *v1alpha1.NodeIdentity) { k.Status.InstanceName = "" })), Recorded{}},
		"refused":                      {new(knownAs("node-1", goneID, func(k *v1alpha1.NodeIdentity) { k.Labels = map[string]string{v1alpha1.LabelRefused: ""} })), Recorded{}},
		"another Node":                 {new(knownAs("node-2", goneID)), Recorded{}},
		"another instance":             {new(knownAs("node-1", otherID)), Recorded{}},
		"a member that has not joined": {new(knownAs("", goneID)), Recorded{}},
		"none":                         {nil, Recorded{}},
	} {
		if diff := cmp.Diff(test.want, RecordOf(silent(), test.known)); diff != "" {
			t.Errorf("%s, want -, got +:\n%s", name, diff)
		}
	}
}

func TestOnlyAVerifiedNodeInTheListIsASibling(t *testing.T) {
	t.Parallel()
	list := []nlb.Instance{{ID: goneID}, {ID: otherID}, {ID: thirdID}}
	elsewhere := func(k *v1alpha1.NodeIdentity) { k.Spec.Zone = "de-fra-1" }
	for name, test := range map[string]struct {
		known []v1alpha1.NodeIdentity
		want  string
	}{
		"the first of several":               {[]v1alpha1.NodeIdentity{knownAs("node-3", thirdID), knownAs("node-2", otherID), knownAs("node-1", goneID)}, "node-2"},
		"not the instance itself":            {[]v1alpha1.NodeIdentity{knownAs("node-1", goneID), knownAs("node-9", goneID)}, ""},
		"not another instance of this Node":  {[]v1alpha1.NodeIdentity{knownAs("node-1", otherID)}, ""},
		"not one that isn't verified":        {[]v1alpha1.NodeIdentity{knownAs("node-2", otherID, unverified)}, ""},
		"not one in another zone":            {[]v1alpha1.NodeIdentity{knownAs("node-2", otherID, elsewhere)}, ""},
		"not a member that has not joined":   {[]v1alpha1.NodeIdentity{knownAs("", otherID)}, ""},
		"not one that the list lacks, too":   {[]v1alpha1.NodeIdentity{knownAs("node-4", "44444444-0000-4000-8000-000000000004")}, ""},
		"not an instance that is of no Node": {nil, ""},
	} {
		got := SiblingOf(Recorded{NodeName: "node-1", InstanceID: goneID, Zone: zone}, test.known, list)
		if got.NodeName != test.want {
			t.Errorf("%s: got %+v, want %q", name, got, test.want)
		}
		if again := slices.Clone(test.known); test.want != "" {
			slices.Reverse(again)
			if SiblingOf(Recorded{NodeName: "node-1", InstanceID: goneID, Zone: zone}, again, list) != got {
				t.Errorf("%s: another order gives another sibling", name)
			}
		}
	}
}

func TestHealthyNodesAreNotLookedAt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		node     *corev1.Node
		verified bool
		want     bool
	}{
		"ready and verified": {silent(ready(corev1.ConditionTrue, noon)), true, false},
		"ready, unverified":  {silent(ready(corev1.ConditionTrue, noon)), false, true},
		"not ready":          {silent(ready(corev1.ConditionFalse, noon)), true, true},
		"silent":             {silent(), true, true},
		"never heard of":     {&corev1.Node{}, true, true},
	} {
		if got := Suspicious(test.node, test.verified); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
