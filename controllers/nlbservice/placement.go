package nlbservice

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// moveNet is how soon to go on once a service has left the NLB it was on.
const moveNet = 50 * time.Millisecond

// placement is the NLB on which an object's service is, or is to be.
type placement struct {
	zone, loadBalancerID string
	// absent: the service is to be removed from there.
	absent bool
	// through is the object referred to; nil if there is none.
	through *v1alpha1.NetworkLoadBalancer
	// made is true if the operator made that NLB for the object referred to.
	made bool
	// moved: the service is on another NLB than it should be, and is to be
	// removed from there first.
	moved bool
	// until is what the object waits for, or what it is told besides; nil if the
	// service can be made. Where the service is absent it is said afterwards.
	until *outcome.Outcome
}

// place decides where the service of an object belongs. lb is the object that it
// refers to, nil if there is none; allowed tells whether it may attach there.
//
//	object   │ NetworkLoadBalancer         │ service
//	─────────┼─────────────────────────────┼─────────────────────────────────────
//	deleted  │ any                         │ removed from where it is recorded, else
//	         │                             │ from where it would be
//	         │ nobody has looked at        │ waits there; WaitingForLoadBalancer
//	alive    │ none                        │ stays as it is; NotFound, or waits for
//	         │                             │ the Service of both
//	         │ being deleted with its NLB  │ removed; LoadBalancerDeleting
//	         │ being deleted, NLB stays    │ stays as it is; LoadBalancerDeleting
//	         │ doesn't admit the namespace │ stays as it is; NotAllowedNamespace
//	         │ … any more, and evicts      │ removed; NotAllowedNamespace
//	         │ has no NLB yet              │ waits; WaitingForLoadBalancer
//	         │ has another than before     │ removed from the one before, then made
//	         │ has one                     │ is made there
func place(object *v1alpha1.NLBService, lb *v1alpha1.NetworkLoadBalancer, allowed bool) placement {
	where := whereabouts(object, lb, allowed)
	where.through = lb
	// Who isn't admitted has nothing to clear up there but what is provably its own.
	where.made = lb != nil && allowed && lb.Status.ID == where.loadBalancerID && nlb.Made(lb)
	return where
}

// external tells whether the NLB is only attached to, or nobody knows.
func (p placement) external() bool {
	return p.through == nil || p.through.Spec.ManagementPolicy == v1alpha1.External
}

// refusal says why nothing is to be added to an NLB: by its labels it isn't the
// one of the object referred to, whatever that one's status says.
func (p placement) refusal(lb nlb.LoadBalancer, cluster string) string {
	if p.through == nil {
		return ""
	}
	return nlb.MayStandFor(lb, p.through, cluster)
}

func whereabouts(object *v1alpha1.NLBService, lb *v1alpha1.NetworkLoadBalancer, allowed bool) placement {
	status, ref := object.Status, refText(object)
	where := placement{zone: status.Zone, loadBalancerID: status.LoadBalancerID}
	until := func(out outcome.Outcome) placement {
		where.until = &out
		return where
	}
	deleted := !object.DeletionTimestamp.IsZero()
	going := lb != nil && !lb.DeletionTimestamp.IsZero()
	if lb != nil && where.loadBalancerID == "" && (deleted || going && allowed) {
		// It may have lost its status: it is looked for where it would be.
		where.zone, where.loadBalancerID = lb.Status.Zone, lb.Status.ID
		if where.loadBalancerID == "" && lb.Status.ObservedGeneration < 1 {
			return until(outcome.Waiting(v1alpha1.ReasonWaitingForLoadBalancer, fmt.Sprintf(
				"NetworkLoadBalancer %s isn't looked at yet, and knows which NLB this service may be on", ref)))
		}
	}
	if deleted {
		where.absent = true
		return where
	}
	unresolved := func(reason, message string) placement { return until(outcome.Unresolved(reason, message)) }
	switch {
	case lb == nil && madeBesides(object):
		return until(outcome.Waiting(v1alpha1.ReasonWaitingForLoadBalancer, fmt.Sprintf("NetworkLoadBalancer %s isn't there; its Service makes it anew", ref)))
	case lb == nil:
		return unresolved(v1alpha1.ReasonNotFound, nlb.NoLoadBalancer(ref))
	case going && goesWithItsNLB(lb):
		where.absent = where.loadBalancerID != ""
		if madeBesides(object) {
			return until(outcome.Waiting(v1alpha1.ReasonLoadBalancerDeleting, fmt.Sprintf("NetworkLoadBalancer %s is being deleted with its NLB; its Service makes it anew, or removes this object, too", ref)))
		}
		return unresolved(v1alpha1.ReasonLoadBalancerDeleting, nlb.LoadBalancerGoes(ref))
	case going:
		return unresolved(v1alpha1.ReasonLoadBalancerDeleting, nlb.LoadBalancerLeaves(ref))
	case !allowed && evicts(lb):
		where.absent = true
		return unresolved(v1alpha1.ReasonNotAllowedNamespace, nlb.NotAdmitted(ref, object.Namespace, true))
	case !allowed:
		return unresolved(v1alpha1.ReasonNotAllowedNamespace, nlb.NotAdmitted(ref, object.Namespace, false))
	case !settled(lb):
		return until(outcome.Waiting(v1alpha1.ReasonWaitingForLoadBalancer, notYet(lb, ref)))
	case standsOn(object, where.loadBalancerID) && where.loadBalancerID != lb.Status.ID:
		where.absent, where.moved = true, true
		return until(outcome.Waiting(v1alpha1.ReasonUpdating, fmt.Sprintf(
			"NetworkLoadBalancer %s stands for NLB %s now; the service moves there", ref, lb.Status.ID)).Within(moveNet))
	default:
		where.zone, where.loadBalancerID = lb.Status.Zone, lb.Status.ID
		return where
	}
}

