package nlb

import (
	"fmt"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// PortText is a port as people write it: 443/TCP.
func PortText(port int32, protocol Protocol) string {
	return fmt.Sprintf("%d/%s", port, strings.ToUpper(string(protocol)))
}

// ServiceWant is what the cloud is to hold for an NLBService.
type ServiceWant struct {
	// Absent: nothing. The object, or its NetworkLoadBalancer, is being deleted.
	Absent bool
	// HandedBack: it stays for another controller, without the mark.
	HandedBack bool
	// Replacing: it was removed in order to be replaced, and isn't whole again.
	Replacing bool
	// Attributes of the service; the description without the mark.
	Attributes ServiceAttributes
	// Mark is what the service is to bear at the end of its description; none if it
	// is to bear none.
	Mark Mark
	// Derived is the name that is derived from the UID of the object, which no other
	// service has.
	Derived string
	// MarkDue: a service without it differs. Otherwise the mark is written along
	// with the next change that is needed anyway.
	MarkDue bool
}

// ServiceGot is what the cloud holds.
type ServiceGot struct {
	// LoadBalancerID is the NLB that was looked at.
	LoadBalancerID string
	// Refusal says why nothing is to be added there: the NLB is another's. Empty
	// if it isn't.
	Refusal string
	// Own is the service of this object; nil if there is none.
	Own *Service
	// OnPort is a service on the wanted port and protocol that isn't ours.
	OnPort *Service
	// Holder is the object that OnPort belongs to; empty if none of ours.
	Holder string
	// Consent says how the account's holder hands OnPort over.
	Consent string
	// SameName is a service with the wanted name that isn't ours, NameHolder the object
	// that it belongs to; empty if none of ours.
	SameName   *Service
	NameHolder string
	// NameLeaves: that one is about to be removed or renamed without a user's doing.
	NameLeaves bool
	// Rival is another NLBService for the same port that goes first; empty if none.
	Rival string
	// Probes is the number of probe services on the NLB, which go by themselves.
	Probes int
	// Count is the number of services on the NLB, whoever's, with those that are
	// away only to be replaced.
	Count int
}

// ServiceMove is the one step that leads from what is to what is wanted.
type ServiceMove struct {
	Action Action
	// Reason and Message, of Wait and Conflict, are for the conditions.
	Reason, Message string
	// Attributes of a Create, Update or Replace.
	Attributes ServiceAttributes
}

// DiffService decides on the one step.
//
// Names are unique on an NLB (docs/assumptions.md). While the wanted one is another's,
// a service of ours keeps its own, and all else of it goes on.
//
//	object    │ cloud                            │ move
//	──────────┼──────────────────────────────────┼──────────────────
//	absent    │ ours is going away               │ Wait
//	          │ ours                             │ Delete
//	          │ none of ours                     │ None
//	handed    │ ours is going away               │ Wait
//	back      │ ours, with the mark              │ Update
//	          │ ours without it, or none of ours │ None
//	wanted    │ ours is going away               │ Wait
//	          │ ours, shown in part              │ Wait
//	          │ ours, another pool               │ Replace
//	          │ ours, in state error, replacing  │ Replace
//	          │ ours, differs                    │ Update
//	          │ ours, not running yet            │ Wait
//	          │ ours, in state error             │ Conflict CloudError
//	          │ ours, but for a name that leaves │ Wait
//	          │ ours, but for a name in use      │ Conflict InUseByOther
//	          │ ours, the same                   │ None
//	          │ the NLB is another's             │ Conflict InUseByOther
//	          │ a probe service on the port      │ Wait
//	          │ another's on the port            │ Conflict PortConflict
//	          │ another object goes first        │ Conflict PortConflict
//	          │ replacing, the name is another's │ Create, by the derived name
//	          │ the name is another's, and leaves│ Wait
//	          │ the name is another's            │ Conflict InUseByOther
//	          │ the NLB is full with a probe     │ Wait
//	          │ the NLB is full                  │ Conflict ServiceLimitReached
//	          │ none                             │ Create
func DiffService(want ServiceWant, got ServiceGot) ServiceMove {
	own, wanted := got.Own, want.Attributes
	wanted.Description = Marked(wanted.Description, want.Mark)
	stays := own != nil && got.SameName != nil && own.Name != wanted.Name
	if stays {
		wanted.Name, want.Attributes.Name = own.Name, own.Name
	}
	if own != nil && own.State == StateDeleting {
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonDeleting, Message: fmt.Sprintf("Service %q is being removed at Exoscale", own.Name)}
	}
	switch {
	case want.HandedBack && own != nil && own.Mark() != (Mark{}):
		unmarked := own.Attributes()
		unmarked.Description, _ = SplitMark(own.Description)
		return ServiceMove{Action: Update, Attributes: unmarked}
	case want.HandedBack:
		return ServiceMove{Action: None}
	case want.Absent && own != nil:
		return ServiceMove{Action: Delete}
	case want.Absent:
		return ServiceMove{Action: None}
	case own == nil:
		return addition(want, got, wanted)
	case len(own.Incomplete) > 0:
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonRetrying, Message: fmt.Sprintf(
			"Exoscale's answer about service %q left out its %s; looking again", own.Name, strings.Join(own.Incomplete, ", "))}
	case own.InstancePoolID != want.Attributes.InstancePoolID,
		own.State == StateError && want.Replacing:
		return ServiceMove{Action: Replace, Attributes: wanted}
	case serviceDiffers(*own, want):
		return ServiceMove{Action: Update, Attributes: wanted}
	case own.State == StateCreating:
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonCreating, Message: fmt.Sprintf("Service %q is being added at Exoscale", own.Name)}
	case own.State == StateError:
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonCloudError, Message: fmt.Sprintf(
			"Service %q (%s) is in state error at Exoscale; delete it there to have it added anew, or ask Exoscale's support", own.Name, own.ID)}
	case stays:
		return nameInUse(got, fmt.Sprintf("Service %q can't be renamed to %q: %s. It stays %q until that one is renamed or removed, or another service name (spec.name) is set",
			own.Name, got.SameName.Name, holderOfName(got), own.Name))
	default:
		return ServiceMove{Action: None}
	}
}

