package identity

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func says(kind corev1.NodeAddressType, address string) trait {
	return func(n *corev1.Node) {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: kind, Address: address})
	}
}

// startedWith is a Node whose kubelet has --node-ip.
func startedWith(addresses string) trait {
	return func(n *corev1.Node) { n.Annotations = map[string]string{ProvidedNodeIP: addresses} }
}

func in(networks ...string) func(*nlb.Instance) {
	return func(i *nlb.Instance) { i.PrivateNetworkIDs = networks }
}

// networked is a fleet with an unmanaged network and managed ones; in "managed" the
// first instance has a lease.
func networked(instances []nlb.Instance, nodes ...corev1.Node) Fleet {
	f := fleet(instances, nodes...)
	f.Networks = []nlb.PrivateNetwork{
		{ID: "unmanaged"},
		{ID: "managed", Managed: true, Leases: map[string]string{instanceOf(1): "10.0.0.11", instanceOf(2): "10.0.0.12"}},
		{ID: "silent", Managed: true, Subnet: netip.MustParsePrefix("10.2.0.0/24")},
		{ID: "theirs", Managed: true, Leases: map[string]string{instanceOf(9): "10.9.0.1"}},
	}
	return f
}

func addressesOf(b Binding) string {
	var all []string
	for _, address := range b.Addresses {
		all = append(all, strings.TrimPrefix(string(address.Type), "Node")+" "+address.Address)
	}
	return strings.Join(all, ", ")
}

