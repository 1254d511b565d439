package identity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

type recorded = func(*v1alpha1.NodeIdentity)

// pinning is what an operator has recorded that pins addresses.
func pinning(source v1alpha1.PinSource, addresses ...string) recorded {
	return func(known *v1alpha1.NodeIdentity) {
		known.Status.NodeUID = "uid"
		for _, address := range addresses {
			known.Status.PinnedAddresses = append(known.Status.PinnedAddresses, v1alpha1.PinnedAddress{Address: address, Source: source})
		}
	}
}

// having is what an operator has recorded of a Node's addresses.
func having(kind corev1.NodeAddressType, addresses ...string) recorded {
	return func(known *v1alpha1.NodeIdentity) {
		for _, address := range addresses {
			known.Status.Addresses = append(known.Status.Addresses, corev1.NodeAddress{Type: kind, Address: address})
		}
	}
}

func annotated(value string) recorded {
	return func(known *v1alpha1.NodeIdentity) {
		metav1.SetMetaDataAnnotation(&known.ObjectMeta, v1alpha1.AnnotationPinnedAddresses, value)
	}
}

func mismatched(known *v1alpha1.NodeIdentity) {
	becoming(v1alpha1.ConditionVerified, metav1.ConditionFalse, v1alpha1.ReasonAddressMismatch)(known)
}

// claiming is a Node that says in every way that it has an address.
func claiming(address string) trait {
	return func(n *corev1.Node) {
		startedWith(address)(n)
		says(corev1.NodeInternalIP, address)(n)
	}
}

func pinsOf(b Binding) string {
	var all []string
	for _, pin := range b.Pins {
		all = append(all, fmt.Sprintf("%s by %s", pin.Address, pin.Source))
	}
	return strings.Join(all, ", ")
}

// first is the binding of the first instance.
func (f Fleet) first(t *testing.T) Binding {
	t.Helper()
	for _, bound := range f.Bind().All {
		if bound.InstanceID == instanceOf(1) && !bound.Refused {
			return bound
		}
	}
	t.Fatal("there is no binding of the first instance")
	return Binding{}
}

