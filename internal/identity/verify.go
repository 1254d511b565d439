package identity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Verdict is what the comparison of a Node with its instance came to.
type Verdict struct {
	// Verified is true if they agree.
	Verified bool
	// Reason and Message say why, for people.
	Reason, Message string
}

// refused tells whether a NodeIdentity stands for a Node that isn't the instance
// which it says to be.
func refused(known *v1alpha1.NodeIdentity) bool {
	_, labelled := known.Labels[v1alpha1.LabelRefused]
	return labelled
}

// refusedName is that of the NodeIdentity of such a Node.
func refusedName(node, id string) string {
	const longest = validation.DNS1123SubdomainMaxLength - len(".01234567.refused")
	return strings.TrimRight(node[:min(len(node), longest)], "-.") + "." + id[:8] + ".refused"
}

func isVerified(known *v1alpha1.NodeIdentity) bool {
	return meta.IsStatusConditionTrue(known.Status.Conditions, v1alpha1.ConditionVerified)
}

// saysExoscale tells whether a Node calls itself an Exoscale instance. A
// systemUUID alone says nothing: machines elsewhere have one, too.
func saysExoscale(node *corev1.Node) bool {
	return strings.HasPrefix(node.Spec.ProviderID, ProviderPrefix)
}

// verify compares a Node with the instance that it says to be. Nothing that the
// Node says of itself counts as proof but what the instance confirms.
func (b binder) verify(bound Binding) Verdict {
	node, instance := bound.Node, bound.Instance
	no := func(reason, format string, args ...any) Verdict {
		return Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case node == nil:
		return no(v1alpha1.ReasonNotJoined, "No Node says to be instance %q (%s)", instance.Name, instance.ID)
	case instance == nil:
		return no(v1alpha1.ReasonNotFound, "Node %s was instance %s, which zone %s doesn't have any more", node.Name, bound.InstanceID, b.Zone)
	}
	if uuid := strings.ToLower(node.Status.NodeInfo.SystemUUID); instanceID.MatchString(uuid) && uuid != bound.InstanceID {
		return no(v1alpha1.ReasonInstanceMismatch, "Node %s has the providerID of instance %s and the systemUUID of %s; its kubelet runs elsewhere than it says", node.Name, bound.InstanceID, uuid)
	}
	if before := b.verified[node.Name]; before != nil && before.Spec.InstanceID != bound.InstanceID && b.instances[before.Spec.InstanceID] != nil {
		return no(v1alpha1.ReasonInstanceMismatch, "Node %s was verified as instance %s, which still exists; it says to be %s now", node.Name, before.Spec.InstanceID, bound.InstanceID)
	}
	if !sameName(node.Name, instance.Name) {
		return no(v1alpha1.ReasonNameMismatch, "Node %s is instance %s, whose name is %q; the Node has to bear that name, alone or with a domain: see docs/node-names.md", node.Name, instance.ID, instance.Name)
	}
	held := bound.Known != nil && isVerified(bound.Known) && bound.Known.Status.NodeName == node.Name
	if bearers := b.bearers[strings.ToLower(instance.Name)]; len(bearers) > 1 && !held {
		return no(v1alpha1.ReasonDuplicateName, "%d instances are called %q: %s; rename all but one", len(bearers), instance.Name, idsOf(bearers))
	}
	if strange := strangers(node, bound.Addresses); len(strange) > 0 {
		return no(v1alpha1.ReasonAddressMismatch, "Node %s has address %s, which instance %q (%s) doesn't have: it has %s",
			node.Name, strings.Join(strange, ", "), instance.Name, instance.ID, listed(bound.Addresses))
	}
	return Verdict{Verified: true, Reason: v1alpha1.ReasonVerified, Message: fmt.Sprintf("Node %s is instance %q (%s)", node.Name, instance.Name, instance.ID)}
}

// refusal says why a Node isn't the instance that it says to be.
func (b binder) refusal(id string, node, holder *corev1.Node) Verdict {
	if holder == nil {
		return Verdict{Reason: v1alpha1.ReasonNotFound, Message: fmt.Sprintf(
			"Node %s says to be instance %s, and zone %s has none of that id: it is another zone's or account's, or gone", node.Name, id, b.Zone)}
	}
	return Verdict{Reason: v1alpha1.ReasonInUseByOther, Message: fmt.Sprintf(
		"Node %s says to be instance %s, which is Node %s", node.Name, id, holder.Name)}
}

