package nlb

import (
	"cmp"
	"slices"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// ServiceClaim is who asks whether a cloud service is theirs: an NLBService, and
// what is known of it that could prove ownership.
type ServiceClaim struct {
	// OwnUIDs are the UID of the NLBService and, if it was projected, that of
	// its live Service: the caller has looked it up.
	OwnUIDs []string
	// RecordedID is the cloud service that the object's status says is its own.
	RecordedID string
	// Intent is the name of the service that the object was about to add, after
	// it had seen the port free; empty if it wasn't.
	Intent string
	// CCMName is the name that the CCM gave to the service if it was told one: the
	// wanted one, on the NLB that it made for the claimant's own Service (see
	// MadeForService); empty on any other.
	CCMName string
	// Port and Protocol of the object.
	Port     int32
	Protocol Protocol
	// LoadBalancerMade is true if the operator made the NLB: it isn't External,
	// and wasn't adopted, so that what stands on it was made for an object of ours.
	LoadBalancerMade bool
	// HolderOf tells which other live object has the service's id in its status,
	// and, if the claimant has it, too, goes first (see Record); empty if none.
	HolderOf func(serviceID string) string
	// Lives tells whether a live object of this cluster has the UID. If that
	// can't be known (the operator sees some namespaces only), it says true.
	Lives func(uid string) bool
}

// ServiceIsOurs is the one place that decides whether a cloud service is the
// claimant's. Services have no labels, so ids and names have to do:
//
//  1. its id is in the status of another live object, and not in ours, or that
//     object goes first: theirs, whatever its name
//  2. its id is in our status: ours
//  3. its name is one that only we derive, from our UID: ours
//  4. its name and port are those of an intent that we recorded: ours
//  5. it is on the NLB that the CCM made for our Service, and its name and port are
//     those that the Service asks for: the CCM made it, so ours
//  6. the NLB was made by the operator, and its name is one that only an object
//     derives which doesn't live: left by an earlier self of ours (a restored
//     backup), so ours
//  7. anything else isn't
func ServiceIsOurs(service Service, claim ServiceClaim) bool {
	samePort := service.Port == claim.Port && service.Protocol == claim.Protocol
	switch {
	case claim.HolderOf(service.ID) != "":
		return false
	case claim.RecordedID != "" && service.ID == claim.RecordedID:
		return true
	case !samePort:
		return false
	case slices.ContainsFunc(claim.OwnUIDs, func(uid string) bool { return service.Name == ServiceName(uid, claim.Port, claim.Protocol) }):
		return true
	case claim.Intent != "" && service.Name == claim.Intent:
		return true
	case claim.CCMName != "" && service.Name == claim.CCMName:
		return true
	default:
		return claim.LoadBalancerMade && Orphaned(service, claim.Lives)
	}
}

// MadeForService tells whether an NLB bears the name that the CCM, and the
// operator, give to the one of a Service with one of these UIDs. The caller has
// looked the Service up.
func MadeForService(lb LoadBalancer, uids []string) bool {
	return slices.ContainsFunc(uids, func(uid string) bool { return uid != "" && lb.Name == LoadBalancerNameOfService(uid) })
}

// Orphaned tells whether a service has exactly the name that the operator derives
// for its port, of an object that doesn't live.
func Orphaned(service Service, lives func(uid string) bool) bool {
	uids := UIDsIn(service.Name)
	return len(uids) == 1 && service.Name == ServiceName(uids[0], service.Port, service.Protocol) && !lives(uids[0])
}

// Record is an object whose status names a cloud service.
type Record struct {
	Object *v1alpha1.NLBService
	// Attached is true if the NetworkLoadBalancer that the object refers to stands
	// for the NLB of the service, and admits the object.
	Attached bool
}

// GoesFirst tells whether, of two objects whose status names one service, r has
// the better right: who is attached to its NLB, then who wants its port, then who
// wants its name, then the older. The operator never writes such a thing, so one
// of the two was written by somebody else.
func (r Record) GoesFirst(other Record, service Service) bool {
	if ours, theirs := r.right(service), other.right(service); ours != theirs {
		return ours > theirs
	}
	a, b := r.Object, other.Object
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID)) < 0
}

func (r Record) right(service Service) int {
	want := WantedService(r.Object, "")
	right := 0
	for i, is := range []bool{want.Name == service.Name, want.Port == service.Port && want.Protocol == service.Protocol, r.Attached} {
		if is {
			right += 1 << i
		}
	}
	return right
}
