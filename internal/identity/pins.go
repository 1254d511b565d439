package identity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Where Exoscale shows no lease, nothing but the Node says which address it has, and a
// kubelet may say anything at any time. So the first one that a Node is verified with
// is pinned to its instance. It outlives the Node: a kubelet may not delete its Node,
// but by a wrong systemUUID it can have a cloud controller manager do that.

// pins are the addresses of an instance that are pinned already: those that an
// administrator names, else the recorded ones. What is invalid changes nothing.
func (b binder) pins(bound Binding) (pins []v1alpha1.PinnedAddress, invalid string) {
	known := bound.Known
	if known == nil {
		return nil, ""
	}
	named, err := namedAddresses(known)
	switch {
	case err != nil:
		invalid = err.Error()
	case len(named) > 0:
		for _, ip := range named {
			pins = append(pins, v1alpha1.PinnedAddress{Address: ip.String(), Source: v1alpha1.PinnedByAdministrator})
		}
		return pins, ""
	}
	if len(known.Status.PinnedAddresses) == 0 && known.Status.NodeUID == "" && isVerified(known) {
		return b.pinnedAtUpgrade(bound), invalid
	}
	return slices.Clone(known.Status.PinnedAddresses), invalid
}

// longestNamed is how much of the annotation a message repeats, in bytes.
const longestNamed = 128

// namedAddresses are those that an administrator names in the annotation.
func namedAddresses(known *v1alpha1.NodeIdentity) ([]netip.Addr, error) {
	text := known.Annotations[v1alpha1.AnnotationPinnedAddresses]
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var named []netip.Addr
	for _, word := range strings.Split(text, ",") {
		ip, valid := addressOf(word)
		switch {
		case !valid || ip.Zone() != "" || !ip.IsGlobalUnicast():
			return nil, fmt.Errorf("annotation %s holds %q, which is no address of a Node; give it one such as 10.0.0.11, and with two IP families one of each, separated by a comma",
				v1alpha1.AnnotationPinnedAddresses, brief.Cut(word, longestNamed))
		case slices.ContainsFunc(named, func(other netip.Addr) bool { return other.Is4() == ip.Is4() }):
			return nil, fmt.Errorf("annotation %s holds two addresses of one family, %q; a Node has one", v1alpha1.AnnotationPinnedAddresses, brief.Cut(text, longestNamed))
		}
		named = append(named, ip)
	}
	return named, nil
}

// pinnedAtUpgrade are the addresses that a Node was verified with by an operator that
// pinned none: those recorded that are neither public nor leased. What the Node says
// now doesn't matter. Where nobody was certified for them, they are as those of any
// newcomer.
func (b binder) pinnedAtUpgrade(bound Binding) (pins []v1alpha1.PinnedAddress) {
	source := v1alpha1.PinnedAtFirstUse
	if b.Certifies {
		source = v1alpha1.PinnedAtUpgrade
	}
	recorded := bound.Known.Status.Addresses
	for _, address := range recorded {
		ip, valid := addressOf(address.Address)
		isPublic := slices.ContainsFunc(recorded, func(other corev1.NodeAddress) bool {
			return other.Type == corev1.NodeExternalIP && sameAddress(other.Address, address.Address)
		})
		isLeased := slices.ContainsFunc(b.leases[ip], func(l lease) bool { return bound.Instance != nil && l.instance == bound.Instance.ID })
		if valid && address.Type == corev1.NodeInternalIP && !isPublic && !isLeased && !pinned(pins, ip) {
			pins = append(pins, v1alpha1.PinnedAddress{Address: ip.String(), Source: source})
		}
	}
	return pins
}

// pinnedAtFirstUse adds to the pins what a Node is verified with now.
func pinnedAtFirstUse(pins []v1alpha1.PinnedAddress, chosen []string) []v1alpha1.PinnedAddress {
	for _, address := range chosen {
		if ip, valid := addressOf(address); valid && !pinned(pins, ip) {
			pins = append(pins, v1alpha1.PinnedAddress{Address: ip.String(), Source: v1alpha1.PinnedAtFirstUse})
		}
	}
	return pins
}

func pinned(pins []v1alpha1.PinnedAddress, ip netip.Addr) bool {
	return slices.ContainsFunc(pins, func(pin v1alpha1.PinnedAddress) bool { return sameAddress(pin.Address, ip.String()) })
}

// keepPins: what is pinned to an instance is no other Node's, whether or not its own
// is verified now.
func (x *index) keepPins(known *v1alpha1.NodeIdentity) {
	kept, _ := namedAddresses(known)
	for _, pin := range known.Status.PinnedAddresses {
		if ip, valid := addressOf(pin.Address); valid {
			kept = append(kept, ip)
		}
	}
	for _, ip := range kept {
		if x.keepers[ip] == "" {
			x.keepers[ip] = known.Spec.InstanceID
		}
	}
}

// pinsAgainst says, of addresses that a Node has and its instance hasn't, what that has
// to do with pins, and what to do if the Node is right.
func (b binder) pinsAgainst(strange []string, bound Binding) string {
	for _, address := range strange {
		ip, valid := addressOf(address)
		switch {
		case !valid:
			continue
		case pinned(bound.Pins, ip) && b.userOf(ip, bound.Node, bound.Instance) == "":
			return fmt.Sprintf("; %s is pinned, but Exoscale shows the instance in no private network that could have it without a lease", ip)
		}
		for _, pin := range bound.Pins {
			if was, ok := addressOf(pin.Address); ok && was.Is4() == ip.Is4() && was != ip {
				return fmt.Sprintf("; %s is pinned, since the Node was verified with it. If you have given it another one, say so: kubectl annotate nodeidentity %s --overwrite %s=%s",
					was, bound.Name, v1alpha1.AnnotationPinnedAddresses, ip)
			}
		}
	}
	return ""
}
