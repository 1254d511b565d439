package nodeinit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// ProvidedNodeIP is the annotation by which a kubelet with --node-ip tells a
// cloud provider which addresses it uses: one, or one of each family, separated
// by a comma.
const ProvidedNodeIP = "alpha.kubernetes.io/provided-node-ip"

// longestGiven is how much of that annotation a message repeats, in bytes.
const longestGiven = 64

// addressedByCloud tells whether a cloud provider, and not the kubelet, keeps
// the addresses of a Node that is initialised. A kubelet that has none never
// tells an ExternalIP, and would put back its own at once.
func addressedByCloud(node *corev1.Node) bool {
	_, provided := node.Annotations[ProvidedNodeIP]
	return provided || len(ofType(node.Status.Addresses, corev1.NodeExternalIP)) > 0
}

// addressesOf are the addresses that a Node is to have, of those that are known of
// its instance, or why it can't have them; none where none are known:
//
//	Hostname     the Node's name; names that an initialised Node has stay
//	InternalIP   those that the kubelet uses, if it says so; else those that the Node
//	             has, if it is initialised; else the instance's, and where it has none,
//	             its public ones, since nothing works without an InternalIP
//	ExternalIP   the instance's; if the kubelet uses some of them, only these
//
// An InternalIP of a running Node never changes while it is the instance's:
// networks between Nodes are built on it.
func addressesOf(node *corev1.Node, known []corev1.NodeAddress) (addresses []corev1.NodeAddress, problem string) {
	external, internal := ofType(known, corev1.NodeExternalIP), ofType(known, corev1.NodeInternalIP)
	all := slices.Concat(internal, external)
	if len(all) == 0 {
		return nil, ""
	}
	if used, says := node.Annotations[ProvidedNodeIP]; says {
		provided := strings.Split(used, ",")
		for i, given := range provided {
			if provided[i] = among(all, given); provided[i] == "" {
				return nil, fmt.Sprintf("the kubelet says by the annotation %s that it uses %q, which is no address of the instance (%s): correct its --node-ip, or attach the instance to that network",
					ProvidedNodeIP, brief.Cut(strings.TrimSpace(given), longestGiven), brief.List(all))
			}
		}
		internal = provided
		if both := common(provided, external); len(both) > 0 {
			external = both
		}
	} else if has := ofType(node.Status.Addresses, corev1.NodeInternalIP); !Uninitialised(node) && len(has) > 0 && len(common(has, all)) == len(has) {
		internal = has
	}
	if len(internal) == 0 {
		internal = external
	}
	addresses = namesOf(node)
	for _, address := range internal {
		addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	for _, address := range external {
		addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: address})
	}
	return addresses, ""
}

// namesOf are those of its addresses that are names. Exoscale's own controller
// takes the name of the instance for the Hostname, which may lack the domain.
func namesOf(node *corev1.Node) []corev1.NodeAddress {
	var names []corev1.NodeAddress
	for _, address := range node.Status.Addresses {
		if !Uninitialised(node) && address.Type != corev1.NodeInternalIP && address.Type != corev1.NodeExternalIP {
			names = append(names, address)
		}
	}
	if len(names) == 0 {
		names = append(names, corev1.NodeAddress{Type: corev1.NodeHostName, Address: node.Name})
	}
	return names
}

// sameAddresses tells whether two lists say the same of each type. Only the
// order within a type means something: the first is the one that is used.
func sameAddresses(a, b []corev1.NodeAddress) bool {
	if len(a) != len(b) {
		return false
	}
	for _, address := range a {
		if !slices.Equal(ofType(a, address.Type), ofType(b, address.Type)) {
			return false
		}
	}
	return true
}

func ofType(addresses []corev1.NodeAddress, kind corev1.NodeAddressType) []string {
	var found []string
	for _, address := range addresses {
		if address.Type == kind && !slices.Contains(found, address.Address) {
			found = append(found, address.Address)
		}
	}
	return found
}

// among gives an address as the list spells it; empty if it isn't there.
func among(list []string, address string) string {
	want, err := netip.ParseAddr(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	for _, candidate := range list {
		if got, err := netip.ParseAddr(candidate); err == nil && got.Unmap() == want.Unmap() {
			return candidate
		}
	}
	return ""
}

// common are the addresses of a that are in b, as a spells them.
func common(a, b []string) []string {
	var both []string
	for _, address := range a {
		if among(b, address) != "" {
			both = append(both, address)
		}
	}
	return both
}