func TestTheAddressesOfAnInstance(t *testing.T) {
	const public = "ExternalIP 192.0.2.1"
	ipv6 := func(i *nlb.Instance) { i.IPv6 = "2001:db8::1" }
	private := func(i *nlb.Instance) { i.PublicIP = "" }
	for name, test := range map[string]struct {
		instance nlb.Instance
		node     corev1.Node
		want     string // besides the Hostname
	}{
		"a public one":                                 {member(1, blue), node(1), "InternalIP 192.0.2.1, " + public},
		"a public one, and IPv6":                       {member(1, blue, ipv6), node(1), "InternalIP 192.0.2.1, " + public + ", ExternalIP 2001:db8::1"},
		"none":                                         {member(1, blue, private), node(1), ""},
		"a lease":                                      {member(1, blue, in("managed")), node(1), "InternalIP 10.0.0.11, " + public},
		"a lease, and no public one":                   {member(1, blue, in("managed"), private), node(1), "InternalIP 10.0.0.11"},
		"a network that isn't listed":                  {member(1, blue, in("new")), node(1), public},
		"a network where nobody knows it yet":          {member(1, blue, in("unmanaged")), node(1), public},
		"what the kubelet was started with":            {member(1, blue, in("unmanaged")), node(1, startedWith("10.1.0.1")), "InternalIP 10.1.0.1, " + public},
		"what the kubelet tells":                       {member(1, blue, in("unmanaged")), node(1, says(corev1.NodeInternalIP, "10.1.0.1")), "InternalIP 10.1.0.1, " + public},
		"what it was started with goes first":          {member(1, blue, in("unmanaged")), node(1, startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.2")), "InternalIP 10.1.0.1, " + public},
		"one of each family":                           {member(1, blue, in("unmanaged")), node(1, startedWith("10.1.0.1, fd00::1")), "InternalIP 10.1.0.1, InternalIP fd00::1, " + public},
		"no second one of a family":                    {member(1, blue, in("unmanaged")), node(1, startedWith("10.1.0.1,10.1.0.2")), "InternalIP 10.1.0.1, " + public},
		"no public one that isn't its own":             {member(1, blue, in("unmanaged")), node(1, startedWith("198.51.100.7")), public},
		"no external one that it tells":                {member(1, blue, in("unmanaged")), node(1, says(corev1.NodeExternalIP, "10.1.0.1")), public},
		"none of its choice outside of such a network": {member(1, blue, in("managed")), node(1, startedWith("10.1.0.1")), "InternalIP 10.0.0.11, " + public},
		"a lease, and one of its choice": {
			member(1, blue, in("managed", "unmanaged")), node(1, startedWith("10.1.0.1")), "InternalIP 10.0.0.11, InternalIP 10.1.0.1, " + public},
		"a lease that it was started with is no choice": {
			member(1, blue, in("managed", "unmanaged")), node(1, startedWith("10.0.0.11"), says(corev1.NodeInternalIP, "10.1.0.1")),
			"InternalIP 10.0.0.11, InternalIP 10.1.0.1, " + public},
	} {
		t.Run(name, func(t *testing.T) {
			want := "Hostname node-1"
			if test.want != "" {
				want += ", " + test.want
			}
			got := networked([]nlb.Instance{test.instance}, test.node).Bind().All[0]
			if diff := cmp.Diff(want, addressesOf(got)); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestANodeHasNoAddressButItsInstances(t *testing.T) {
	alone, managed, unmanaged, silent := member(1, blue), member(1, blue, in("managed")), member(1, blue, in("unmanaged")), member(1, blue, in("silent"))
	for name, test := range map[string]struct {
		instance nlb.Instance
		node     corev1.Node
		others   []corev1.Node
		known    []v1alpha1.NodeIdentity
		strange  string // empty: it verifies
	}{
		"none":                             {instance: alone, node: node(1)},
		"its public one, as kubelets do":   {instance: alone, node: node(1, says(corev1.NodeInternalIP, "192.0.2.1"))},
		"its public one in IPv6's clothes": {instance: alone, node: node(1, says(corev1.NodeInternalIP, "::ffff:192.0.2.1"))},
		"names don't count":                {instance: alone, node: node(1, says(corev1.NodeHostName, "x"), says(corev1.NodeInternalDNS, "y"))},
		"an empty one doesn't count":       {instance: alone, node: node(1, says(corev1.NodeInternalIP, ""))},
		"its lease":                        {instance: managed, node: node(1, says(corev1.NodeInternalIP, "10.0.0.11"))},
		"one of its choice":                {instance: unmanaged, node: node(1, startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1"))},
		"another's public one":             {instance: alone, node: node(1, says(corev1.NodeExternalIP, "192.0.2.2")), strange: "192.0.2.2,"},
		"what is no address":               {instance: alone, node: node(1, says(corev1.NodeInternalIP, "x")), strange: "address x,"},
		"another's lease":                  {instance: managed, node: node(1, says(corev1.NodeInternalIP, "10.0.0.12")), strange: "10.0.0.12 (it is leased to instance " + instanceOf(2)},
		"a private one without a network":  {instance: alone, node: node(1, startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")), strange: "10.1.0.1,"},
		"a public one of its choice":       {instance: unmanaged, node: node(1, startedWith("198.51.100.7"), says(corev1.NodeInternalIP, "198.51.100.7")), strange: "198.51.100.7,"},
		"a second one of its choice": {
			instance: unmanaged, node: node(1, startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.2")), strange: "10.1.0.2,"},
		"one of its choice in a managed network that tells no lease of it": {
			instance: silent, node: node(1, startedWith("10.2.0.7"), says(corev1.NodeInternalIP, "10.2.0.7"))},
		"one outside of the managed network": {
			instance: silent, node: node(1, startedWith("10.3.0.7"), says(corev1.NodeInternalIP, "10.3.0.7")), strange: "10.3.0.7,"},
		"one that is leased to an instance of concern": {
			instance: unmanaged, node: node(1, startedWith("10.0.0.12"), says(corev1.NodeInternalIP, "10.0.0.12")), others: []corev1.Node{node(2)}, strange: "10.0.0.12 (it is leased to"},
		"one that is leased in a network of others": {
			instance: unmanaged, node: node(1, startedWith("10.9.0.1"), says(corev1.NodeInternalIP, "10.9.0.1"))},
		"one that an older Node says it has": {
			instance: unmanaged, node: node(1, made(2), startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")),
			others: []corev1.Node{node(2, made(1), startedWith("10.1.0.1"))}, strange: "10.1.0.1 (Node node-2 has it)"},
		"one that a younger Node says it has": {
			instance: unmanaged, node: node(1, made(1), startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")),
			others: []corev1.Node{node(2, made(2), startedWith("10.1.0.1"))}},
		"one that a verified Node has, though that is younger": {
			instance: unmanaged, node: node(1, made(1), startedWith("10.1.0.1"), says(corev1.NodeInternalIP, "10.1.0.1")),
			others: []corev1.Node{node(2, made(2))}, known: []v1alpha1.NodeIdentity{withAddress(record(2, "node-2"), "10.1.0.1")},
			strange: "10.1.0.1 (instance " + instanceOf(2) + " has it)"},
	} {
		t.Run(name, func(t *testing.T) {
			f := networked([]nlb.Instance{test.instance, member(2, blue, in("managed"))}, append(test.others, test.node)...).knowing(test.known...)
			got := verdictOn(t, f)
			switch {
			case test.strange == "" && !got.Verified:
				t.Errorf("it isn't verified: %s", got.Message)
			case test.strange != "" && (got.Reason != v1alpha1.ReasonAddressMismatch || !strings.Contains(got.Message, test.strange)):
				t.Errorf("got %s: %s; want %q in it", got.Reason, got.Message, test.strange)
			}
		})
	}
}

func withAddress(known v1alpha1.NodeIdentity, address string) v1alpha1.NodeIdentity {
	known.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}
	return known
}