// madeBesides reports whether the Service that an object is of makes the
// NetworkLoadBalancer as well: nobody is to do by hand what it does anyway.
func madeBesides(object *v1alpha1.NLBService) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.Kind == "Service" && owner.APIVersion == "v1" &&
		owner.Name == object.Spec.LoadBalancerRef.Name && object.LoadBalancerNamespace() == object.Namespace
}

// evicts reports whether a NetworkLoadBalancer removes the services of namespaces
// that it doesn't admit. One whose selector can't be read doesn't say whom it admits.
func evicts(lb *v1alpha1.NetworkLoadBalancer) bool {
	allowed := lb.Spec.AllowedNamespaces
	if allowed == nil || allowed.Eviction != v1alpha1.EvictionOnRevoke {
		return false
	}
	_, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	return err == nil
}

// leftBehind tells whether a deleted object leaves its service where it is: for
// another controller, on an NLB of its own namespace.
func leftBehind(object *v1alpha1.NLBService) bool {
	return !object.DeletionTimestamp.IsZero() && object.LoadBalancerNamespace() == object.Namespace &&
		object.Annotations[v1alpha1.AnnotationDeletionPolicy] == string(v1alpha1.DeletionRetain)
}

func goesWithItsNLB(lb *v1alpha1.NetworkLoadBalancer) bool {
	return lb.Spec.ManagementPolicy != v1alpha1.External && lb.EffectiveDeletionPolicy() == v1alpha1.DeletionDelete
}

// standsOn tells whether the object has a service on an NLB, or is adding one.
func standsOn(object *v1alpha1.NLBService, loadBalancerID string) bool {
	return loadBalancerID != "" && (object.Status.ID != "" || object.Status.Operation != nil || object.Status.Probe != nil)
}

// settled tells whether the NetworkLoadBalancer has an NLB to which services can
// be added.
func settled(lb *v1alpha1.NetworkLoadBalancer) bool {
	op := lb.Status.Operation
	return lb.Status.ID != "" && lb.Status.Zone != "" &&
		meta.IsStatusConditionTrue(lb.Status.Conditions, v1alpha1.ConditionAccepted) &&
		(op == nil || op.Action != v1alpha1.ActionCreate && op.Action != v1alpha1.ActionAdopt)
}

// notYet tells what the NetworkLoadBalancer waits for. The steps of work under
// way aren't repeated, so that not each of them is a write of all that wait.
func notYet(lb *v1alpha1.NetworkLoadBalancer, ref string) string {
	ready := meta.FindStatusCondition(lb.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue || ready.Reason == v1alpha1.ReasonCreating {
		return fmt.Sprintf("NetworkLoadBalancer %s has no NLB yet", ref)
	}
	return fmt.Sprintf("NetworkLoadBalancer %s isn't ready (%s): %s", ref, ready.Reason, ready.Message)
}

func refText(object *v1alpha1.NLBService) string {
	if object.LoadBalancerNamespace() == object.Namespace {
		return object.Spec.LoadBalancerRef.Name
	}
	return object.LoadBalancerNamespace() + "/" + object.Spec.LoadBalancerRef.Name
}
