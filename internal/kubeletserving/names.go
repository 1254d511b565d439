package kubeletserving

import (
	"encoding/asn1"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Kinds of names (RFC 5280, 4.2.1.6), by the tag of their encoding.
const (
	tagDNSName   = 2
	tagIPAddress = 7
)

var kindsOfNames = map[int]string{
	0: "other name", 1: "e-mail address", 3: "X.400 address", 4: "directory name", 5: "EDI party name", 6: "URI", 8: "registered id",
}

func namesNothing(e evidence) string {
	if e.asked == nil || len(e.asked.DNSNames)+len(e.asked.IPAddresses) > 0 {
		return ""
	}
	return "the request names no DNS name and no IP address; it needs at least one in its subject alternative names"
}

// namesOfOtherKind reads the names again: those of rare kinds aren't shown by
// package x509.
func namesOfOtherKind(e evidence) string {
	if e.asked == nil {
		return ""
	}
	var found []string
	for _, extension := range e.asked.Extensions {
		if !extension.Id.Equal(alternativeNames) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(extension.Value, &names); err != nil || len(rest) > 0 {
			return "the subject alternative names can't be read"
		}
		for _, name := range names {
			if kind := otherKind(name); kind != "" {
				found = append(found, kind)
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("the subject alternative names hold %s; only DNS names and IP addresses are allowed", listed(found))
}

// otherKind is the kind of a name that is none of a kubelet's; empty: it is.
func otherKind(name asn1.RawValue) string {
	kind, known := kindsOfNames[name.Tag]
	switch {
	case name.Class != asn1.ClassContextSpecific:
		return "unknown kind"
	case name.Tag == tagDNSName || name.Tag == tagIPAddress:
		return ""
	case !known:
		return "unknown kind"
	}
	return kind
}

// notOneIdentity leaves it to requesterIsNoNode to tell of who is no node.
func notOneIdentity(e evidence) string {
	switch {
	case e.node == "":
		return ""
	case e.identity != nil && e.identity.Status.NodeName == e.node && e.identity.Status.NodeUID != "" && e.identity.Status.NodeUID != e.nodeUID:
		return fmt.Sprintf("NodeIdentity %s is about an earlier node %q; the one of that name now has yet to be compared with Exoscale's API", e.identity.Name, e.node)
	case e.identity != nil && e.identity.Status.NodeName == e.node:
		return ""
	case e.identity != nil:
		return fmt.Sprintf("NodeIdentity %s is that of node %q; node %q needs its own", e.identity.Name, e.identity.Status.NodeName, e.node)
	case len(e.matching) == 0:
		return fmt.Sprintf("node %q has no NodeIdentity: the operator knows no Exoscale instance that it is", e.node)
	}
	names := make([]string, len(e.matching))
	for i := range e.matching {
		names[i] = e.matching[i].Name
	}
	return fmt.Sprintf("node %q has several NodeIdentities, %s, so none counts; only one instance can be that node", e.node, listed(names))
}

// unverified: the condition has to be about the object as it stands now.
func unverified(e evidence) string {
	if e.identity == nil {
		return ""
	}
	verified := meta.FindStatusCondition(e.identity.Status.Conditions, v1alpha1.ConditionVerified)
	var why string
	switch {
	case !e.identity.DeletionTimestamp.IsZero():
		why = "it is being deleted"
	case verified == nil:
		why = "it has yet to be compared with Exoscale's API"
	case e.identity.Status.ObservedGeneration != e.identity.Generation || verified.ObservedGeneration != e.identity.Generation:
		why = "it has changed, and has yet to be compared with Exoscale's API"
	case !meta.IsStatusConditionTrue(e.identity.Status.Conditions, v1alpha1.ConditionVerified):
		why = fmt.Sprintf("%s: %s", verified.Reason, strings.TrimRight(verified.Message, "."))
	default:
		return ""
	}
	return fmt.Sprintf("NodeIdentity %s of node %q isn't verified: %s", e.identity.Name, e.node, why)
}

func namesOfOthers(e evidence) string {
	if e.asked == nil || e.identity == nil {
		return ""
	}
	own := ownNames(e.identity)
	others := slices.DeleteFunc(slices.Clone(e.asked.DNSNames), func(asked string) bool {
		return slices.ContainsFunc(own, func(name string) bool { return strings.EqualFold(asked, name) })
	})
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("DNS names %s aren't those of node %q, which has %s", listed(others), e.identity.Status.NodeName, listed(own))
}

func addressesOfOthers(e evidence) string {
	if e.asked == nil || e.identity == nil {
		return ""
	}
	own := ownAddresses(e.identity)
	var others []string
	for _, asked := range e.asked.IPAddresses {
		// An IPv4 address may come in either length; both mean the same peer.
		address, valid := netip.AddrFromSlice(asked)
		if !valid || !slices.Contains(own, address.Unmap()) {
			others = append(others, asked.String())
		}
	}
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("IP addresses %s aren't those of node %q, which has %s", listed(others), e.identity.Status.NodeName, listed(own))
}

// ownNames are the DNS names of a node.
func ownNames(identity *v1alpha1.NodeIdentity) []string {
	names := []string{identity.Status.NodeName, identity.Spec.Hostname}
	for _, address := range identity.Status.Addresses {
		switch address.Type {
		case corev1.NodeHostName, corev1.NodeInternalDNS, corev1.NodeExternalDNS:
			names = append(names, address.Address)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	slices.Sort(names)
	return slices.Compact(names)
}

// ownAddresses are the IP addresses of a node, IPv4 as such.
func ownAddresses(identity *v1alpha1.NodeIdentity) []netip.Addr {
	var addresses []netip.Addr
	for _, address := range identity.Status.Addresses {
		switch address.Type {
		case corev1.NodeInternalIP, corev1.NodeExternalIP:
			if parsed, err := netip.ParseAddr(address.Address); err == nil {
				addresses = append(addresses, parsed.Unmap())
			}
		}
	}
	return addresses
}

// longestList is how many things a message lists; who asks may name thousands.
const longestList = 5

// listed writes things for people, in quotes: they are what others have written.
func listed[T any](things []T) string {
	if len(things) == 0 {
		return "none"
	}
	quoted := make([]string, 0, longestList)
	for _, thing := range things[:min(len(things), longestList)] {
		quoted = append(quoted, fmt.Sprintf("%q", fmt.Sprint(thing)))
	}
	list := strings.Join(quoted, ", ")
	if more := len(things) - longestList; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
