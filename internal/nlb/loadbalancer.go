package nlb

import (
	"fmt"
	"maps"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Action is what a Move does.
type Action string

// The actions. One a round: after each, the next round starts from what is true.
const (
	// None: nothing to do.
	None Action = "None"
	// Create makes the NLB, or adds the service.
	Create Action = "Create"
	// Adopt writes the labels of ownership, and nothing else.
	Adopt Action = "Adopt"
	// Update changes it in place.
	Update Action = "Update"
	// Replace removes a service in order to add it again with another pool.
	Replace Action = "Replace"
	// Delete removes it.
	Delete Action = "Delete"
	// DeleteService removes a service of ours that no object stands for any
	// more, since an NLB goes only without services.
	DeleteService Action = "DeleteService"
	// Release marks the NLB as retained.
	Release Action = "Release"
	// Wait: something has to end first; an event will tell.
	Wait Action = "Wait"
	// Conflict: something that isn't ours is in the way; nothing is touched.
	Conflict Action = "Conflict"
)

// LoadBalancerWant is what the cloud is to hold for a NetworkLoadBalancer.
type LoadBalancerWant struct {
	// Deleting: nothing, if it is ours to delete.
	Deleting bool
	// Retain keeps the NLB when the object is deleted.
	Retain bool
	// External: the NLB itself is never written.
	External bool
	// Zone is where it is to be; for messages.
	Zone string
	// ID of the NLB that the user names; empty if it is to be made or looked up by name.
	ID string
	// Attributes with the user's labels and those of ownership. An empty name
	// (only with an ID) leaves the name as it is.
	Attributes LoadBalancerAttributes
	// KeepsUnset leaves a description alone that the user doesn't set: that of
	// an NLB which was made elsewhere.
	KeepsUnset bool
	// Held is true if the object has an NLB, or had one.
	Held bool
	// AppliedLabelKeys are the keys of the labels that we wrote before.
	AppliedLabelKeys []string
	// Adopting is true if the object has begun to take an NLB over that was handed over:
	// its labels may be there, and not be shown yet.
	Adopting bool
}

// LoadBalancerGot is what the cloud holds.
type LoadBalancerGot struct {
	// NLB is nil if there is none.
	NLB *LoadBalancer
	// Proof that it is the object's; else Refusal says why not.
	Proof   Proof
	Refusal string
	// SameName is another NLB that has the wanted name.
	SameName *LoadBalancer
	// Services on the NLB by whose they are.
	Services ServiceCensus
	// Marked is true if every service on it that is the operator's bears its mark.
	Marked bool
}

// ServiceCensus counts the services of an NLB by whose they are.
type ServiceCensus struct {
	// Held are those of live NLBServices: these remove them.
	Held []Service
	// Holders are these NLBServices, as namespace/name.
	Holders []string
	// Orphaned are left by an object of this cluster that doesn't live (see Leftovers).
	Orphaned []Service
	// Foreign are those of others.
	Foreign []Service
}

// LoadBalancerMove is the one step that leads from what is to what is wanted.
type LoadBalancerMove struct {
	Action Action
	// Reason and Message, of Wait and Conflict, are for the conditions.
	Reason, Message string
	// Attributes of a Create.
	Attributes LoadBalancerAttributes
	// Change of an Adopt, Update or Release.
	Change LoadBalancerChange
	// ServiceID of a DeleteService.
	ServiceID string
}

// DiffLoadBalancer decides on the one step.
//
//	object    │ cloud                                   │ move
//	──────────┼─────────────────────────────────────────┼──────────────────
//	wanted    │ none or not held yet, a refused label   │ Conflict Invalid
//	          │ none; id or External                    │ Conflict NotFound
//	          │ none; the name is another's             │ Conflict InUseByOther
//	          │ none                                    │ Create
//	          │ not ours                                │ Conflict InUseByOther
//	          │ going away                              │ Wait
//	          │ External                                │ as "the same"
//	          │ ours, but not by labels                 │ Adopt
//	          │ a refused label                         │ Conflict Invalid
//	          │ differs only by a name that is another's│ Conflict InUseByOther
//	          │ differs                                 │ Update
//	          │ the same, being created, or no address  │ Wait
//	          │ the same, in state error                │ Conflict CloudError
//	          │ the same                                │ None
//	deleted   │ none, External, or not ours             │ None
//	          │ handed over, nothing begun              │ None
//	          │ ours, going away                        │ Wait
//	          │ ours, Retain                            │ Release, then None
//	          │ ours, its services aren't shown         │ Wait
//	          │ ours, services of live objects on it    │ Wait
//	          │ ours, foreign services on it            │ Conflict ForeignServices
//	          │ ours, orphaned services on it           │ DeleteService
//	          │ ours                                    │ Delete
func DiffLoadBalancer(want LoadBalancerWant, got LoadBalancerGot) LoadBalancerMove {
	if want.Deleting {
		return removal(want, got)
	}
	lb := got.NLB
	refused := refusedLabel(want, lb)
	switch {
	case refused != "" && (lb == nil || got.Proof.Adopts()):
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInvalid, Message: refused}
	case lb == nil && (want.ID != "" || want.External):
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonNotFound, Message: missing(want)}
	case lb == nil && got.SameName != nil:
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther, Message: fmt.Sprintf(
			"The name %q is in use by NLB %s, which isn't this object's, and names are unique in a zone; choose another name", got.SameName.Name, got.SameName.ID)}
	case lb == nil:
		attributes := want.Attributes
		attributes.Labels = withMarks(attributes.Labels)
		return LoadBalancerMove{Action: Create, Attributes: attributes}
	case got.Proof == ProofNone:
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther, Message: got.Refusal}
	case lb.State == StateDeleting:
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonDeleting, Message: fmt.Sprintf("NLB %s is being deleted at Exoscale", lb.ID)}
	case want.External:
		return settled(*lb)
	case got.Proof != ProofLabels:
		labels := LabelsToWrite(lb.Labels, ownership(want.Attributes.Labels), nil)
		return LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &labels}}
	case refused != "":
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInvalid, Message: refused}
	}
	change := differences(want, *lb)
	if taken := got.SameName; taken != nil && change.Name != nil {
		if change.Name = nil; change == (LoadBalancerChange{}) { // the rest goes on
			return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther, Message: fmt.Sprintf(
				"NLB %s can't be renamed to %q: NLB %s has that name, and names are unique in a zone; choose another name. It stays %q until that one is renamed or deleted",
				lb.ID, taken.Name, taken.ID, lb.Name)}
		}
	}
	if change != (LoadBalancerChange{}) {
		if change.Labels != nil && got.Marked {
			labels := withMarks(*change.Labels)
			change.Labels = &labels
		}
		return LoadBalancerMove{Action: Update, Change: change}
	}
	return settled(*lb)
}

