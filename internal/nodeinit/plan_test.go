package nodeinit

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const (
	instance = "11111111-0000-4000-8000-000000000001"
	public4  = "192.0.2.7"
	public6  = "2001:db8::7"
	private  = "10.0.0.7"
)

var (
	taint = corev1.Taint{Key: Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule}
	other = corev1.Taint{Key: "example.com/theirs", Effect: corev1.TaintEffectNoExecute}
)

type trait func(*corev1.Node)

// fresh is a Node as a kubelet with --cloud-provider=external registers it.
func fresh(traits ...trait) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelOSStable: "linux"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{other, taint}},
		Status: corev1.NodeStatus{
			NodeInfo:  corev1.NodeSystemInfo{SystemUUID: instance},
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "node-1"}},
		},
	}
	for _, set := range traits {
		set(node)
	}
	return node
}

// initialised is a Node that has everything, in the order of Exoscale's controller.
func initialised(traits ...trait) *corev1.Node {
	return fresh(append([]trait{func(n *corev1.Node) {
		n.Spec.ProviderID, n.Spec.Taints = "exoscale://"+instance, nil
		maps.Copy(n.Labels, allLabels)
		n.Status.Addresses = []corev1.NodeAddress{hostname("node-1"), outer(public4), inner(public4)}
	}}, traits...)...)
}

// verified is the NodeIdentity of the Node, with a public address.
func verified(edits ...func(*v1alpha1.NodeIdentity)) *v1alpha1.NodeIdentity {
	known := &v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1"},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: instance, Zone: "ch-gva-2", Hostname: "node-1"},
		Status: v1alpha1.NodeIdentityStatus{
			NodeName: "node-1", InstanceName: "node-1", InstanceType: "standard.medium",
			Addresses: []corev1.NodeAddress{outer(public4)},
		},
	}
	meta.SetStatusCondition(&known.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionVerified, Status: metav1.ConditionTrue, Reason: "Verified"})
	for _, edit := range edits {
		edit(known)
	}
	return known
}

func with(addresses ...corev1.NodeAddress) func(*v1alpha1.NodeIdentity) {
	return func(known *v1alpha1.NodeIdentity) { known.Status.Addresses = addresses }
}

func has(addresses ...corev1.NodeAddress) trait {
	return func(n *corev1.Node) { n.Status.Addresses = addresses }
}

func uses(ips string) trait {
	return func(n *corev1.Node) { n.Annotations = map[string]string{ProvidedNodeIP: ips} }
}

func lacks(keys ...string) trait {
	return func(n *corev1.Node) {
		for _, key := range keys {
			delete(n.Labels, key)
		}
	}
}

func hostname(name string) corev1.NodeAddress {
	return corev1.NodeAddress{Type: corev1.NodeHostName, Address: name}
}
func inner(ip string) corev1.NodeAddress {
	return corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip}
}
func outer(ip string) corev1.NodeAddress {
	return corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: ip}
}

// allLabels are what Exoscale's controller sets, and the stable label of the zone.
var allLabels = map[string]string{
	"topology.kubernetes.io/zone":              "ch-gva-2",
	"topology.kubernetes.io/region":            "ch-gva-2",
	"failure-domain.beta.kubernetes.io/region": "ch-gva-2",
	"node.kubernetes.io/instance-type":         "standard.medium",
	"beta.kubernetes.io/instance-type":         "standard.medium",
}

// whole is what a fresh Node gets, with those addresses.
func whole(addresses ...corev1.NodeAddress) Plan {
	return Plan{
		Addresses:  append([]corev1.NodeAddress{hostname("node-1")}, addresses...),
		ProviderID: "exoscale://" + instance, Labels: allLabels, RemoveTaint: true,
	}
}

