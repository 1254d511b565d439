package nlb

import (
	"fmt"
	"regexp"
	"strings"
)

// ReservedNamePrefix begins the names that the operator and the CCM derive from
// the UID of a Service. Users can't choose such a name.
const ReservedNamePrefix = "k8s-"

// maxNameLength is the longest name of an NLB or a service at Exoscale.
const maxNameLength = 255

var uuidPattern = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// LoadBalancerNameOfService is the name that the CCM, and so the operator, gives
// to the NLB of a Kubernetes Service.
func LoadBalancerNameOfService(serviceUID string) string {
	return ReservedNamePrefix + serviceUID
}

// LoadBalancerNameOf is the name of an NLB whose NetworkLoadBalancer sets none:
// readable, unique by the UID, stable, and cut to what Exoscale allows.
func LoadBalancerNameOf(namespace, name, uid string) string {
	readable := namespace + "-" + name
	if longest := maxNameLength - len(uid) - 1; len(readable) > longest {
		readable = readable[:longest]
	}
	return readable + "-" + uid
}

// ServiceName is the name of a cloud service whose user sets none: the UID of
// its owner, by which it is recognised, and the port. TCP has no suffix, as with the CCM.
func ServiceName(ownerUID string, port int32, protocol Protocol) string {
	name := fmt.Sprintf("%s-%d", ownerUID, port)
	if protocol == UDP {
		name += "-udp"
	}
	return name
}

// NameReserved tells whether a name that a user chose is one that only the
// operator derives: it begins with k8s-, holds a UID that isn't one of ownUIDs, or is
// that of a probe service, which other objects expect to go by itself. The other names
// derived from ownUIDs are never reserved to their owner.
func NameReserved(name string, ownUIDs ...string) bool {
	rest := name
	for _, uid := range ownUIDs {
		if uid == "" {
			continue
		}
		if name == LoadBalancerNameOfService(uid) {
			return false
		}
		rest = strings.ReplaceAll(rest, uid, "")
	}
	return strings.HasPrefix(name, ReservedNamePrefix) || uuidPattern.MatchString(rest) ||
		strings.HasPrefix(name, probeNamePrefix) && uuidPattern.MatchString(name)
}

// UIDsIn lists the UIDs that stand in a name, in order.
func UIDsIn(name string) []string {
	return uuidPattern.FindAllString(name, -1)
}