// settled decides about an NLB that is as wanted.
func settled(lb LoadBalancer) LoadBalancerMove {
	switch {
	case lb.State == StateCreating:
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonCreating, Message: fmt.Sprintf("NLB %s is being created at Exoscale", lb.ID)}
	case lb.State == StateError:
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonCloudError, Message: fmt.Sprintf(
			"NLB %s is in state error at Exoscale; ask Exoscale's support", lb.ID)}
	case lb.Address == "":
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForAddress, Message: fmt.Sprintf("NLB %s has no address yet", lb.ID)}
	default:
		return LoadBalancerMove{Action: None}
	}
}

func missing(want LoadBalancerWant) string {
	if want.ID != "" {
		return fmt.Sprintf("There is no NLB with id %s in zone %s; check spec.id and spec.zone", want.ID, want.Zone)
	}
	return fmt.Sprintf("There is no NLB named %q in zone %s; create it, or check spec.name and spec.zone", want.Attributes.Name, want.Zone)
}

func removal(want LoadBalancerWant, got LoadBalancerGot) LoadBalancerMove {
	lb := got.NLB
	switch {
	case lb == nil || want.External || got.Proof == ProofNone || got.Proof == ProofConsent && !want.Adopting:
		return LoadBalancerMove{Action: None}
	case lb.State == StateDeleting:
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonDeleting, Message: fmt.Sprintf("NLB %s is being deleted at Exoscale", lb.ID)}
	case want.Retain:
		labels := maps.Clone(want.Attributes.Labels)
		labels = LabelsToWrite(lb.Labels, ownership(labels), nil)
		labels[v1alpha1.CloudLabelOwnerUID] = v1alpha1.OwnerUIDRetained
		delete(labels, v1alpha1.CloudLabelMarks) // others may add services, and the marks come off
		if maps.Equal(labels, inOneForm(lb.Labels)) {
			return LoadBalancerMove{Action: None}
		}
		return LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: &labels}}
	case lb.Incomplete():
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonRetrying, Message: fmt.Sprintf(
			"Exoscale's answer about NLB %s left out its services; looking again before it is deleted", lb.ID)}
	case len(got.Services.Held) > 0:
		return LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForServices, Message: fmt.Sprintf(
			"NLB %s is deleted once its services are removed: NLBService %s", lb.ID, brief.List(got.Services.Holders))}
	case len(got.Services.Foreign) > 0:
		return LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonForeignServices, Message: fmt.Sprintf(
			"NLB %s holds services that this operator didn't make: %s. Remove them, or set deletionPolicy: Retain to leave the NLB as it is", lb.ID, listServices(got.Services.Foreign))}
	case len(got.Services.Orphaned) > 0:
		return LoadBalancerMove{Action: DeleteService, ServiceID: got.Services.Orphaned[0].ID}
	default:
		return LoadBalancerMove{Action: Delete}
	}
}

// withMarks adds the label that tells that the operator's services on an NLB are
// known by their marks. It is no ownership label, and no difference by itself.
func withMarks(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	labels[v1alpha1.CloudLabelMarks] = v1alpha1.MarksVersion
	return labels
}

// ownership is the part of the labels by which an NLB is known as ours.
func ownership(labels map[string]string) map[string]string {
	part := map[string]string{}
	for _, key := range presentKeys.all() {
		part[key] = labels[key]
	}
	return part
}

// differences are the attributes that aren't as wanted. Labels of ours in their
// former form are as wanted, and get the present one with what has to be written
// anyway.
func differences(want LoadBalancerWant, got LoadBalancer) LoadBalancerChange {
	var change LoadBalancerChange
	if name := want.Attributes.Name; name != "" && name != got.Name {
		change.Name = &name
	}
	if text := want.Attributes.Description; text != got.Description && (text != "" || !want.KeepsUnset) {
		change.Description = &text
	}
	labels := LabelsToWrite(got.Labels, want.Attributes.Labels, want.AppliedLabelKeys)
	differ := !maps.Equal(labels, inOneForm(got.Labels))
	if differ || change != (LoadBalancerChange{}) && !maps.Equal(labels, got.Labels) && allAllowed(labels) {
		change.Labels = &labels
	}
	return change
}

func listServices(services []Service) string {
	text := ""
	for i, service := range services {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q (%s)", service.Name, PortText(service.Port, service.Protocol))
	}
	return text
}
