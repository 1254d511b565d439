package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// view is what is there at one moment, and what is wrong with it.
type view struct {
	*run
	services      map[string]*corev1.Service
	loadBalancers map[string]*v1alpha1.NetworkLoadBalancer
	nlbServices   map[string]*v1alpha1.NLBService
	cloud         []exosim.LoadBalancer

	// unsettled are the UIDs of objects that can't be all that they ask for: what
	// they had before may stay.
	unsettled map[types.UID]bool
	broken    []string
}

func (v *view) say(format string, args ...any) {
	v.broken = append(v.broken, fmt.Sprintf(format, args...))
}

func (r *run) look(ctx context.Context) (*view, error) {
	v := &view{
		run: r, services: map[string]*corev1.Service{}, loadBalancers: map[string]*v1alpha1.NetworkLoadBalancer{},
		nlbServices: map[string]*v1alpha1.NLBService{}, cloud: r.cloud.LoadBalancers(""), unsettled: map[types.UID]bool{},
	}
	var services corev1.ServiceList
	if err := r.seen.List(ctx, &services, client.InNamespace(r.ns)); err != nil {
		return nil, err
	}
	for i := range services.Items {
		v.services[services.Items[i].Name] = &services.Items[i]
	}
	for _, object := range r.seenLoadBalancers() {
		v.loadBalancers[object.Name] = &object
	}
	for _, object := range r.seenNLBServices() {
		v.nlbServices[object.Name] = &object
	}
	return v, nil
}

func (r *run) seenLoadBalancers() []v1alpha1.NetworkLoadBalancer {
	var list v1alpha1.NetworkLoadBalancerList
	if err := r.seen.List(context.Background(), &list, client.InNamespace(r.ns)); err != nil {
		panic(err) // a cache that is filled has an answer
	}
	return list.Items
}

func (r *run) seenNLBServices() []v1alpha1.NLBService {
	var list v1alpha1.NLBServiceList
	if err := r.seen.List(context.Background(), &list, client.InNamespace(r.ns)); err != nil {
		panic(err) // a cache that is filled has an answer
	}
	return list.Items
}

// ownedBy are the NLBs whose labels say that they are a NetworkLoadBalancer's.
func (v *view) ownedBy(name string) []exosim.LoadBalancer {
	var owned []exosim.LoadBalancer
	for _, lb := range v.cloud {
		if lb.Labels[v1alpha1.CloudLabelCluster] == nlb.LabelValue(v.ns) && lb.Labels[v1alpha1.CloudLabelOwner] == nlb.LabelValue(v.ns+"/"+name) {
			owned = append(owned, lb)
		}
	}
	return owned
}

func (v *view) byID(id string) *exosim.LoadBalancer {
	i := slices.IndexFunc(v.cloud, func(lb exosim.LoadBalancer) bool { return lb.ID == id })
	if i < 0 {
		return nil
	}
	return &v.cloud[i]
}

// placeOf is the NLB that serves a Service; nil if it can't have one now.
func (v *view) placeOf(wish *service) *exosim.LoadBalancer {
	switch {
	case wish.on.foreign != "":
		return v.byID(wish.on.foreign)
	case wish.on.shared != "":
		return v.placeOn(wish.on.shared)
	default:
		return first(v.ownedBy(wish.name))
	}
}

// placeOn is the NLB of a NetworkLoadBalancer that a user made.
func (v *view) placeOn(name string) *exosim.LoadBalancer {
	wish := v.wishes.loadBalancers[name]
	switch {
	case wish == nil || wish.hopeless:
		return nil
	case wish.external:
		return v.byID(wish.foreign)
	default:
		return first(v.ownedBy(name))
	}
}

func first(all []exosim.LoadBalancer) *exosim.LoadBalancer {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

// isForeign tells whether a service is somebody else's.
func (v *view) isForeign(s exosim.Service) bool {
	_, foreign := v.estate.services[s.ID]
	return foreign
}

func (v *view) hasForeign(lb exosim.LoadBalancer) bool {
	return slices.ContainsFunc(lb.Services, v.isForeign)
}

// of tells whether a service was made for the object of a UID: by its name, or
// by what the object's status says.
func (v *view) of(s exosim.Service, uid types.UID) bool {
	if strings.HasPrefix(s.Name, string(uid)+"-") {
		return true
	}
	for _, object := range v.nlbServices {
		controller := metav1.GetControllerOf(object)
		if object.Status.ID == s.ID && (object.UID == uid || controller != nil && controller.UID == uid) {
			return true
		}
	}
	return false
}

// mayBeOf tells whether a service may have been made for the object of a UID, also if
// nothing records it any more: it isn't anybody else's, and is called as the users of
// that object have called it.
func (v *view) mayBeOf(s exosim.Service, uid types.UID) bool {
	if v.of(s, uid) {
		return true
	}
	if v.isForeign(s) {
		return false
	}
	for _, wish := range v.wishes.services {
		if wish.uid == uid && s.Name == wish.chosenName() {
			return true
		}
	}
	for _, wish := range v.wishes.nlbServices {
		if wish.uid == uid && keyOf(s) == wish.port && isChosen(s.Name, wish.port) {
			return true
		}
	}
	return false
}

func keyOf(s exosim.Service) portKey {
	return portKey{int32(s.Port), protocolOf(s)} //nolint:gosec // a port
}

// isTrue holds that a condition is True for what was wished last.
func (v *view) isTrue(what string, object client.Object, conditions []metav1.Condition, kind string) {
	c := apimeta.FindStatusCondition(conditions, kind)
	switch {
	case c == nil:
		v.say("%s is as wished, and has no condition %s", what, kind)
	case c.Status != metav1.ConditionTrue || c.ObservedGeneration != object.GetGeneration():
		v.say("%s is as wished, and its %s is %s (%s, generation %d of %d): %s", what, kind, c.Status, c.Reason, c.ObservedGeneration, object.GetGeneration(), c.Message)
	}
}

// saysWhy holds that one of the conditions is False, with a reason of the
// vocabulary and words.
func (v *view) saysWhy(what string, conditions []metav1.Condition, kinds ...string) {
	for _, kind := range kinds {
		c := apimeta.FindStatusCondition(conditions, kind)
		if c != nil && c.Status == metav1.ConditionFalse && vocabulary[c.Reason] && c.Message != "" {
			return
		}
	}
	v.say("%s can't be all that was wished, and doesn't say why: %+v", what, conditions)
}

// vocabulary are the reasons for which something isn't served after all has come
// to rest: none of them is about work that is under way.
var vocabulary = map[string]bool{
	v1alpha1.ReasonInvalid: true, v1alpha1.ReasonNotSupported: true, v1alpha1.ReasonInUseByOther: true, v1alpha1.ReasonPortConflict: true,
	v1alpha1.ReasonNotFound: true, v1alpha1.ReasonForeignServices: true, v1alpha1.ReasonLoadBalancerDeleting: true,
	v1alpha1.ReasonWaitingForLoadBalancer: true, v1alpha1.ReasonWaitingForServices: true, v1alpha1.ReasonServiceLimitReached: true,
	v1alpha1.ReasonAmbiguousInstancePool: true, v1alpha1.ReasonNoEligibleNodes: true, v1alpha1.ReasonNotAllowedNamespace: true,
}
