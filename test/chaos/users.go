package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// The names that users give; few, so that what was deleted is made again.
var (
	serviceNames      = []string{"web", "api", "dns", "mail"}
	loadBalancerNames = []string{"edge", "inner", "adopter", "outside", "greedy"}
	nlbServiceNames   = []string{"one", "two", "three", "four"}
)

// userStep is one thing that a user does.
func (r *run) userStep(ctx context.Context) error {
	switch n := r.chance.IntN(10); {
	case n < 5:
		return r.serviceStep(ctx, pick(r.chance, serviceNames))
	case n < 7:
		return r.loadBalancerStep(ctx, pick(r.chance, loadBalancerNames))
	case n < 9:
		return r.nlbServiceStep(ctx, pick(r.chance, nlbServiceNames))
	default:
		return r.loseStep(ctx)
	}
}

func pick[T any](chance *rand.Rand, from []T) T { return from[chance.IntN(len(from))] }

func (r *run) serviceStep(ctx context.Context, name string) error {
	wish := r.wishes.services[name]
	if wish == nil {
		return r.createService(ctx, name)
	}
	what := r.changeService(wish)
	if what == "" {
		delete(r.wishes.services, name)
		return r.remove(ctx, &corev1.Service{ObjectMeta: meta(r.ns, name)})
	}
	err := r.change(ctx, &corev1.Service{ObjectMeta: meta(r.ns, name)}, what, func(object client.Object) { wish.write(object.(*corev1.Service)) })
	if apierrors.IsInvalid(err) && strings.Contains(err.Error(), "already allocated") { // somebody else has the nodePort
		for key := range wish.ports {
			wish.ports[key] = 0
		}
		return r.change(ctx, &corev1.Service{ObjectMeta: meta(r.ns, name)}, "has any nodePorts instead", func(object client.Object) { wish.write(object.(*corev1.Service)) })
	}
	return err
}

func (r *run) createService(ctx context.Context, name string) error {
	wish := &service{name: name, ports: r.somePorts(), valid: map[string]string{}}
	switch n := r.chance.IntN(10); {
	case n < 2:
		wish.on.shared = pick(r.chance, loadBalancerNames)
	case n < 4:
		wish.on.foreign = pick(r.chance, r.estate.attach).ID
	}
	if r.chance.IntN(3) == 0 {
		r.annotate(wish)
	}
	object := &corev1.Service{ObjectMeta: meta(r.ns, name)}
	wish.write(object)
	made, err := r.create(ctx, object, fmt.Sprintf("on %+v with ports %v, annotated %v", wish.on, slices.Collect(maps.Keys(wish.ports)), wish.valid))
	if made {
		wish.uid, r.wishes.services[name] = object.UID, wish
	}
	return err
}

func (r *run) somePorts() map[portKey]int32 {
	ports := map[portKey]int32{}
	for range 1 + r.chance.IntN(3) {
		ports[pick(r.chance, allPorts)] = 0
	}
	return ports
}

// changeService changes a wish, and tells how; empty: it is to be deleted.
func (r *run) changeService(wish *service) string {
	switch r.chance.IntN(11) {
	case 0, 1:
		return ""
	case 2, 3:
		wish.ports = r.somePorts()
		return fmt.Sprintf("has ports %v", slices.Collect(maps.Keys(wish.ports)))
	case 4:
		for key := range wish.ports {
			wish.ports[key] = 30000 + r.chance.Int32N(2768)
		}
		return fmt.Sprintf("has nodePorts %v", wish.ports)
	case 5, 6:
		return r.annotate(wish)
	case 7:
		return r.spoil(wish)
	case 8:
		if wish.on.foreign == "" {
			wish.on.shared = ""
			if r.chance.IntN(2) == 0 {
				wish.on.shared = pick(r.chance, loadBalancerNames)
			}
		}
		return fmt.Sprintf("is on %+v", wish.on)
	case 9:
		wish.local = !wish.local
		return fmt.Sprintf("has externalTrafficPolicy Local: %t", wish.local)
	default:
		wish.noLoadBalancer = !wish.noLoadBalancer
		return fmt.Sprintf("is of type ClusterIP: %t", wish.noLoadBalancer)
	}
}

// annotate sets, or takes away, an annotation that is valid.
func (r *run) annotate(wish *service) string {
	values := [][2]string{
		{v1alpha1.AnnotationStrategy, "source-hash"}, {v1alpha1.AnnotationStrategy, "maglev-hash"},
		{v1alpha1.AnnotationHealthCheckMode, "http"}, {v1alpha1.AnnotationHealthCheckURI, "/up"},
		{v1alpha1.AnnotationHealthCheckPort, "8080"}, {v1alpha1.AnnotationHealthCheckInterval, "30s"},
		{v1alpha1.AnnotationHealthCheckRetries, "3"}, {v1alpha1.AnnotationInstancePoolID, poolB}, {v1alpha1.AnnotationInstancePoolID, poolA},
		{v1alpha1.AnnotationDescription, "number " + strconv.Itoa(int(r.number()))},
		{v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar}, {v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar},
		{v1alpha1.AnnotationServiceName, wish.chosenName()}, {v1alpha1.AnnotationServiceName, wish.chosenName()},
		{v1alpha1.AnnotationDeletionPolicy, string(v1alpha1.DeletionRetain)}, {v1alpha1.AnnotationDeletionPolicy, string(v1alpha1.DeletionDelete)},
	}
	one := pick(r.chance, values)
	if _, is := wish.valid[one[0]]; is && r.chance.IntN(2) == 0 {
		delete(wish.valid, one[0])
		return "loses " + one[0]
	}
	wish.valid[one[0]] = one[1]
	if one[1] == string(v1alpha1.DeletionRetain) {
		r.wishes.mayStay[wish.name] = true
	}
	return fmt.Sprintf("has %s=%s", one[0], one[1])
}

