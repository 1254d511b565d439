package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// free takes the finalizer off. Before that, of an object that stays, what it says
// of Exoscale and isn't true any more. Nothing is written to an object that
// somebody else has written meanwhile.
func (r *Releaser) free(ctx context.Context, s step) error {
	object := s.object
	if s.forget && object.GetDeletionTimestamp().IsZero() {
		if err := r.forget(ctx, object); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	before := object.DeepCopyObject().(client.Object)
	controllerutil.RemoveFinalizer(object, s.finalizer)
	if service, is := object.(*corev1.Service); is && s.forget {
		if err := r.forgetID(ctx, service); err != nil {
			return err
		}
	}
	if err := r.Client.Patch(ctx, object, locked(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("taking the finalizer off %s: %w", s.name, err)
	}
	return nil
}

// forget writes a status that tells nothing of Exoscale, as if nobody had looked at
// the object yet.
func (r *Releaser) forget(ctx context.Context, object client.Object) error {
	before := object.DeepCopyObject().(client.Object)
	switch object := object.(type) {
	case *corev1.Service:
		object.Status.LoadBalancer = corev1.LoadBalancerStatus{}
		object.Status.Conditions = slices.DeleteFunc(object.Status.Conditions, func(c metav1.Condition) bool { return strings.HasPrefix(c.Type, v1alpha1.Prefix) })
	case *v1alpha1.NetworkLoadBalancer:
		object.Status = v1alpha1.NetworkLoadBalancerStatus{ObservedGeneration: -1}
	case *v1alpha1.NLBService:
		object.Status = v1alpha1.NLBServiceStatus{ObservedGeneration: -1}
	}
	if err := r.Client.Status().Patch(ctx, object, locked(before)); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}

// forgetID takes the annotation off a Service by which it would look for an NLB
// that is gone. One that still exists stays named.
func (r *Releaser) forgetID(ctx context.Context, service *corev1.Service) error {
	id := service.Annotations[v1alpha1.AnnotationID]
	lb := &v1alpha1.NetworkLoadBalancer{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(service), lb)
	if id == "" || err != nil {
		return client.IgnoreNotFound(err)
	}
	zone := r.DefaultZone
	if lb.Spec.Zone != "" {
		zone = lb.Spec.Zone
	}
	made := metav1.IsControlledBy(lb, service) && lb.Spec.ID == "" && lb.Spec.ManagementPolicy != v1alpha1.External
	if _, err := r.Inventory.LoadBalancer(ctx, zone, id); made && exoscale.ClassOf(err) == exoscale.NotFound {
		delete(service.Annotations, v1alpha1.AnnotationID)
	}
	return nil
}

func locked(before client.Object) client.Patch {
	return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
}