// sameName tells whether a Node bears the name of its instance, alone or with a
// domain behind it. Instances may have capitals, Nodes can't.
func sameName(node, instance string) bool {
	instance = strings.ToLower(instance)
	return instance != "" && (node == instance || strings.HasPrefix(node, instance+"."))
}

// strangers are the addresses of a Node that aren't among those of its instance.
func strangers(node *corev1.Node, addresses []corev1.NodeAddress) []string {
	var strange []string
	for _, address := range node.Status.Addresses {
		if address.Address == "" || address.Type != corev1.NodeInternalIP && address.Type != corev1.NodeExternalIP {
			continue
		}
		if !slices.ContainsFunc(addresses, func(own corev1.NodeAddress) bool { return sameAddress(own.Address, address.Address) }) {
			strange = append(strange, address.Address)
		}
	}
	return strange
}

func sameAddress(a, b string) bool {
	first, err := netip.ParseAddr(a)
	second, err2 := netip.ParseAddr(b)
	return err == nil && err2 == nil && first.Unmap() == second.Unmap()
}

// addresses of an instance, private ones first: leases of its private networks,
// what its Node was told to use in an unmanaged one, public IPv4 and IPv6.
func (b binder) addresses(instance *nlb.Instance, node *corev1.Node) []corev1.NodeAddress {
	if instance == nil {
		return nil
	}
	addresses := []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: strings.ToLower(instance.Name)}}
	add := func(kind corev1.NodeAddressType, address string) {
		given := corev1.NodeAddress{Type: kind, Address: address}
		if address != "" && !slices.Contains(addresses, given) {
			addresses = append(addresses, given)
		}
	}
	unmanaged := false
	for _, id := range instance.PrivateNetworkIDs {
		if network := b.networks[id]; network != nil {
			add(corev1.NodeInternalIP, network.Leases[instance.ID])
			unmanaged = unmanaged || !network.Managed
		}
	}
	if unmanaged && node != nil {
		for _, address := range b.chosenAddresses(node) {
			add(corev1.NodeInternalIP, address)
		}
	}
	if instance.PrivateNetworkIDs == nil {
		add(corev1.NodeInternalIP, instance.PublicIP) // it has no other
	}
	add(corev1.NodeExternalIP, instance.PublicIP)
	add(corev1.NodeExternalIP, instance.IPv6)
	return addresses
}

// ProvidedNodeIP is the annotation in which a kubelet tells the address that it
// was started with (--node-ip).
const ProvidedNodeIP = "alpha.kubernetes.io/provided-node-ip"

// chosenAddresses are those that a Node was given in an unmanaged private network,
// of which Exoscale knows nothing: of a private range, and of no other Node or
// instance. One of each family at most, the one that its kubelet was started with
// first: who could claim any number of them could be certified for any of them.
func (b binder) chosenAddresses(node *corev1.Node) []string {
	said := strings.Split(node.Annotations[ProvidedNodeIP], ",")
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			said = append(said, address.Address)
		}
	}
	var chosen []string
	families := map[bool]bool{}
	for _, address := range said {
		ip, err := netip.ParseAddr(address)
		if err != nil || !ip.IsPrivate() || families[ip.Is4()] || b.taken(address, node) {
			continue
		}
		families[ip.Is4()] = true
		chosen = append(chosen, address)
	}
	return chosen
}

// taken tells whether an address is that of an older Node, or leased to another
// instance. Who comes later takes nothing away.
func (b binder) taken(address string, node *corev1.Node) bool {
	for i := range b.Nodes {
		other := &b.Nodes[i]
		if other.Name == node.Name || !other.CreationTimestamp.Before(&node.CreationTimestamp) {
			continue
		}
		if sameAddress(other.Annotations[ProvidedNodeIP], address) ||
			slices.ContainsFunc(other.Status.Addresses, func(a corev1.NodeAddress) bool { return sameAddress(a.Address, address) }) {
			return true
		}
	}
	for _, network := range b.networks {
		for id, lease := range network.Leases {
			if sameAddress(lease, address) && id != NodeInstanceID(node) {
				return true
			}
		}
	}
	return false
}

// objectName makes a name for an object of the API server out of an instance's;
// empty if none can be made.
func objectName(name string) string {
	name = strings.ToLower(name)
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return ""
	}
	return name
}

func idsOf(instances []*nlb.Instance) string {
	ids := make([]string, len(instances))
	for i, instance := range instances {
		ids[i] = instance.ID
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

func listed(addresses []corev1.NodeAddress) string {
	var all []string
	for _, address := range addresses {
		if address.Type != corev1.NodeHostName && !slices.Contains(all, address.Address) {
			all = append(all, address.Address)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