// spoil sets an annotation that can't be served, or takes it away again.
func (r *run) spoil(wish *service) string {
	if len(wish.invalid) > 0 {
		wish.invalid = nil
		return "is put right"
	}
	values := [][2]string{
		{v1alpha1.AnnotationStrategy, "fastest"}, {v1alpha1.AnnotationHealthCheckPort, "70000"}, {v1alpha1.AnnotationHealthCheckInterval, "3s"},
		{v1alpha1.AnnotationHealthCheckTimeout, "1m"}, {v1alpha1.AnnotationDeletionPolicy, "Maybe"}, {v1alpha1.AnnotationSKSClusterName, "alone"},
		{v1alpha1.AnnotationName, "k8s-11111111-2222-4333-8444-555555555555"}, {v1alpha1.AnnotationHealthCheckURI, "http://example.com/"},
		{v1alpha1.AnnotationInstancePoolID, unknownPool}, {v1alpha1.AnnotationUDPHealthCheck, "true"}, {v1alpha1.AnnotationUDPHealthCheckProbe, "53/tcp"},
	}
	one := pick(r.chance, values)
	wish.invalid = map[string]string{one[0]: one[1]}
	return fmt.Sprintf("is spoilt by %s=%s", one[0], one[1])
}

func (r *run) loadBalancerStep(ctx context.Context, name string) error {
	wish := r.wishes.loadBalancers[name]
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: meta(r.ns, name)}
	switch {
	case wish == nil:
		wish = r.newLoadBalancer(name)
		wish.write(object)
		made, err := r.create(ctx, object, fmt.Sprintf("%+v", object.Spec))
		if made {
			wish.uid, r.wishes.loadBalancers[name] = object.UID, wish
		}
		return err
	case r.chance.IntN(4) == 0:
		delete(r.wishes.loadBalancers, name)
		return r.remove(ctx, object)
	case wish.external:
		return nil // nothing of it may be set
	}
	wish.description, wish.labels = strconv.Itoa(int(r.number())), map[string]string{"team": pick(r.chance, []string{"red", "blue"})}
	if wish.foreign == "" {
		wish.policy = pick(r.chance, []v1alpha1.DeletionPolicy{"", v1alpha1.DeletionDelete, v1alpha1.DeletionRetain})
	}
	if wish.policy == v1alpha1.DeletionRetain {
		r.wishes.mayStay[name] = true
	}
	return r.change(ctx, object, fmt.Sprintf("has description %s, labels %v, policy %q", wish.description, wish.labels, wish.policy),
		func(object client.Object) { wish.write(object.(*v1alpha1.NetworkLoadBalancer)) })
}

// newLoadBalancer is a wish whose kind the name says.
func (r *run) newLoadBalancer(name string) *loadBalancer {
	wish := &loadBalancer{name: name}
	switch name {
	case "adopter": // whose NLB is retained by default
		wish.foreign = r.estate.adopt.ID
		r.wishes.mayStay[name] = true
	case "greedy":
		wish.foreign, wish.hopeless = r.estate.refused.ID, true
	case "outside":
		lb := pick(r.chance, r.estate.attach)
		wish.external, wish.foreign = true, lb.ID
		if r.chance.IntN(2) == 0 {
			wish.byName = lb.Name
		}
	}
	return wish
}

func (r *run) nlbServiceStep(ctx context.Context, name string) error {
	wish := r.wishes.nlbServices[name]
	object := &v1alpha1.NLBService{ObjectMeta: meta(r.ns, name)}
	switch {
	case wish == nil:
		wish = &nlbService{name: name, on: pick(r.chance, loadBalancerNames), port: pick(r.chance, allPorts), targetPort: r.number(), pool: poolA}
		r.nameService(wish)
		if wish.cloudName != "" && r.chance.IntN(3) == 0 {
			r.comeBefore(wish)
		}
		wish.write(object)
		made, err := r.create(ctx, object, fmt.Sprintf("on %s port %s, called %q", wish.on, wish.port, wish.cloudName))
		if made {
			wish.uid, r.wishes.nlbServices[name] = object.UID, wish
		}
		return err
	case r.chance.IntN(4) == 0:
		delete(r.wishes.nlbServices, name)
		return r.remove(ctx, object)
	}
	wish.targetPort, wish.pool = r.number(), pick(r.chance, []string{poolA, poolB})
	wish.strategy = pick(r.chance, []v1alpha1.Strategy{v1alpha1.StrategyRoundRobin, v1alpha1.StrategySourceHash, v1alpha1.StrategyMaglevHash})
	wish.path, wish.hopeless = pick(r.chance, []string{"", "/live"}), r.chance.IntN(5) == 0
	if r.chance.IntN(4) == 0 {
		r.nameService(wish)
	}
	return r.change(ctx, object, fmt.Sprintf("%+v", *wish), func(object client.Object) { wish.write(object.(*v1alpha1.NLBService)) })
}

// nameService lets a user call the service of a wish somehow, or not.
func (r *run) nameService(wish *nlbService) {
	wish.cloudName = ""
	if r.chance.IntN(2) == 0 {
		wish.cloudName = r.chosenName(wish.port)
	}
}
