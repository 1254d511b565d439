package service

import (
	"context"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// ofConcern passes Services that are, were or may become ours.
var ofConcern = predicate.Funcs{
	CreateFunc:  func(e event.CreateEvent) bool { return concernsObject(e.Object) },
	DeleteFunc:  func(event.DeleteEvent) bool { return false }, // nothing is left to do
	GenericFunc: func(event.GenericEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return concernsObject(e.ObjectOld) || concernsObject(e.ObjectNew)
	},
}

func concernsObject(object client.Object) bool {
	service, is := object.(*corev1.Service)
	return is && concerns(service)
}

// relevantNodes passes changes of Nodes that the pool of a Service may hang on.
var relevantNodes = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, is := e.ObjectOld.(*corev1.Node)
		after, still := e.ObjectNew.(*corev1.Node)
		return is && still && identity.RelevantChange(before, after)
	},
}

// relevantIdentities passes what makes a Node trusted, or not.
var relevantIdentities = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool {
		made, is := e.Object.(*v1alpha1.NodeIdentity)
		return is && identity.TrustChange(&v1alpha1.NodeIdentity{}, made)
	},
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, is := e.ObjectOld.(*v1alpha1.NodeIdentity)
		after, still := e.ObjectNew.(*v1alpha1.NodeIdentity)
		return is && still && identity.TrustChange(before, after)
	},
}

// childName is what projection.ServiceName makes of the name of a Service.
var childName = regexp.MustCompile(`^(.+)-[0-9]+-(?:tcp|udp)(?:-[0-9a-f]{8})?$`)

// namesakes are the Services that an NLBService is of, or may be in the way of:
// the one that controls it, that of the NetworkLoadBalancer which it refers to,
// and that whose port it is named after.
func namesakes(_ context.Context, object client.Object) []reconcile.Request {
	child, is := object.(*v1alpha1.NLBService)
	if !is {
		return nil
	}
	var requests []reconcile.Request
	if ref := index.LoadBalancerRef(child); ref.Namespace == child.Namespace {
		requests = append(requests, reconcile.Request{NamespacedName: ref})
	}
	if service, is := controllingService(child); is {
		requests = append(requests, reconcile.Request{NamespacedName: service})
	}
	if match := childName.FindStringSubmatch(child.Name); match != nil {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: child.Namespace, Name: match[1]}})
	}
	return requests
}

// accompanied are the Services whose companion a Service is, or in the way of.
func accompanied(_ context.Context, object client.Object) []reconcile.Request {
	name, is := strings.CutSuffix(object.GetName(), projection.CompanionSuffix)
	if !is {
		return nil
	}
	requests := []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
	// A name that was too long says less than the owner does.
	if service, is := controllingService(object); is && service.Name != name {
		requests = append(requests, reconcile.Request{NamespacedName: service})
	}
	return requests
}

// controllingService is the Service that an object says it is of.
func controllingService(object client.Object) (types.NamespacedName, bool) {
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != corev1.SchemeGroupVersion.String() {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name}, true
}

// servedBy lists the Services that a NetworkLoadBalancer serves, or is in the
// way of: the one of its name, and those that share it.
func (r *Reconciler) servedBy(ctx context.Context, lb client.Object) []reconcile.Request {
	key := client.ObjectKeyFromObject(lb)
	requests := []reconcile.Request{{NamespacedName: key}}
	children := &v1alpha1.NLBServiceList{}
	if err := r.Client.List(ctx, children, client.MatchingFields{index.ByLoadBalancerRef: key.String()}, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "Listing the Services that share a NetworkLoadBalancer", "networkLoadBalancer", key)
		return requests
	}
	for i := range children.Items {
		service, is := controllingService(&children.Items[i])
		if request := (reconcile.Request{NamespacedName: service}); is && !slices.Contains(requests, request) {
			requests = append(requests, request)
		}
	}
	return requests
}

// inferring lists the Services whose pool is found from the Nodes, and those without an
// address: they may have no NLB before a Node of their pool is found.
func (r *Reconciler) inferring(ctx context.Context, _ client.Object) []reconcile.Request {
	services := &corev1.ServiceList{}
	if err := r.Client.List(ctx, services, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "Listing the Services whose instance pool may have changed")
		return nil
	}
	var requests []reconcile.Request
	for i := range services.Items {
		service := &services.Items[i]
		infers := r.defaultTarget == nil && !projection.NamesPool(service)
		claim := claimOf(service, r.ClaimClassless) // the finalizer may not be shown yet
		if (claim == serve || claim == serveUnlessCCM) && (infers || addressOf(service) == "") {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(service)})
		}
	}
	return requests
}