func TestWhatOnlyTheNodeTellsOfIsPinned(t *testing.T) {
	const firstUse, upgrade, administrator = v1alpha1.PinnedAtFirstUse, v1alpha1.PinnedAtUpgrade, v1alpha1.PinnedByAdministrator
	for name, test := range map[string]struct {
		network string // unmanaged by default
		node    corev1.Node
		known   []recorded // nil: the Node is new
		gone    bool       // the instance isn't listed
		newly   bool       // certificates weren't approved before
		want    string
		reason  string // Verified by default
	}{
		"the first address that it is verified with": {node: node(1, claiming("10.1.0.1")), want: "10.1.0.1 by FirstUse"},
		"one of each family":                         {node: node(1, startedWith("10.1.0.1,fd00::1")), want: "10.1.0.1 by FirstUse, fd00::1 by FirstUse"},
		"not one that it isn't verified with":        {node: node(1, claiming("10.1.0.1"), bearing("other")), reason: v1alpha1.ReasonNameMismatch},
		"not a lease":                                {network: "managed", node: node(1, claiming("10.0.0.11"))},
		"not its public address":                     {node: node(1, claiming("192.0.2.1"))},
		"not twice, in IPv6's clothes":               {node: node(1, startedWith("::ffff:10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")), want: "10.1.0.1 by FirstUse"},

		"it stays": {node: node(1, claiming("10.1.0.1")), known: []recorded{pinning(firstUse, "10.1.0.1")}, want: "10.1.0.1 by FirstUse"},
		"it stays when the Node claims another": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{pinning(firstUse, "10.1.0.1")}, want: "10.1.0.1 by FirstUse", reason: v1alpha1.ReasonAddressMismatch},
		"it stays when the Node still claims another": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{pinning(firstUse, "10.1.0.1"), mismatched}, want: "10.1.0.1 by FirstUse", reason: v1alpha1.ReasonAddressMismatch},
		"it stays when the Node claims none": {node: node(1), known: []recorded{pinning(firstUse, "10.1.0.1")}, want: "10.1.0.1 by FirstUse"},
		"it stays when the Node was made anew, with another UID": {
			node: node(1, claiming("10.1.0.2"), made(5000)), known: []recorded{pinning(firstUse, "10.1.0.1")}, want: "10.1.0.1 by FirstUse", reason: v1alpha1.ReasonAddressMismatch},
		"it stays when the Node says to be nobody, whose instance is in no pool": {
			node: node(1, isElsewhere), known: []recorded{pinning(firstUse, "10.1.0.1"), mismatched}, want: "10.1.0.1 by FirstUse", reason: v1alpha1.ReasonNotJoined},
		"it stays while the list of instances lacks it": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{pinning(firstUse, "10.1.0.1")}, gone: true, want: "10.1.0.1 by FirstUse", reason: v1alpha1.ReasonNotFound},
		"one of the other family may come later": {
			node: node(1, startedWith("10.1.0.1,fd00::1")), known: []recorded{pinning(upgrade, "10.1.0.1")}, want: "10.1.0.1 by Upgrade, fd00::1 by FirstUse"},
		"a lease doesn't take it off": {
			network: "managed", node: node(1, claiming("10.0.0.11")), known: []recorded{pinning(firstUse, "10.1.0.1")}, want: "10.1.0.1 by FirstUse"},

		"at the upgrade, what it was verified with": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1")}, want: "10.1.0.1 by Upgrade"},
		"at the upgrade, nothing that it claims meanwhile": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1")}, want: "10.1.0.1 by Upgrade", reason: v1alpha1.ReasonAddressMismatch},
		"at the upgrade, also while the list of instances lacks it": {
			node: node(1), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1")}, gone: true, want: "10.1.0.1 by Upgrade", reason: v1alpha1.ReasonNotFound},
		"at the upgrade, as a newcomer if nobody was certified before": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1")}, newly: true, want: "10.1.0.1 by FirstUse"},
		"at the upgrade, as a newcomer if it wasn't verified": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1"), mismatched}, want: "10.1.0.1 by FirstUse"},
		"at the upgrade, no lease": {
			network: "managed", node: node(1, claiming("10.0.0.11")), known: []recorded{having(corev1.NodeInternalIP, "10.0.0.11")}},
		"at the upgrade, no public address": {
			node: node(1), known: []recorded{having(corev1.NodeInternalIP, "192.0.2.1"), having(corev1.NodeExternalIP, "192.0.2.1")}},
		"no upgrade after that": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{having(corev1.NodeInternalIP, "10.1.0.1"), pinning(upgrade)}, want: "10.1.0.1 by FirstUse"},

		"what an administrator names": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{pinning(firstUse, "10.1.0.1"), mismatched, annotated("10.1.0.2")}, want: "10.1.0.2 by Administrator"},
		"what an administrator names, of both families": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{annotated("10.1.0.2, fd00::2")}, want: "10.1.0.2 by Administrator, fd00::2 by Administrator"},
		"what an administrator names, and not what the Node claims": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{pinning(firstUse, "10.1.0.1"), annotated("10.1.0.2")}, want: "10.1.0.2 by Administrator", reason: v1alpha1.ReasonAddressMismatch},
		"what an administrator has named stays": {
			node: node(1, claiming("10.1.0.2")), known: []recorded{pinning(administrator, "10.1.0.2"), annotated("")}, want: "10.1.0.2 by Administrator"},
		"what an administrator names before it joins": {
			node: node(2), known: []recorded{annotated("10.1.0.1")}, want: "10.1.0.1 by Administrator", reason: v1alpha1.ReasonNotJoined},
		"an administrator's slip changes nothing": {
			node: node(1, claiming("10.1.0.1")), known: []recorded{pinning(firstUse, "10.1.0.1"), annotated("10.1.0")}, want: "10.1.0.1 by FirstUse"},
	} {
		t.Run(name, func(t *testing.T) {
			network, pool, reason := "unmanaged", blue, v1alpha1.ReasonVerified
			if test.network != "" {
				network = test.network
			}
			if strings.Contains(name, "in no pool") {
				pool = ""
			}
			if test.reason != "" {
				reason = test.reason
			}
			f := networked([]nlb.Instance{member(1, pool, in(network)), member(2, blue)}, test.node)
			f.Certifies = !test.newly
			if test.gone {
				f.Instances = f.Instances[1:]
			}
			if test.known != nil {
				f = f.knowing(record(1, "node-1", test.known...))
			}
			got := f.first(t)
			if diff := cmp.Diff([]string{test.want, reason}, []string{pinsOf(got), got.Verdict.Reason}); diff != "" {
				t.Errorf("- want, + got:\n%s%s", diff, got.Verdict.Message)
			}
		})
	}
}

