package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// readiness follows when Services become Ready, as somebody outside sees it.
type readiness struct {
	seen chan client.Object

	served map[string]bool            // Service: has its address, and every port programmed
	ports  map[string]map[string]bool // Service: its NLBServices that are Ready
	ready  map[string]time.Time       // Service: since when all of that holds
}

// watchReadiness begins before there is anything to see, and ends with ctx.
func watchReadiness(ctx context.Context, cluster *rest.Config, scheme *runtime.Scheme) (*readiness, error) {
	r := &readiness{
		seen:   make(chan client.Object, 1000),
		served: map[string]bool{}, ports: map[string]map[string]bool{}, ready: map[string]time.Time{},
	}
	objects, err := cache.New(cluster, cache.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	for _, kind := range []client.Object{&corev1.Service{}, &v1alpha1.NLBService{}} {
		informer, err := objects.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, err
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { r.tell(ctx, object) },
			UpdateFunc: func(_, object any) { r.tell(ctx, object) },
		}); err != nil {
			return nil, err
		}
	}
	go func() { _ = objects.Start(ctx) }()
	if !objects.WaitForCacheSync(ctx) {
		return nil, context.Cause(ctx)
	}
	return r, nil
}

func (r *readiness) tell(ctx context.Context, object any) {
	select {
	case r.seen <- object.(client.Object):
	case <-ctx.Done():
	}
}

// all returns when so many Services are Ready, with the time of each by name.
func (r *readiness) all(ctx context.Context, services int) (map[string]time.Time, error) {
	for len(r.ready) < services {
		select {
		case object := <-r.seen:
			r.see(object, time.Now())
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d Services are Ready: %w", len(r.ready), services, context.Cause(ctx))
		}
	}
	return r.ready, nil
}

func (r *readiness) see(object client.Object, now time.Time) {
	var name string
	switch object := object.(type) {
	case *corev1.Service:
		name = object.Name
		r.served[name] = len(object.Status.LoadBalancer.Ingress) > 0 &&
			meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ServiceConditionProgrammed)
	case *v1alpha1.NLBService:
		name = object.Labels[v1alpha1.LabelService]
		if r.ports[name] == nil {
			r.ports[name] = map[string]bool{}
		}
		r.ports[name][object.Name] = meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady)
	}
	if _, already := r.ready[name]; !already && r.served[name] && r.portsReady(name) == portsEach {
		r.ready[name] = now
	}
}

// portsEach is the number of ports of each Service.
const portsEach = 2

func (r *readiness) portsReady(service string) int {
	ready := 0
	for _, is := range r.ports[service] {
		if is {
			ready++
		}
	}
	return ready
}
