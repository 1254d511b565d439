package nlbservice

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// moveNet is how soon to go on once a service has left the NLB it was on.
const moveNet = 50 * time.Millisecond

// placement is the NLB on which an object's service is, or is to be.
type placement struct {
	zone, loadBalancerID string
	// absent: the service is to be removed from there.
	absent bool
	// owned is true if the operator owns the NLB: it isn't External.
	owned bool
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
//	deleted  │ any                         │ removed from where it is recorded
//	alive    │ none                        │ stays as it is; NotFound
//	         │ doesn't admit the namespace │ stays as it is; NotAllowedNamespace
//	         │ being deleted with its NLB  │ removed; LoadBalancerDeleting
//	         │ being deleted, NLB stays    │ stays as it is; LoadBalancerDeleting
//	         │ has no NLB yet              │ waits; WaitingForLoadBalancer
//	         │ has another than before     │ removed from the one before, then made
//	         │ has one                     │ is made there
func place(object *v1alpha1.NLBService, lb *v1alpha1.NetworkLoadBalancer, allowed bool) placement {
	status, ref := object.Status, refText(object)
	where := placement{zone: status.Zone, loadBalancerID: status.LoadBalancerID, owned: lb == nil || lb.Spec.ManagementPolicy != v1alpha1.External}
	if !object.DeletionTimestamp.IsZero() {
		if where.absent = true; where.loadBalancerID == "" && lb != nil && status.ObservedGeneration < 0 {
			// Restored without its status, or deleted at birth.
			where.zone, where.loadBalancerID = lb.Status.Zone, lb.Status.ID
		}
		return where
	}
	unresolved := func(reason, format string, args ...any) placement {
		out := outcome.Unresolved(reason, fmt.Sprintf(format, args...))
		where.until = &out
		return where
	}
	switch {
	case lb == nil:
		return unresolved(v1alpha1.ReasonNotFound, "NetworkLoadBalancer %s doesn't exist; create it", ref)
	case !allowed:
		return unresolved(v1alpha1.ReasonNotAllowedNamespace,
			"NetworkLoadBalancer %s doesn't admit namespace %s; its spec.allowedNamespaces has to", ref, object.Namespace)
	case !lb.DeletionTimestamp.IsZero():
		goes := where.owned && lb.EffectiveDeletionPolicy() == v1alpha1.DeletionDelete
		if where.absent = goes && where.loadBalancerID != ""; goes {
			return unresolved(v1alpha1.ReasonLoadBalancerDeleting, "NetworkLoadBalancer %s is being deleted with its NLB; delete this object, or create the NetworkLoadBalancer again", ref)
		}
		return unresolved(v1alpha1.ReasonLoadBalancerDeleting, "NetworkLoadBalancer %s is being deleted; its NLB stays, with this service", ref)
	case !settled(lb):
		out := outcome.Waiting(v1alpha1.ReasonWaitingForLoadBalancer, notYet(lb, ref))
		where.until = &out
		return where
	case status.ID != "" && status.LoadBalancerID != "" && status.LoadBalancerID != lb.Status.ID:
		where.absent, where.moved = true, true
		out := outcome.Waiting(v1alpha1.ReasonUpdating, fmt.Sprintf("NetworkLoadBalancer %s stands for NLB %s now; the service moves there", ref, lb.Status.ID)).Within(moveNet)
		where.until = &out
		return where
	default:
		where.zone, where.loadBalancerID = lb.Status.Zone, lb.Status.ID
		return where
	}
}

// settled tells whether the NetworkLoadBalancer has an NLB to which services can
// be added.
func settled(lb *v1alpha1.NetworkLoadBalancer) bool {
	op := lb.Status.Operation
	return lb.Status.ID != "" && lb.Status.Zone != "" &&
		meta.IsStatusConditionTrue(lb.Status.Conditions, v1alpha1.ConditionAccepted) &&
		(op == nil || op.Action != v1alpha1.ActionCreate && op.Action != v1alpha1.ActionAdopt)
}

func notYet(lb *v1alpha1.NetworkLoadBalancer, ref string) string {
	ready := meta.FindStatusCondition(lb.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue {
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