func TestWhatIsPinnedIsNoOtherNodes(t *testing.T) {
	first, second := member(1, blue, in("unmanaged")), member(2, blue, in("unmanaged"))
	newcomer := node(1, claiming("10.1.0.7"))
	for name, test := range map[string]struct {
		other []corev1.Node
		known []recorded
		free  bool
	}{
		"while the other is verified":            {[]corev1.Node{node(2, claiming("10.1.0.7"))}, []recorded{pinning(v1alpha1.PinnedAtFirstUse, "10.1.0.7")}, false},
		"while the other claims something else":  {[]corev1.Node{node(2, claiming("10.1.0.8"))}, []recorded{pinning(v1alpha1.PinnedAtFirstUse, "10.1.0.7"), mismatched}, false},
		"while the other's Node is away":         {nil, []recorded{pinning(v1alpha1.PinnedAtFirstUse, "10.1.0.7")}, false},
		"once an administrator has named it":     {[]corev1.Node{node(2)}, []recorded{annotated("10.1.0.7")}, false},
		"and is again when an administrator has": {[]corev1.Node{node(2)}, []recorded{pinning(v1alpha1.PinnedByAdministrator, "10.1.0.8"), annotated("10.1.0.8")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := networked([]nlb.Instance{first, second}, append(test.other, newcomer)...).knowing(record(2, "node-2", test.known...))
			got := f.first(t)
			if test.free != got.Verdict.Verified {
				t.Errorf("got %s: %s", got.Verdict.Reason, got.Verdict.Message)
			}
			if !test.free && (!strings.Contains(got.Verdict.Message, "instance "+instanceOf(2)+" has it") || len(got.Pins) > 0) {
				t.Errorf("got %q, pins %s", got.Verdict.Message, pinsOf(got))
			}
		})
	}
}

func TestANodeIdentityWithPinsStaysAsLongAsItsInstance(t *testing.T) {
	pinned := record(1, "node-1", pinning(v1alpha1.PinnedAtFirstUse, "10.1.0.1"))
	for name, test := range map[string]struct {
		instances []nlb.Instance
		want      found
	}{
		"the instance is there, and nobody watches it": {[]nlb.Instance{member(1, "", in("unmanaged"))}, found{All: []string{"node-1: nobody NotJoined"}}},
		"the instance is gone":                         {nil, found{Vanished: []string{"node-1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(networked(test.instances).knowing(pinned).Bind())); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestWhatIsToldOfPins(t *testing.T) {
	for name, test := range map[string]struct {
		network string
		node    corev1.Node
		known   []recorded
		want    string
	}{
		"how an administrator says that a new address is right": {
			"unmanaged", node(1, claiming("10.1.0.2")), []recorded{pinning(v1alpha1.PinnedAtFirstUse, "10.1.0.1")},
			"; 10.1.0.1 is pinned, since the Node was verified with it. If you have given it another one, say so: kubectl annotate nodeidentity node-1 --overwrite nlb.exoscale.com/pinned-addresses=10.1.0.2"},
		"why a pinned address isn't the instance's": {
			"managed", node(1, claiming("10.1.0.2")), []recorded{annotated("10.1.0.2")}, "; 10.1.0.2 is pinned, but Exoscale shows the instance in no private network that could have it"},
		"nothing where none is pinned": {"managed", node(1, claiming("10.1.0.2")), nil, "it has 10.0.0.11, 192.0.2.1"},
		"nothing of another family": {
			"unmanaged", node(1, claiming("192.0.2.9")), []recorded{pinning(v1alpha1.PinnedAtFirstUse, "fd00::1")}, "it has 192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := networked([]nlb.Instance{member(1, blue, in(test.network))}, test.node).knowing(record(1, "node-1", test.known...))
			got := f.first(t).Verdict
			if got.Reason != v1alpha1.ReasonAddressMismatch || !strings.Contains(got.Message, test.want) {
				t.Errorf("got %s: %s", got.Reason, got.Message)
			}
			if strings.HasPrefix(name, "nothing") && !strings.HasSuffix(got.Message, test.want) {
				t.Errorf("something is told: %s", got.Message)
			}
		})
	}
}

func TestWhatAnAdministratorMayName(t *testing.T) {
	for value, invalid := range map[string]string{
		"10.1.0.1": "", " 10.1.0.1 , fd00::1 ": "", "": "", " ": "",
		"10.1.0": `"10.1.0"`, "10.1.0.1,": `""`, "10.1.0.0/24": `"10.1.0.0/24"`, "worker-1": `"worker-1"`,
		"127.0.0.1": `"127.0.0.1"`, "169.254.0.1": `"169.254.0.1"`, "0.0.0.0": `"0.0.0.0"`, "fd00::1%eth0": `"fd00::1%eth0"`,
		"10.1.0.1,10.1.0.2": "two addresses of one family",
	} {
		t.Run(value, func(t *testing.T) {
			f := networked([]nlb.Instance{member(1, blue, in("unmanaged"))}, node(1)).knowing(record(1, "node-1", annotated(value)))
			got := f.first(t).Invalid
			if (got == "") != (invalid == "") || !strings.Contains(got, invalid) {
				t.Errorf("got %q", got)
			}
		})
	}
}
