package service

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

// ccmFinalizer is the finalizer of the CCM, and of every cloud controller
// manager: a running one acts on it whatever the class of the Service.
const ccmFinalizer = "service.kubernetes.io/load-balancer-cleanup"

// claim is what a Service is to the operator.
type claim string

const (
	// notOurs: somebody else's, or no load balancer.
	notOurs claim = "NotOurs"
	// serve: ours, from now on or since long.
	serve claim = "Serve"
	// serveUnlessCCM: ours, if no CCM serves it.
	serveUnlessCCM claim = "ServeUnlessCCM"
	// keep: held, and no longer claimed; it stays as it is.
	keep claim = "Keep"
	// handOver: held, no longer claimed, and taken by another controller to which
	// its owner leaves it.
	handOver claim = "HandOver"
	// release: held, and no load balancer any more.
	release claim = "Release"
)

// claimOf decides on a Service:
//
//	is a load balancer   class              held │ claim
//	─────────────────────────────────────────────┼───────────────
//	no, or deleted       any                yes  │ release
//	no, or deleted       any                no   │ notOurs
//	yes                  ours               any  │ serve
//	yes                  none, we claim it  yes  │ serve
//	yes                  none, we claim it  no   │ serveUnlessCCM
//	yes                  any other          yes  │ keep, or handOver (see leaves)
//	yes                  any other          no   │ notOurs
func claimOf(service *corev1.Service, claimClassless bool) claim {
	held := controllerutil.ContainsFinalizer(service, v1alpha1.ServiceFinalizer)
	class := service.Spec.LoadBalancerClass
	switch {
	case service.Spec.Type != corev1.ServiceTypeLoadBalancer || !service.DeletionTimestamp.IsZero():
		if held {
			return release
		}
		return notOurs
	case class != nil && *class == v1alpha1.LoadBalancerClass:
		return serve
	case class == nil && claimClassless && held:
		return serve
	case class == nil && claimClassless:
		return serveUnlessCCM
	case held && leaves(service):
		return handOver
	case held:
		return keep
	default:
		return notOurs
	}
}

// leaves tells whether a Service that we don't claim is to be left to another
// controller: its owner says that the NLB is to stay when we let go, and the
// other one has put its finalizer on it. A flag alone never releases anything.
func leaves(service *corev1.Service) bool {
	return annotation.DeletionPolicyOf(service.Annotations) == v1alpha1.DeletionRetain &&
		controllerutil.ContainsFinalizer(service, ccmFinalizer)
}

// concerns tells whether a Service is worth a look at all: most aren't.
func concerns(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer || slices.Contains(service.Finalizers, v1alpha1.ServiceFinalizer)
}
