package nlb

import (
	"cmp"
	"fmt"
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
	// Mark is the one that the object leaves on its services.
	Mark Mark
	// Intent is the add that the object has begun or is about to begin; nil if there
	// is none, or if it has expired.
	Intent *ServiceIntent
	// CCMName is the name that the CCM gave to the service if it was told one: the
	// wanted one, on the NLB that it made for the claimant's own Service (see
	// MadeForService); empty on any other.
	CCMName string
	// Consented is true if the account's holder handed over the service on the
	// object's port (see ServiceConsentFor).
	Consented bool
	// Port and Protocol of the object.
	Port     int32
	Protocol Protocol
	// Leftover reports whether a service was left by an object of this cluster that
	// doesn't live any more (see Leftovers); nil: none is.
	Leftover func(Service) bool
	// HolderOf tells which other live object has the service's id in its status,
	// and, if the claimant has it, too, goes first (see Record); empty if none.
	HolderOf func(serviceID string) string
}

// ServiceIntent is an add that was recorded before it was sent.
type ServiceIntent struct {
	// Name of the service that was to be added.
	Name string
	// Before are the ids of the services that the NLB held right before; Sent is the
	// fingerprint of the attributes that were sent. Both are empty where the name
	// alone is proof.
	Before []string
	Sent   string
	// Begun is true if Exoscale accepted the add: it named an operation.
	Begun bool
}

// explains reports whether a service is what the add made: Exoscale accepted an add
// of that name, or the service wasn't there before and is in all what was sent.
func (i *ServiceIntent) explains(service Service) bool {
	switch {
	case i == nil || service.Name != i.Name:
		return false
	case i.Begun:
		return true
	default:
		return i.Sent != "" && !slices.Contains(i.Before, service.ID) && service.Attributes().Fingerprint() == i.Sent
	}
}

// ServiceIsOurs is the one place that decides whether a cloud service is the
// claimant's. Services have no labels, so these prove it, in this order:
//
//	evidence                                                         │ verdict
//	─────────────────────────────────────────────────────────────────┼────────
//	its id is in the status of another live object, and not in ours, │ theirs
//	or that object goes first                                        │
//	its id is in our status                                          │ ours
//	it is on another port                                            │ not ours
//	its name is one that only we derive, from our UID                │ ours
//	it bears our mark                                                │ ours
//	it is what an add of ours made                                   │ ours
//	the CCM made it for our Service: on that Service's NLB, by name  │ ours
//	the account's holder consents                                    │ ours
//	an object of this cluster left it that doesn't live any more     │ ours
//	anything else                                                    │ not ours
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
	case claim.Mark != (Mark{}) && service.Mark() == claim.Mark:
		return true
	case claim.Intent.explains(service):
		return true
	case claim.CCMName != "" && service.Name == claim.CCMName:
		return true
	case claim.Consented:
		return true
	default:
		return claim.Leftover != nil && claim.Leftover(service)
	}
}

// ProbeIsOurs decides whether a probe service is the claimant's, by the UID in its name
// or, if the object was made anew since, by the mark. uid is that of the NLBService.
func ProbeIsOurs(service Service, claim ServiceClaim, uid string) bool {
	samePort := service.Port == claim.Port && service.Protocol == claim.Protocol
	return IsProbe(service) && !samePort && claim.HolderOf(service.ID) == "" &&
		(service.Name == ProbeName(uid) || claim.Mark != (Mark{}) && service.Mark() == claim.Mark)
}

// MadeForService tells whether an NLB bears the name that the CCM, and the
// operator, give to the one of a Service with one of these UIDs. The caller has
// looked the Service up.
func MadeForService(lb LoadBalancer, uids []string) bool {
	return slices.ContainsFunc(uids, func(uid string) bool { return uid != "" && lb.Name == LoadBalancerNameOfService(uid) })
}

// Lives reports which objects of this cluster live. Where that can't be known (the
// operator sees some namespaces only), every one does.
type Lives struct {
	// UID of an NLBService or a Service.
	UID func(uid string) bool
	// Owner of a mark (see MarkOwner): an NLBService.
	Owner func(owner string) bool
}

// Leftovers tells, of the services on an NLB that the operator made, those that an
// object of this cluster left which doesn't live any more. A mark of this cluster
// proves it. Services that an older version added bear no mark: on an NLB that only
// such a version wrote, where no other cluster has left a mark either, the name that
// it derived from a UID has to do.
func Leftovers(lb LoadBalancer, cluster string, lives Lives) func(Service) bool {
	unmarked := lb.Labels[v1alpha1.CloudLabelMarks] == "" &&
		!slices.ContainsFunc(lb.Services, func(s Service) bool { mark := s.Mark(); return mark != (Mark{}) && !mark.OfCluster(cluster) })
	return func(service Service) bool {
		mark := service.Mark()
		if mark != (Mark{}) {
			return mark.OfCluster(cluster) && !lives.Owner(mark.Owner)
		}
		return unmarked && derivedFromNone(service, lives.UID)
	}
}

// derivedFromNone tells whether a service has exactly the name that the operator
// derives for its port, of an object that doesn't live.
func derivedFromNone(service Service, lives func(uid string) bool) bool {
	uids := UIDsIn(service.Name)
	return len(uids) == 1 && service.Name == ServiceName(uids[0], service.Port, service.Protocol) && !lives(uids[0])
}

// ServiceConsent is the label by which the account's holder hands over whatever
// service is on a port of an NLB.
type ServiceConsent struct{ Key, Value string }

// ServiceConsentFor is the consent to an NLBService.
func ServiceConsentFor(cluster, namespace, name string, port int32, protocol Protocol) ServiceConsent {
	return ServiceConsent{
		Key:   fmt.Sprintf("%s-%d-%s", v1alpha1.CloudLabelAdopt, port, protocol),
		Value: LabelValue(cluster + "/" + namespace + "/" + name),
	}
}

// Given reports whether an NLB bears it, encoded or as it is read.
func (c ServiceConsent) Given(lb LoadBalancer) bool {
	value := lb.Labels[c.Key]
	return value == c.Value || LabelValue(value) == c.Value
}

// HowTo tells people how to give it.
func (c ServiceConsent) HowTo() string {
	return setLabel(c.Key, c.Value)
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
