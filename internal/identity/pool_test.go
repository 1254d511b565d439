package identity

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
	blue  = "b1000000-0000-4000-8000-000000000000"
	green = "91000000-0000-4000-8000-000000000000"
	red   = "7ed00000-0000-4000-8000-000000000000"
)

// instanceOf is the id of the n-th instance of the tests.
func instanceOf(n byte) string { return "00000000-0000-4000-8000-00000000000" + string('0'+n) }

var zoneOfTests = Input{
	Instances: []nlb.Instance{
		{ID: instanceOf(1), InstancePoolID: blue}, {ID: instanceOf(2), InstancePoolID: blue}, {ID: instanceOf(3), InstancePoolID: blue},
		{ID: instanceOf(4), InstancePoolID: green}, {ID: instanceOf(5), InstancePoolID: green},
		{ID: instanceOf(6), InstancePoolID: red},
		{ID: instanceOf(7)}, // in no pool
	},
	Pools: []nlb.InstancePool{{ID: blue, Name: "blue"}, {ID: green, Name: "green"}, {ID: red, Name: "red"}},
}

func given(current string, nodes ...corev1.Node) Input {
	in := zoneOfTests
	in.Nodes, in.Current = nodes, current
	in.Trust = trusting(nodes...)
	return in
}

// trusting is the Trust in Nodes that are all verified, but for those that aren't.
func trusting(nodes ...corev1.Node) Trust {
	var known []v1alpha1.NodeIdentity
	for i := range nodes {
		var of v1alpha1.NodeIdentity
		switch nodes[i].Annotations[toldBy] {
		case "nothing":
			continue
		case "refuted":
			of = about(0, metav1.ConditionFalse, v1alpha1.ReasonNameMismatch)
		case "missing":
			of = about(0, metav1.ConditionFalse, v1alpha1.ReasonNotFound)
		default:
			of = about(0, metav1.ConditionTrue, v1alpha1.ReasonVerified)
		}
		of.Spec.InstanceID, of.Status.NodeName = NodeInstanceID(&nodes[i]), nodes[i].Name
		known = append(known, of)
	}
	return TrustBy(known)
}

// toldBy is the annotation by which a Node of the tests says what is said of it.
const toldBy = "told"

func isUndecided(n *corev1.Node) { n.Annotations = map[string]string{toldBy: "nothing"} }
func isRefuted(n *corev1.Node)   { n.Annotations = map[string]string{toldBy: "refuted"} }
func isMissing(n *corev1.Node)   { n.Annotations = map[string]string{toldBy: "missing"} }

type trait func(*corev1.Node)

// node is a ready Node that is the n-th instance.
func node(n byte, traits ...trait) corev1.Node {
	made := corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-" + string('0'+n)},
		Spec:       corev1.NodeSpec{ProviderID: ProviderPrefix + instanceOf(n)},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
	}
	for _, set := range traits {
		set(&made)
	}
	return made
}

