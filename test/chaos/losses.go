package main

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// loseStep loses what is written in the cluster: a status, as a restored backup
// does, or the id annotation, as kubectl replace does.
func (r *run) loseStep(ctx context.Context) error {
	switch n := r.chance.IntN(5); {
	case n == 0:
		return r.loseID(ctx, pick(r.chance, serviceNames))
	case r.handsOnNames:
		return nil
	case n == 1:
		return r.loseStatus(ctx, &v1alpha1.NetworkLoadBalancer{ObjectMeta: meta(r.ns, pick(r.chance, slices.Concat(loadBalancerNames, serviceNames)))})
	case n == 2:
		return r.loseStatus(ctx, &v1alpha1.NLBService{ObjectMeta: meta(r.ns, pick(r.chance, nlbServiceNames))})
	default:
		return r.loseBoth(ctx, pick(r.chance, nlbServiceNames))
	}
}

func (r *run) loseID(ctx context.Context, name string) error {
	if wish := r.wishes.services[name]; wish == nil || wish.on.foreign != "" {
		return nil
	}
	return r.change(ctx, &corev1.Service{ObjectMeta: meta(r.ns, name)}, "loses its id annotation", func(object client.Object) {
		annotations := object.GetAnnotations()
		delete(annotations, v1alpha1.AnnotationID)
		object.SetAnnotations(annotations)
	})
}

// loseBoth takes the status of an NLBService and deletes the NetworkLoadBalancer
// that it is on, before anybody can look: nothing in the cluster tells any more on
// which NLB its service is. Sometimes it is deleted itself as well.
func (r *run) loseBoth(ctx context.Context, name string) error {
	wish := r.wishes.nlbServices[name]
	if wish == nil || r.wishes.loadBalancers[wish.on] == nil {
		return nil
	}
	if r.chance.IntN(2) == 0 && r.life.operator != nil && r.life.awake.Load() {
		r.tell("the operator is killed")
		r.life.deadFor = r.chance.IntN(2)
		r.life.bury()
	}
	if err := r.loseStatus(ctx, &v1alpha1.NLBService{ObjectMeta: meta(r.ns, name)}); err != nil {
		return err
	}
	if r.chance.IntN(3) == 0 {
		delete(r.wishes.nlbServices, name)
		if err := r.remove(ctx, &v1alpha1.NLBService{ObjectMeta: meta(r.ns, name)}); err != nil {
			return err
		}
	}
	delete(r.wishes.loadBalancers, wish.on)
	return r.remove(ctx, &v1alpha1.NetworkLoadBalancer{ObjectMeta: meta(r.ns, wish.on)})
}

func (r *run) loseStatus(ctx context.Context, object client.Object) error {
	r.tell("%T %s loses its status", object, object.GetName())
	err := retry.RetryOnConflict(persistent, func() error {
		if err := r.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		switch object := object.(type) {
		case *v1alpha1.NetworkLoadBalancer:
			object.Status = v1alpha1.NetworkLoadBalancerStatus{ObservedGeneration: -1}
		case *v1alpha1.NLBService:
			object.Status = v1alpha1.NLBServiceStatus{ObservedGeneration: -1}
		}
		return r.client.Status().Update(ctx, object)
	})
	return client.IgnoreNotFound(err)
}
