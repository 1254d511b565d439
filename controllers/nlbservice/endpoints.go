package nlbservice

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/injection"
)

// calm is how long changes of endpoints are collected: a rollout changes them many
// times, and each look is a list of Pods.
const calm = 2 * time.Second

// endpoints remembers which endpoints of Services lack the sidecar, until they
// change. It is memory only, and follows EndpointSlices (of which it sees the
// metadata) from the first Service on that asks for sidecars.
type endpoints struct {
	watch func() error // once

	mu      sync.Mutex
	follows bool
	known   map[types.UID]*counted
}

// counted is what is known of a Service.
type counted struct {
	changes  int // so far: what was counted before the last one is outdated
	current  bool
	selector string
	coverage injection.Coverage
}

// follow begins to follow EndpointSlices, unless that is done already.
func (e *endpoints) follow() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.follows {
		return nil
	}
	if err := e.watch(); err != nil {
		return err
	}
	e.follows, e.known = true, map[types.UID]*counted{}
	return nil
}

// followEndpoints begins to, if they can be read: what begins would go on failing for
// ever, once for all Services.
func (r *Reconciler) followEndpoints(ctx context.Context, namespace string) error {
	if r.endpoints.following() {
		return nil
	}
	slices := &metav1.PartialObjectMetadataList{}
	slices.SetGroupVersionKind(discoveryv1.SchemeGroupVersion.WithKind("EndpointSliceList"))
	if err := r.APIReader.List(ctx, slices, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return err
	}
	return r.endpoints.follow()
}

func (e *endpoints) following() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.follows
}

// of is what is known of a Service that has a selector; at is for remember.
func (e *endpoints) of(service types.UID, selector string) (coverage injection.Coverage, known bool, at int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := e.known[service]
	if last == nil {
		last = &counted{}
		e.known[service] = last
	}
	return last.coverage, last.current && last.selector == selector, last.changes
}

// remember keeps what was counted, if nothing has changed meanwhile.
func (e *endpoints) remember(service types.UID, selector string, coverage injection.Coverage, at int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := e.known[service]; last != nil && last.changes == at {
		last.current, last.selector, last.coverage = true, selector, coverage
	}
}

// changed notes that the endpoints of a Service have, or that it is gone.
func (e *endpoints) changed(service types.UID, gone bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := e.known[service]; last != nil {
		last.changes++
		last.current = false
	}
	if gone {
		delete(e.known, service)
	}
}

// endpointSlices are the changes of those of Services that ask for sidecars.
func (r *Reconciler) endpointSlices(from cache.Cache) source.Source {
	slice := &metav1.PartialObjectMetadata{}
	slice.SetGroupVersionKind(discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"))
	look := func(ctx context.Context, slice client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		for _, request := range r.servedFrom(ctx, slice) {
			queue.AddAfter(request, calm) // of several, the first counts
		}
	}
	var with client.Object = slice
	return source.Kind(from, with, handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			look(ctx, e.Object, queue)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			look(ctx, e.ObjectNew, queue)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			look(ctx, e.Object, queue)
		},
	}, predicate.ResourceVersionChangedPredicate{})
}

// servedFrom lists the objects whose Service an EndpointSlice is of, if that asks
// for sidecars, or if they wait for Pods to move to another pool. What was counted of the Service holds no longer.
func (r *Reconciler) servedFrom(ctx context.Context, slice client.Object) []reconcile.Request {
	owner := metav1.GetControllerOf(slice)
	if owner == nil || owner.Kind != "Service" {
		return nil // somebody else's than Kubernetes'
	}
	service := &corev1.Service{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: slice.GetNamespace(), Name: owner.Name}, service)
	gone := err != nil || service.UID != owner.UID
	r.endpoints.changed(owner.UID, gone)
	if gone {
		return nil
	}
	waiting := r.requests(ctx, handingOver, client.InNamespace(service.Namespace), client.MatchingFields{index.ByService: string(service.UID)})
	if !wantsSidecars(service) {
		return waiting
	}
	return append(waiting, r.ofService(ctx, service)...)
}

// ofService lists the objects of a Service that are about UDP.
func (r *Reconciler) ofService(ctx context.Context, service client.Object) []reconcile.Request {
	return r.requests(ctx, func(object *v1alpha1.NLBService) bool { return object.Spec.Protocol == v1alpha1.ProtocolUDP },
		client.InNamespace(service.GetNamespace()), client.MatchingFields{index.ByService: string(service.GetUID())})
}

// sidecarsChanged passes Services that ask for sidecars, or no longer, and those
// that ask for them of other Pods.
func sidecarsChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false }, // its objects come after it
		DeleteFunc: func(event.DeleteEvent) bool { return false }, // and go before it
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*corev1.Service), e.ObjectNew.(*corev1.Service)
			return wantsSidecars(was) != wantsSidecars(is) ||
				wantsSidecars(is) && !equality.Semantic.DeepEqual(was.Spec.Selector, is.Spec.Selector)
		},
	}
}