func isCordoned(n *corev1.Node) { n.Spec.Unschedulable = true }
func isNotReady(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse }
func isLeaving(n *corev1.Node)  { n.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
func isExcluded(n *corev1.Node) {
	n.Labels = map[string]string{corev1.LabelNodeExcludeBalancers: ""}
}
func isNonsense(n *corev1.Node)  { n.Spec.ProviderID = ProviderPrefix + "x" }
func isElsewhere(n *corev1.Node) { n.Spec.ProviderID = "other://machine" }
func onlySystemUUID(n *corev1.Node) {
	n.Spec.ProviderID, n.Status.NodeInfo.SystemUUID = "", strings.ToUpper(strings.TrimPrefix(n.Spec.ProviderID, ProviderPrefix))
}

func TestInferPool(t *testing.T) {
	for name, test := range map[string]struct {
		given  Input
		pool   string
		reason string
	}{
		"all nodes in one pool":                                      {given: given("", node(1), node(2)), pool: blue},
		"nodes that only tell their systemUUID, in upper case":       {given: given("", node(1, onlySystemUUID)), pool: blue},
		"fault 7: a node that is no Exoscale instance is skipped":    {given: given("", node(1), node(9, isElsewhere)), pool: blue},
		"a node whose instance doesn't exist is skipped":             {given: given("", node(1), node(9)), pool: blue},
		"a standalone instance is skipped":                           {given: given("", node(1), node(7)), pool: blue},
		"an excluded node is skipped":                                {given: given("", node(1), node(4, isExcluded)), pool: blue},
		"a node that is being deleted is skipped":                    {given: given("", node(1), node(4, isLeaving)), pool: blue},
		"a first pool needn't be ready":                              {given: given("", node(1, isNotReady)), pool: blue},
		"two pools":                                                  {given: given("", node(1), node(4)), reason: v1alpha1.ReasonAmbiguousInstancePool},
		"two pools, one of them all cordoned":                        {given: given("", node(1, isCordoned), node(4)), pool: green},
		"one pool, all cordoned":                                     {given: given("", node(1, isCordoned)), pool: blue},
		"two pools, both all cordoned":                               {given: given("", node(1, isCordoned), node(4, isCordoned)), reason: v1alpha1.ReasonAmbiguousInstancePool},
		"no node at all":                                             {given: given(""), reason: v1alpha1.ReasonNoEligibleNodes},
		"no eligible node":                                           {given: given("", node(1, isExcluded), node(7)), reason: v1alpha1.ReasonNoEligibleNodes},
		"the current pool is kept beside another":                    {given: given(blue, node(1), node(4)), pool: blue},
		"the current pool is kept while some node isn't cordoned":    {given: given(blue, node(1, isCordoned), node(2), node(4)), pool: blue},
		"the current pool is kept though its nodes aren't ready":     {given: given(blue, node(1, isNotReady), node(4)), pool: blue},
		"fault 6: a replaced pool gives way to the one that is left": {given: given(blue, node(4)), pool: green},
		"fault 6: a cordoned pool gives way to a ready one":          {given: given(blue, node(1, isCordoned), node(4)), pool: green},
		"a cordoned pool stays while the other isn't ready":          {given: given(blue, node(1, isCordoned), node(4, isNotReady)), pool: blue},
		"a cordoned pool stays while the other is cordoned too":      {given: given(blue, node(1, isCordoned), node(4, isCordoned)), pool: blue},
		"a cordoned pool, one ready and one starting beside it":      {given: given(blue, node(1, isCordoned), node(4), node(6, isNotReady)), pool: green},
		"a cordoned pool, two ready ones beside it":                  {given: given(blue, node(1, isCordoned), node(4), node(6)), reason: v1alpha1.ReasonAmbiguousInstancePool},
		"an empty pool stays while there is nothing else":            {given: given(blue), pool: blue},
		"an empty pool stays while the other isn't ready":            {given: given(blue, node(4, isNotReady)), pool: blue},
		"a pool that is gone gives way to one that isn't ready":      {given: given("gone", node(4, isNotReady)), pool: green},
		"a pool that is gone, and nothing else":                      {given: given("gone"), reason: v1alpha1.ReasonNoEligibleNodes},

		"a refuted node is skipped":                                     {given: given("", node(1), node(4, isRefuted)), pool: blue},
		"refuted nodes only":                                            {given: given("", node(1, isRefuted)), reason: v1alpha1.ReasonNoEligibleNodes},
		"refuted nodes don't hold a pool":                               {given: given(blue, node(1, isRefuted), node(4)), pool: green},
		"one that is looked for in vain is waited for by nobody":        {given: given("", node(1), node(9, isMissing)), pool: blue},
		"one that was, and is listed now, is waited for":                {given: given("", node(1), node(4, isMissing)), reason: v1alpha1.ReasonWaitingForVerification},
		"and keeps the traffic where it is":                             {given: given(blue, node(1, isMissing), node(4)), pool: blue},
		"one whose providerID is no instance's is waited for by nobody": {given: given("", node(1), node(9, isNonsense, isUndecided)), pool: blue},
		"a node without a verdict is waited for":                        {given: given("", node(1, isUndecided)), reason: v1alpha1.ReasonWaitingForVerification},
		"even if it is cordoned, it is no reason to wait":               {given: given("", node(1, isUndecided, isCordoned)), reason: v1alpha1.ReasonNoEligibleNodes},
		"a pool that might get company is waited for":                   {given: given("", node(1), node(4, isUndecided)), reason: v1alpha1.ReasonWaitingForVerification},
		"a pool that is verified by another node isn't":                 {given: given("", node(1), node(2, isUndecided)), pool: blue},
		"ambiguity doesn't wait":                                        {given: given("", node(1), node(4), node(6, isUndecided)), reason: v1alpha1.ReasonAmbiguousInstancePool},
		"a foreign machine is waited for by nobody":                     {given: given("", node(1), node(9, isElsewhere, isUndecided)), pool: blue},
		"an instance that isn't listed yet is waited for":               {given: given("", node(1), node(9, isUndecided)), reason: v1alpha1.ReasonWaitingForVerification},
		"one that is a machine elsewhere by all that is known isn't":    {given: given("", node(1), node(9, onlySystemUUID, isUndecided)), pool: blue},
		"an instance that isn't listed yet may be a second successor":   {given: given(blue, node(1, isCordoned), node(4), node(9, isUndecided)), pool: blue},
		"a node without a verdict keeps the traffic where it is":        {given: given(blue, node(1, isUndecided), node(4)), pool: blue},
		"one that is cordoned doesn't":                                  {given: given(blue, node(1, isUndecided, isCordoned), node(4)), pool: green},
		"and leads it nowhere":                                          {given: given(blue, node(1, isCordoned), node(4, isUndecided)), pool: blue},
		"a cordoned pool stays while a second successor may come":       {given: given(blue, node(1, isCordoned), node(4), node(6, isUndecided)), pool: blue},
		"a pool that is gone waits for a second successor":              {given: given("gone", node(4), node(6, isUndecided)), reason: v1alpha1.ReasonWaitingForVerification},
		"a pool that is gone, and one without a verdict":                {given: given("gone", node(4, isUndecided)), reason: v1alpha1.ReasonWaitingForVerification},
		"a pool that is gone, and one verified besides one without one": {given: given("gone", node(4), node(5, isUndecided)), pool: green},
	} {
		t.Run(name, func(t *testing.T) {
			got := InferPool(test.given)
			if got.PoolID != test.pool || got.Reason != test.reason {
				t.Errorf("got pool %q, reason %q (%s); want %q, %q", got.PoolID, got.Reason, got.Message, test.pool, test.reason)
			}
			if (got.PoolID == "") == (got.Message == "") {
				t.Errorf("pool %q with message %q: exactly one of them tells the result", got.PoolID, got.Message)
			}
		})
	}
}

func TestTheStateOfAPool(t *testing.T) {
	for name, test := range map[string]struct {
		given Input
		want  nlb.PoolState
	}{
		"nodes in service":                  {given(blue, node(1), node(2), node(4)), nlb.PoolState{InService: 2, Ready: 2}},
		"one isn't ready":                   {given(blue, node(1), node(2, isNotReady)), nlb.PoolState{InService: 2, Ready: 1}},
		"one is cordoned":                   {given(blue, node(1), node(2, isCordoned)), nlb.PoolState{InService: 1, Ready: 1, Cordoned: 1}},
		"all are cordoned":                  {given(blue, node(1, isCordoned), node(2, isCordoned)), nlb.PoolState{Cordoned: 2}},
		"excluded, leaving or refuted ones": {given(blue, node(1, isExcluded), node(2, isLeaving), node(3, isRefuted)), nlb.PoolState{}},
		"one without a verdict":             {given(blue, node(1, isUndecided)), nlb.PoolState{InService: 1}},
		"one without a verdict, cordoned":   {given(blue, node(1, isUndecided, isCordoned)), nlb.PoolState{}},
		"no node":                           {given(blue, node(4)), nlb.PoolState{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.given.State(blue)
			if got.ID != blue || got.Name == "" {
				t.Errorf("it is called %s", got)
			}
			if got.ID, got.Name = "", ""; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	pools := given(blue, node(1, isExcluded), node(4, isRefuted), node(7), node(9, isElsewhere)).PoolsOf()
	if len(pools) != 2 || pools["node-1"] != blue || pools["node-4"] != green {
		t.Errorf("the Nodes are in %v", pools)
	}
}

func TestInferPoolDoesNotDependOnTheOrder(t *testing.T) {
	nodes := []corev1.Node{node(6), node(2), node(4), node(1), node(5)}
	want := InferPool(given("", nodes...))
	slices.Reverse(nodes)
	got := InferPool(given("", nodes...))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Candidate{})); diff != "" {
		t.Error(diff)
	}
}

func TestMessages(t *testing.T) {
	for name, test := range map[string]struct {
		given Input
		want  string
	}{
		"ambiguity lists pools and nodes": {
			given("", node(2), node(1), node(4)),
			`the nodes are in 2 instance pools: "blue" (` + blue + `) with node-1, node-2; "green" (` + green + `) with node-4; say which one receives the traffic`,
		},
		"no nodes": {given(""), "there is no node to forward to"},
		"who is waited for": {
			given("", node(5, isUndecided), node(4, isUndecided), node(1)),
			"waiting until it is verified which instances these nodes are: node-4, node-5",
		},
		"why none is eligible": {
			given("", node(1, isExcluded), node(2, isLeaving), node(3, isExcluded), node(4, isRefuted), node(7), node(9, isElsewhere)),
			"none of 6 nodes can receive traffic (being deleted: 1, excluded by the label node.kubernetes.io/exclude-from-external-load-balancers: 2, " +
				"not verified, see kubectl get nodeid: 1, not an Exoscale instance of the zone: 1, not in an instance pool: 1)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, InferPool(test.given).Message); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a large pool's nodes aren't all listed", func(t *testing.T) {
		got := Candidate{PoolID: blue, PoolName: "blue", Nodes: []string{"a", "b", "c", "d", "e", "f", "g"}}.String()
		if want := `"blue" (` + blue + `) with a, b, c, d, e and 2 more`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