// serviceDiffers compares a service with what is wanted. A mark that is missing is no
// difference unless it is due; one of another object is, unless the user wrote it.
func serviceDiffers(own Service, want ServiceWant) bool {
	attributes := own.Attributes()
	text, mark := SplitMark(attributes.Description)
	if attributes.Description == want.Attributes.Description {
		text, mark = attributes.Description, Mark{}
	}
	attributes.Description = text
	marks := mark == want.Mark || mark == (Mark{}) && (!want.MarkDue || Marked(text, want.Mark) == text)
	return !marks || attributes != want.Attributes
}

func addition(want ServiceWant, got ServiceGot, wanted ServiceAttributes) ServiceMove {
	port := PortText(want.Attributes.Port, want.Attributes.Protocol)
	switch {
	case got.Refusal != "":
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther, Message: got.Refusal}
	case got.OnPort != nil && IsProbe(*got.OnPort):
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForServices, Message: fmt.Sprintf(
			"Port %s of NLB %s has a probe service now, which goes within %s; waiting for it. Other ports than %d to %d are never used by one",
			port, got.LoadBalancerID, ProbeTurn, FirstProbePort, LastProbePort)}
	case got.OnPort != nil && got.Holder != "":
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonPortConflict, Message: fmt.Sprintf(
			"Port %s of NLB %s is held by NLBService %s; delete that or choose another port", port, got.LoadBalancerID, got.Holder)}
	case got.OnPort != nil:
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonPortConflict, Message: fmt.Sprintf(
			"Port %s of NLB %s is used by service %q (%s) that this object doesn't own; choose another port, or have its owner remove it: then the port is taken over by itself. %s",
			port, got.LoadBalancerID, got.OnPort.Name, got.OnPort.ID, got.Consent)}
	case got.Rival != "":
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonPortConflict, Message: fmt.Sprintf(
			"Port %s of NLB %s is claimed by NLBService %s, which goes first; delete that or choose another port", port, got.LoadBalancerID, got.Rival)}
	case got.SameName != nil && !want.Replacing:
		return nameInUse(got, fmt.Sprintf("Service %q can't be added: %s. Set another service name (spec.name), or have that one renamed or removed: then it goes on by itself",
			wanted.Name, holderOfName(got)))
	case got.Count >= MaxServices && got.Count-got.Probes < MaxServices:
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForServices, Message: fmt.Sprintf(
			"NLB %s holds %d services, as many as Exoscale allows. One of them is a probe service, which goes within %s; waiting for its place", got.LoadBalancerID, got.Count, ProbeTurn)}
	case got.Count >= MaxServices:
		return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonServiceLimitReached, Message: fmt.Sprintf(
			"NLB %s already holds %d services, as many as Exoscale allows; remove one, or use another NetworkLoadBalancer", got.LoadBalancerID, got.Count)}
	default:
		if got.SameName != nil {
			wanted.Name = want.Derived
		}
		return ServiceMove{Action: Create, Attributes: wanted}
	}
}

// nameInUse is the move while the wanted name is another service's.
func nameInUse(got ServiceGot, message string) ServiceMove {
	if got.NameLeaves {
		return ServiceMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForOperation, Message: fmt.Sprintf(
			"The name %q is in use until service %s is removed or renamed", got.SameName.Name, got.SameName.ID)}
	}
	return ServiceMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther, Message: message}
}

// holderOfName says which service has the wanted name.
func holderOfName(got ServiceGot) string {
	service := got.SameName
	text := fmt.Sprintf("service %s (port %s)", service.ID, PortText(service.Port, service.Protocol))
	if got.NameHolder != "" {
		text += " of NLBService " + got.NameHolder
	}
	return text + " has that name, and names are unique on NLB " + got.LoadBalancerID
}

// Fingerprint is a short text that differs for other attributes.
func (a ServiceAttributes) Fingerprint() string { return digest(fmt.Sprintf("%+v", a), 16) }

// Attributes are the part of a service that can be written. What the mode of its
// health check has no use for is left out: Exoscale can't clear it.
func (s Service) Attributes() ServiceAttributes {
	check := s.HealthCheck
	if check.Mode == ProbeTCP {
		check.Path = ""
	}
	if check.Mode != ProbeHTTPS {
		check.TLSServerName = ""
	}
	return ServiceAttributes{
		Name: s.Name, Description: s.Description, InstancePoolID: s.InstancePoolID,
		Protocol: s.Protocol, Port: s.Port, TargetPort: s.TargetPort,
		Strategy: s.Strategy, HealthCheck: check,
	}
}
