package nlb

import "slices"

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
	// Port and Protocol of the object.
	Port     int32
	Protocol Protocol
	// LoadBalancerOurs is true if the operator owns the NLB (not External).
	LoadBalancerOurs bool
	// HolderOf tells which other live object has the service's id in its status;
	// empty if none.
	HolderOf func(serviceID string) string
	// Lives tells whether a live object of this cluster has the UID. If that
	// can't be known (the operator sees some namespaces only), it says true.
	Lives func(uid string) bool
}

// ServiceIsOurs is the one place that decides whether a cloud service is the
// claimant's. Services have no labels, so ids and names have to do:
//
//  1. its id is in our status: ours
//  2. its id is in the status of another live object: theirs, whatever its name
//  3. its name is one that only we derive, from our UID: ours
//  4. its name and port are those of an intent that we recorded: ours
//  5. the NLB is ours, and its name carries a UID of no live object: left by an
//     earlier self of ours (a restored backup), so ours
//  6. anything else isn't
func ServiceIsOurs(service Service, claim ServiceClaim) bool {
	samePort := service.Port == claim.Port && service.Protocol == claim.Protocol
	switch {
	case claim.RecordedID != "" && service.ID == claim.RecordedID:
		return true
	case claim.HolderOf(service.ID) != "":
		return false
	case !samePort:
		return false
	case slices.ContainsFunc(claim.OwnUIDs, func(uid string) bool { return service.Name == ServiceName(uid, claim.Port, claim.Protocol) }):
		return true
	case claim.Intent != "" && service.Name == claim.Intent:
		return true
	default:
		return claim.LoadBalancerOurs && Orphaned(service.Name, claim.Lives)
	}
}

// Orphaned tells whether a name carries UIDs, and none of them of a live object.
func Orphaned(name string, lives func(uid string) bool) bool {
	uids := UIDsIn(name)
	return len(uids) > 0 && !slices.ContainsFunc(uids, lives)
}
