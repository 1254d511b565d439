package ccm

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Finalizer is what the CCM holds a Service by, as every cloud controller manager does.
const Finalizer = "service.kubernetes.io/load-balancer-cleanup"

// CCM is one, for a zone of the simulated cloud.
type CCM struct {
	Client client.Client
	Cloud  *exosim.Cloud
	// Zone is where its NLBs are; empty: the first one.
	Zone string
	// Pool is the id of the instance pool that it finds all Nodes in.
	Pool string
}

// Run syncs the Services of some namespaces until ctx ends, and returns the first
// error that isn't of a moment.
func (c CCM) Run(ctx context.Context, namespaces ...string) error {
	for ctx.Err() == nil {
		for _, namespace := range namespaces {
			var list corev1.ServiceList
			if err := c.Client.List(ctx, &list, client.InNamespace(namespace)); ended(ctx, err) != nil {
				return err
			}
			for i := range list.Items {
				err := c.Sync(ctx, &list.Items[i])
				if ended(ctx, err) != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// ended drops an error if ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// Sync does for one Service what is due, and nothing the second time. A conflict
// means that the Service has changed: read it and sync again.
func (c CCM) Sync(ctx context.Context, service *corev1.Service) error {
	held := controllerutil.ContainsFinalizer(service, Finalizer)
	is := service.Spec.Type == corev1.ServiceTypeLoadBalancer
	switch {
	case held && (!is || !service.DeletionTimestamp.IsZero()):
		return c.cleanUp(ctx, service)
	case is && service.Spec.LoadBalancerClass == nil && service.DeletionTimestamp.IsZero():
		return c.ensure(ctx, service)
	default:
		return nil
	}
}

// ensure begins with the finalizer, as the service controller does.
func (c CCM) ensure(ctx context.Context, service *corev1.Service) error {
	if err := c.change(ctx, service, func() { controllerutil.AddFinalizer(service, Finalizer) }); err != nil {
		return err
	}
	if err := c.annotate(ctx, service, v1alpha1.AnnotationInstancePoolID, c.Pool); err != nil {
		return err
	}
	name := cmp.Or(service.Annotations[v1alpha1.AnnotationName], "k8s-"+string(service.UID))
	lb, found := c.Cloud.LoadBalancer(service.Annotations[v1alpha1.AnnotationID])
	switch {
	case !found && External(service):
		return fmt.Errorf("the CCM doesn't find the external NLB of Service %s", service.Name)
	case !found:
		lb = c.Cloud.PutLoadBalancer(c.Zone, exosim.LoadBalancer{Name: name, Description: service.Annotations[v1alpha1.AnnotationDescription]})
		delete(service.Annotations, v1alpha1.AnnotationID)
		if err := c.annotate(ctx, service, v1alpha1.AnnotationID, lb.ID); err != nil {
			return err
		}
	case !External(service):
		lb.Name = name
	}
	want := lb
	want.Services = services(service, lb.Services)
	if now, _ := c.Cloud.LoadBalancer(lb.ID); !reflect.DeepEqual(now, want) {
		lb = c.Cloud.PutLoadBalancer(c.Zone, want)
	}
	return c.publish(ctx, service, lb.IP)
}

// cleanUp goes by the id annotation: without it there is nothing to delete. What
// has the Service's ports goes, and the NLB if nothing else stands on it.
func (c CCM) cleanUp(ctx context.Context, service *corev1.Service) error {
	if lb, found := c.Cloud.LoadBalancer(service.Annotations[v1alpha1.AnnotationID]); found {
		left := foreign(service, lb.Services)
		if len(left) == 0 && !External(service) {
			c.Cloud.DeleteLoadBalancer(lb.ID)
		} else {
			c.Cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) { lb.Services = left })
		}
	}
	if err := c.change(ctx, service, func() { controllerutil.RemoveFinalizer(service, Finalizer) }); err != nil {
		return err
	}
	return client.IgnoreNotFound(c.publish(ctx, service, ""))
}

// External tells whether a Service says that its NLB isn't the CCM's to change.
func External(service *corev1.Service) bool {
	return strings.EqualFold(service.Annotations[v1alpha1.AnnotationExternal], "true")
}

// annotate writes an annotation that isn't there yet.
func (c CCM) annotate(ctx context.Context, service *corev1.Service, name, value string) error {
	if service.Annotations[name] != "" {
		return nil
	}
	return c.change(ctx, service, func() {
		if service.Annotations == nil {
			service.Annotations = map[string]string{}
		}
		service.Annotations[name] = value
	})
}

// change patches what an edit changes of a Service.
func (c CCM) change(ctx context.Context, service *corev1.Service, edit func()) error {
	before := service.DeepCopy()
	if edit(); reflect.DeepEqual(before, service) {
		return nil
	}
	return c.Client.Patch(ctx, service, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// publish writes the address, without all else that a status may tell of it.
func (c CCM) publish(ctx context.Context, service *corev1.Service, address string) error {
	before := service.DeepCopy()
	if ingress := service.Status.LoadBalancer.Ingress; address == "" {
		service.Status.LoadBalancer.Ingress = nil
	} else if len(ingress) != 1 || ingress[0].IP != address {
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	}
	if reflect.DeepEqual(before.Status.LoadBalancer, service.Status.LoadBalancer) {
		return nil
	}
	return c.Client.Status().Patch(ctx, service, client.MergeFrom(before))
}