func TestFor(t *testing.T) {
	for name, test := range map[string]struct {
		node  *corev1.Node
		known *v1alpha1.NodeIdentity
		want  Plan
	}{
		"a fresh Node gets all of it, and a public address stands for the internal one": {
			fresh(), verified(), whole(inner(public4), outer(public4)),
		},
		"a fresh Node of both families": {
			fresh(), verified(with(outer(public4), outer(public6))),
			whole(inner(public4), inner(public6), outer(public4), outer(public6)),
		},
		"a fresh Node on a private network": {
			fresh(), verified(with(outer(public4), inner(private), outer(public6))),
			whole(inner(private), outer(public4), outer(public6)),
		},
		"a fresh Node without public address": {
			fresh(), verified(with(inner(private))), whole(inner(private)),
		},
		"the hostname is the Node's name, whatever else is known": {
			fresh(), verified(with(hostname("other"), outer(public4))), whole(inner(public4), outer(public4)),
		},
		"a fresh Node whose providerID the kubelet has set keeps it": {
			fresh(func(n *corev1.Node) { n.Spec.ProviderID = "exoscale://" + strings.ToUpper(instance) }), verified(),
			func() Plan { p := whole(inner(public4), outer(public4)); p.ProviderID = ""; return p }(),
		},
		"labels of a fresh Node are replaced": {
			fresh(func(n *corev1.Node) { maps.Copy(n.Labels, allLabels); n.Labels[corev1.LabelTopologyZone] = "elsewhere" }), verified(),
			func() Plan {
				p := whole(inner(public4), outer(public4))
				p.Labels = map[string]string{corev1.LabelTopologyZone: "ch-gva-2"}
				return p
			}(),
		},

		"the address that the kubelet uses is the only internal one": {
			fresh(uses("10.0.1.7")), verified(with(outer(public4), inner(private), inner("10.0.1.7"))),
			whole(inner("10.0.1.7"), outer(public4)),
		},
		"of each family, one": {
			fresh(uses(private + ", 2001:0db8:0:0::7")), verified(with(outer(public4), outer(public6), inner(private))),
			whole(inner(private), inner(public6), outer(public6)),
		},
		"a public address that the kubelet uses leaves out those that it doesn't": {
			fresh(uses(public4)), verified(with(outer(public4), outer(public6), inner(private))),
			whole(inner(public4), outer(public4)),
		},
		"an address that isn't the instance's": {
			fresh(uses("10.9.9.9")), verified(),
			Plan{Problem: `the kubelet says by the annotation alpha.kubernetes.io/provided-node-ip that it uses "10.9.9.9", which is no address of the instance (192.0.2.7): correct its --node-ip, or attach the instance to that network`},
		},
		"one of two addresses that isn't the instance's": {
			fresh(uses(public4 + ",nonsense")), verified(),
			Plan{Problem: `the kubelet says by the annotation alpha.kubernetes.io/provided-node-ip that it uses "nonsense", which is no address of the instance (192.0.2.7): correct its --node-ip, or attach the instance to that network`},
		},

		"an instance type that isn't known yet keeps the taint": {
			fresh(), verified(func(k *v1alpha1.NodeIdentity) { k.Status.InstanceType = "" }),
			Plan{Awaited: "NodeIdentity node-1 has no instance type yet"},
		},
		"addresses that aren't known yet keep the taint": {
			fresh(), verified(with()), Plan{Awaited: "NodeIdentity node-1 has no addresses yet"},
		},
		"an instance type that can't be a label keeps the taint": {
			fresh(), verified(func(k *v1alpha1.NodeIdentity) { k.Status.InstanceType = "a b" }),
			Plan{Problem: `the instance type "a b" can't be a label: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`},
		},

		"a Node that has everything gets nothing, whatever the order of its addresses": {initialised(), verified(), Plan{}},
		"a Node without a NodeIdentity gets nothing":                                   {fresh(), nil, Plan{}},
		"an unverified Node gets nothing": {
			fresh(), verified(func(k *v1alpha1.NodeIdentity) { k.Status.Conditions[0].Status = metav1.ConditionFalse }), Plan{},
		},
		"a Node of which nothing is known yet gets nothing": {
			fresh(), verified(func(k *v1alpha1.NodeIdentity) { k.Status.Conditions = nil }), Plan{},
		},
		"a Node that says it is another instance gets nothing": {
			fresh(func(n *corev1.Node) { n.Status.NodeInfo.SystemUUID = "22222222-0000-4000-8000-000000000002" }), verified(), Plan{},
		},
		"a Node that the NodeIdentity isn't about gets nothing": {
			fresh(func(n *corev1.Node) { n.Name = "node-2" }), verified(), Plan{},
		},
		"a Node of another provider gets nothing": {
			fresh(func(n *corev1.Node) { n.Spec.ProviderID = "metal://rack-7" }), verified(), Plan{},
		},
		"a Node that is being deleted gets nothing": {
			fresh(func(n *corev1.Node) { n.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }), verified(), Plan{},
		},
		"a NodeIdentity that is being deleted gives nothing": {
			fresh(), verified(func(k *v1alpha1.NodeIdentity) { k.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }), Plan{},
		},

		"an initialised Node gets the labels that it lacks": {
			initialised(lacks(corev1.LabelTopologyZone)), verified(),
			Plan{Labels: map[string]string{corev1.LabelTopologyZone: "ch-gva-2"}},
		},
		"an initialised Node keeps labels that somebody changed": {
			initialised(func(n *corev1.Node) { n.Labels[corev1.LabelTopologyRegion] = "west" }), verified(), Plan{},
		},
		"an initialised Node without providerID gets it": {
			initialised(func(n *corev1.Node) { n.Spec.ProviderID = "" }), verified(), Plan{ProviderID: "exoscale://" + instance},
		},
		"a new address of the instance is added": {
			initialised(), verified(with(outer(public4), outer(public6))),
			Plan{Addresses: []corev1.NodeAddress{hostname("node-1"), inner(public4), outer(public4), outer(public6)}},
		},
		"an internal address in use isn't given up for a private network": {
			initialised(), verified(with(outer(public4), inner(private))), Plan{},
		},
		"an internal address that the instance has no more is replaced": {
			initialised(has(hostname("node-1"), inner("10.0.0.99"), outer(public4))), verified(with(outer(public4), inner(private))),
			Plan{Addresses: []corev1.NodeAddress{hostname("node-1"), inner(private), outer(public4)}},
		},
		"addresses that a kubelet keeps by itself stay": {
			initialised(has(hostname("other"), inner(private))), verified(with(outer(public4), inner(private))), Plan{},
		},
		"addresses that a kubelet leaves to the cloud provider don't": {
			initialised(has(hostname("node-1"), inner(private)), uses(private)), verified(with(outer(public4), inner(private))),
			Plan{Addresses: []corev1.NodeAddress{hostname("node-1"), inner(private), outer(public4)}},
		},
		"names of an initialised Node stay": {
			initialised(has(hostname("node"), outer(public4), inner(public4), corev1.NodeAddress{Type: corev1.NodeInternalDNS, Address: "node.internal"})),
			verified(with(hostname("other"), outer(public4), outer(public6))),
			Plan{Addresses: []corev1.NodeAddress{
				hostname("node"), {Type: corev1.NodeInternalDNS, Address: "node.internal"}, inner(public4), outer(public4), outer(public6),
			}},
		},
		"an initialised Node without any name gets its own": {
			initialised(has(outer(public4), inner(public4))), verified(),
			Plan{Addresses: []corev1.NodeAddress{hostname("node-1"), inner(public4), outer(public4)}},
		},
		"names of a fresh Node give way to its own": {
			fresh(has(hostname("localhost"))), verified(), whole(inner(public4), outer(public4)),
		},
		"an initialised Node whose instance has no address known keeps its own": {
			initialised(), verified(with()), Plan{},
		},
		"a problem with the addresses of an initialised Node keeps it from nothing else": {
			initialised(uses("10.9.9.9"), lacks(corev1.LabelTopologyZone)), verified(),
			Plan{Labels: map[string]string{corev1.LabelTopologyZone: "ch-gva-2"}},
		},
		"an unknown instance type keeps an initialised Node from nothing else": {
			initialised(), verified(with(outer(public4), outer(public6)), func(k *v1alpha1.NodeIdentity) { k.Status.InstanceType = "" }),
			Plan{Addresses: []corev1.NodeAddress{hostname("node-1"), inner(public4), outer(public4), outer(public6)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := test.node.DeepCopy()
			got := For(test.node, test.known)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if diff := cmp.Diff(before, test.node); diff != "" {
				t.Errorf("the Node that was looked at was changed:\n%s", diff)
			}
			if again := For(carriedOut(test.node, got), test.known); got.Problem+got.Awaited == "" && !again.Empty() {
				t.Errorf("once carried out, there is more to do: %+v", again)
			}
		})
	}
}

// carriedOut is the Node after the plan.
func carriedOut(node *corev1.Node, plan Plan) *corev1.Node {
	node = node.DeepCopy()
	if plan.Addresses != nil {
		node.Status.Addresses = plan.Addresses
	}
	plan.ChangeNode(node)
	return node
}

func TestAPlanLeavesWhatIsOthers(t *testing.T) {
	t.Parallel()
	node := fresh()
	taints := slices.Clone(node.Spec.Taints)
	got := node.DeepCopy()
	whole().ChangeNode(got)
	if diff := cmp.Diff([]corev1.Taint{other}, got.Spec.Taints); diff != "" {
		t.Errorf("taints, want -, got +:\n%s", diff)
	}
	if got.Labels[corev1.LabelOSStable] != "linux" {
		t.Errorf("a label is lost: %v", got.Labels)
	}
	shared := &corev1.Node{Spec: corev1.NodeSpec{Taints: node.Spec.Taints}}
	whole().ChangeNode(shared) // has no labels
	if diff := cmp.Diff(taints, node.Spec.Taints); diff != "" {
		t.Errorf("taints of a Node that shares its memory were changed:\n%s", diff)
	}
	if diff := cmp.Diff(allLabels, shared.Labels); diff != "" {
		t.Errorf("labels, want -, got +:\n%s", diff)
	}
}
