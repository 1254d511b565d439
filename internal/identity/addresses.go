package identity

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

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
	first, valid := addressOf(a)
	second, validToo := addressOf(b)
	return valid && validToo && first == second
}

// addressOf parses an address; one of IPv4 is the same in the clothes of IPv6.
func addressOf(text string) (ip netip.Addr, valid bool) {
	ip, err := netip.ParseAddr(strings.TrimSpace(text))
	return ip.Unmap(), err == nil
}

// addresses of an instance, private ones first: leases of its private networks (leased),
// what its Node was told to use where Exoscale tells of no lease (chosen), public IPv4
// and IPv6.
func (b binder) addresses(instance *nlb.Instance, node *corev1.Node, pins []v1alpha1.PinnedAddress) (addresses []corev1.NodeAddress, leased, chosen []string) {
	if instance == nil {
		return nil, nil, nil
	}
	addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: strings.ToLower(instance.Name)}}
	add := func(kind corev1.NodeAddressType, address string) {
		given := corev1.NodeAddress{Type: kind, Address: address}
		if address != "" && !slices.Contains(addresses, given) {
			addresses = append(addresses, given)
		}
	}
	var unleased []*nlb.PrivateNetwork
	for _, id := range instance.PrivateNetworkIDs {
		switch network := b.networks[id]; {
		case network == nil:
		case network.Leases[instance.ID] != "":
			leased = append(leased, network.Leases[instance.ID])
			add(corev1.NodeInternalIP, network.Leases[instance.ID])
		default:
			unleased = append(unleased, network)
		}
	}
	if node != nil {
		chosen = b.chosenAddresses(node, instance, addresses, unleased, pins)
		for _, address := range chosen {
			add(corev1.NodeInternalIP, address)
		}
	}
	if len(instance.PrivateNetworkIDs) == 0 {
		add(corev1.NodeInternalIP, instance.PublicIP) // it has no other
	}
	add(corev1.NodeExternalIP, instance.PublicIP)
	add(corev1.NodeExternalIP, instance.IPv6)
	return addresses, leased, chosen
}

// ProvidedNodeIP is the annotation in which a kubelet tells the address that it
// was started with (--node-ip).
const ProvidedNodeIP = "alpha.kubernetes.io/provided-node-ip"

// saidAddresses are those that a Node says it has, of some kinds or of all: first
// what its kubelet was started with, which are two with two IP families.
func saidAddresses(node *corev1.Node, kinds ...corev1.NodeAddressType) []netip.Addr {
	said := strings.Split(node.Annotations[ProvidedNodeIP], ",")
	for _, address := range node.Status.Addresses {
		if len(kinds) == 0 || slices.Contains(kinds, address.Type) {
			said = append(said, address.Address)
		}
	}
	var all []netip.Addr
	for _, text := range said {
		if ip, valid := addressOf(text); valid && !slices.Contains(all, ip) {
			all = append(all, ip)
		}
	}
	return all
}

// chosenAddresses are those that a Node was given in private networks where Exoscale
// tells of no lease: possible ones, and of no other Node or instance. One of each
// family at most, the one that is pinned, else the one that its kubelet was started
// with first: who could claim any number of them, at once or one after the other, could
// be certified for any of them.
func (b binder) chosenAddresses(node *corev1.Node, instance *nlb.Instance, leased []corev1.NodeAddress, networks []*nlb.PrivateNetwork, pins []v1alpha1.PinnedAddress) []string {
	var chosen []string
	families := map[bool]bool{}
	for _, pin := range pins {
		if ip, valid := addressOf(pin.Address); valid {
			families[ip.Is4()] = true
		}
	}
	for _, ip := range saidAddresses(node, corev1.NodeInternalIP) {
		isLeased := slices.ContainsFunc(leased, func(own corev1.NodeAddress) bool { return sameAddress(own.Address, ip.String()) })
		if isLeased || !possibleIn(networks, ip) || families[ip.Is4()] && !pinned(pins, ip) || b.userOf(ip, node, instance) != "" {
			continue
		}
		families[ip.Is4()] = true
		chosen = append(chosen, ip.String())
	}
	return chosen
}

// possibleIn tells whether an address can be of one of these networks: of the subnet
// of a managed one, and of a private range in one of which Exoscale knows nothing.
func possibleIn(networks []*nlb.PrivateNetwork, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network *nlb.PrivateNetwork) bool {
		if network.Managed && network.Subnet.IsValid() {
			return network.Subnet.Contains(ip)
		}
		return ip.IsPrivate()
	})
}

// userOf tells who else has an address that a Node says it has: the instance that
// it is leased to, the Node that is verified with it, or else an older Node that
// says so; empty if there is none. Who comes later takes nothing away. A lease
// counts in the networks of the Node's own instance, and for the other instances of
// concern: networks of other clusters may have the same range.
func (b binder) userOf(ip netip.Addr, node *corev1.Node, instance *nlb.Instance) string {
	for _, lease := range b.leases[ip] {
		if lease.instance != instance.ID && (b.concerned[lease.instance] || slices.Contains(instance.PrivateNetworkIDs, lease.network)) {
			return "it is leased to instance " + lease.instance
		}
	}
	switch keeper := b.keepers[ip]; {
	case keeper == strings.ToLower(instance.ID):
		return ""
	case keeper != "":
		return "instance " + keeper + " has it"
	}
	if users := b.users[ip]; len(users) > 0 && users[0].Name != node.Name {
		return "Node " + users[0].Name + " has it"
	}
	return ""
}

// withUsers tells of addresses who else has them.
func (b binder) withUsers(addresses []string, node *corev1.Node, instance *nlb.Instance) []string {
	told := slices.Clone(addresses)
	for i, address := range addresses {
		if ip, valid := addressOf(address); valid {
			if user := b.userOf(ip, node, instance); user != "" {
				told[i] += " (" + user + ")"
			}
		}
	}
	return told
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
	return brief.List(all)
}
