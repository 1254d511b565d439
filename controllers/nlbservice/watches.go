package nlbservice

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/index"
)

// attached lists the objects that refer to a NetworkLoadBalancer.
func (r *Reconciler) attached(ctx context.Context, lb client.Object) []reconcile.Request {
	return r.requests(ctx, nil, client.MatchingFields{index.ByLoadBalancerRef: client.ObjectKeyFromObject(lb).String()})
}

// beside lists the objects on the same NLB as one that is gone: its port, or its
// place, is free.
func (r *Reconciler) beside(ctx context.Context, object client.Object) []reconcile.Request {
	gone, is := object.(*v1alpha1.NLBService)
	if !is {
		return nil
	}
	beside := r.requests(ctx, nil, client.MatchingFields{index.ByLoadBalancerRef: index.LoadBalancerRef(gone).String()})
	if gone.Status.LoadBalancerID != "" {
		beside = append(beside, r.requests(ctx, nil, client.MatchingFields{index.ByLoadBalancerID: gone.Status.LoadBalancerID})...)
	}
	return beside
}

// inNamespace lists the objects of a namespace that attach across namespaces, or
// whose Pods get sidecars.
func (r *Reconciler) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.requests(ctx, func(object *v1alpha1.NLBService) bool {
		return object.LoadBalancerNamespace() != object.Namespace ||
			meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionSidecarsInjected) != nil
	}, client.InNamespace(namespace.GetName()))
}

func onlyDeletes() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// onNodes lists the objects whose pool or backends are read off the Nodes, and
// those whose pool isn't allowed because no Node is of it, or none yet.
func (r *Reconciler) onNodes(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.requests(ctx, func(object *v1alpha1.NLBService) bool {
		ready := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady)
		return object.Spec.Target.NodeSelector != nil || len(object.Status.Backends) > 0 ||
			meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionTargetAllowed) != nil || ready != nil &&
			(ready.Reason == v1alpha1.ReasonNotAllowedInstancePool || ready.Reason == v1alpha1.ReasonWaitingForVerification)
	})
}

func (r *Reconciler) requests(ctx context.Context, concerned func(*v1alpha1.NLBService) bool, options ...client.ListOption) []reconcile.Request {
	var objects v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &objects, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		log.FromContext(ctx).Error(err, "Listing the NLBServices to look at")
		return nil
	}
	var requests []reconcile.Request
	for i := range objects.Items {
		if concerned == nil || concerned(&objects.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&objects.Items[i])})
		}
	}
	return requests
}

// placementChanged passes the changes of a NetworkLoadBalancer on which it
// depends where services are placed: not those of counts and states.
func placementChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*v1alpha1.NetworkLoadBalancer), e.ObjectNew.(*v1alpha1.NetworkLoadBalancer)
		return was.Generation != is.Generation ||
			was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero() ||
			was.Status.ID != is.Status.ID || was.Status.Zone != is.Status.Zone ||
			settled(was) != settled(is) ||
			!settled(is) && !equality.Semantic.DeepEqual(was.Status.Conditions, is.Status.Conditions)
	}}
}

// trustChanged passes what makes a Node trusted, or not.
func trustChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool {
			return identity.TrustChange(&v1alpha1.NodeIdentity{}, e.Object.(*v1alpha1.NodeIdentity))
		},
		UpdateFunc: func(e event.UpdateEvent) bool {
			return identity.TrustChange(e.ObjectOld.(*v1alpha1.NodeIdentity), e.ObjectNew.(*v1alpha1.NodeIdentity))
		},
	}
}

// nodeChanged passes the changes of Nodes that matter to pools and backends.
func nodeChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return identity.RelevantChange(e.ObjectOld.(*corev1.Node), e.ObjectNew.(*corev1.Node))
	}}
}
