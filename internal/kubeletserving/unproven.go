package kubeletserving

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// What Exoscale doesn't show is a node's by its own word only. It is pinned, so that
// there is one word and not one after the other; and it has to be where the operator's
// flags say that nodes are.

// own are the addresses that are asked for and that the NodeIdentity has.
func (e evidence) own() []netip.Addr {
	if e.asked == nil || e.identity == nil {
		return nil
	}
	known := ownAddresses(e.identity)
	var own []netip.Addr
	for _, asked := range e.asked.IPAddresses {
		address, valid := netip.AddrFromSlice(asked)
		if address = address.Unmap(); valid && slices.Contains(known, address) && !slices.Contains(own, address) {
			own = append(own, address)
		}
	}
	return own
}

// unproven: Exoscale shows the address neither as the instance's public one nor by a
// lease. pin is what is recorded of it; nil if it isn't pinned.
func (e evidence) unproven(address netip.Addr) (pin *v1alpha1.PinnedAddress, unproven bool) {
	status := &e.identity.Status
	isPublic := slices.ContainsFunc(status.Addresses, func(known corev1.NodeAddress) bool {
		return known.Type == corev1.NodeExternalIP && is(known.Address, address)
	})
	if isPublic || contains(status.LeasedAddresses, address) {
		return nil, false
	}
	for i := range status.PinnedAddresses {
		if is(status.PinnedAddresses[i].Address, address) {
			return &status.PinnedAddresses[i], true
		}
	}
	return nil, true
}

func addressesNotPinned(e evidence) string {
	var found []netip.Addr
	for _, address := range e.own() {
		if pin, unproven := e.unproven(address); unproven && pin == nil {
			found = append(found, address)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("IP addresses %s have yet to be pinned in NodeIdentity %s, since no lease at Exoscale may show them; it happens as soon as Exoscale answers, "+
		"if the CustomResourceDefinitions are those of this version", listed(found), e.identity.Name)
}

func addressesElsewhere(e evidence) string {
	var found []netip.Addr
	for _, address := range e.own() {
		pin, _ := e.unproven(address)
		if pin != nil && pin.Source == v1alpha1.PinnedAtFirstUse && !slices.ContainsFunc(e.nodeCIDRs, func(cidr netip.Prefix) bool { return cidr.Contains(address) }) {
			found = append(found, address)
		}
	}
	if len(found) == 0 {
		return ""
	}
	where := "which names none"
	if len(e.nodeCIDRs) > 0 {
		where = "which names " + listed(e.nodeCIDRs)
	}
	return fmt.Sprintf("Exoscale shows no lease of IP addresses %s, and they aren't in --node-cidrs, %s; name there the private network of the nodes, without what isn't a node's",
		listed(found), where)
}

// FirstCertified are the addresses, as they are recorded, that were pinned at first use
// and that a certificate is approved for the first time.
func FirstCertified(request Request) []string {
	e := evidenceOf(request)
	var first []string
	for _, address := range e.own() {
		if pin, _ := e.unproven(address); pin != nil && pin.Source == v1alpha1.PinnedAtFirstUse && !pin.Certified {
			first = append(first, pin.Address)
		}
	}
	return first
}

// pinning is the command by which an administrator says that addresses are a node's.
func pinning(identity *v1alpha1.NodeIdentity, addresses []string) string {
	return fmt.Sprintf("kubectl annotate nodeidentity %s --overwrite %s=%s", identity.Name, v1alpha1.AnnotationPinnedAddresses, strings.Join(addresses, ","))
}
