package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// contender is an object that is to have a port of an NLB.
type contender struct {
	what string
	uid  types.UID
	want port
	won  bool
	on   *exosim.LoadBalancer
	key  portKey
}

// judge tells what isn't as it is to be while the users' wishes stand.
func (r *run) judge(ctx context.Context) ([]string, error) {
	v, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	v.objects()
	v.foreignThings()
	v.nothingElsewhere()
	contenders := v.contenders()
	for _, c := range contenders {
		v.contend(c)
	}
	for _, name := range slices.Sorted(maps.Keys(v.wishes.services)) {
		v.service(v.wishes.services[name])
	}
	v.companions()
	for _, name := range slices.Sorted(maps.Keys(v.wishes.nlbServices)) {
		v.nlbService(v.wishes.nlbServices[name], contenders)
	}
	for _, name := range slices.Sorted(maps.Keys(v.wishes.loadBalancers)) {
		v.loadBalancer(v.wishes.loadBalancers[name])
	}
	for _, lb := range v.cloud {
		v.accountedFor(lb, contenders)
	}
	return append(v.broken, r.witness.lost(r.ns, r.estate.removed)...), nil
}

// objects holds that every object is wished for, or is held for a reason that
// only foreign hands can end.
func (v *view) objects() {
	for name, object := range v.services {
		if _, companion := companionOf(object); v.wishes.services[name] == nil && !v.blocked(name) && !companion {
			v.say("Service %s was deleted and is still there: %v", name, object.Finalizers)
		}
	}
	for name := range v.loadBalancers {
		if v.wishes.loadBalancers[name] == nil && v.wishes.services[name] == nil && !v.blocked(name) {
			v.say("NetworkLoadBalancer %s was deleted and is still there", name)
		}
	}
	for name, object := range v.nlbServices {
		if owner := object.Labels[v1alpha1.LabelService]; v.wishes.nlbServices[name] == nil && v.wishes.services[owner] == nil {
			v.say("NLBService %s was deleted and is still there", name)
		}
	}
}

// companionOf tells whether a Service is another's companion, and whose.
func companionOf(object *corev1.Service) (of string, is bool) {
	of, is = object.Labels[v1alpha1.LabelService]
	return of, is
}

func (v *view) companion(wish *service) *corev1.Service {
	return v.services[wish.name+"-udp-health"]
}

// companions holds that a Service has one if its sidecars are probed, and that
// none is left over.
func (v *view) companions() {
	for _, wish := range v.wishes.services {
		if v.companion(wish) == nil && wish.watched() && !v.unsettled[wish.uid] {
			v.say("Service %s has no companion", wish.name)
		}
	}
	for name, object := range v.services {
		of, is := companionOf(object)
		if !is || v.blocked(of) {
			continue
		}
		switch wish := v.wishes.services[of]; {
		case wish == nil:
			v.say("Service %s is the companion of Service %s, which was deleted, and is still there", name, of)
		case !wish.watched() && !v.unsettled[wish.uid]:
			v.say("Service %s is the companion of Service %s, which needs none, and is still there", name, of)
		}
	}
}

// blocked tells whether an NLB can't be deleted, since foreign services stand on it.
func (v *view) blocked(name string) bool {
	object := v.loadBalancers[name]
	return object != nil && !object.DeletionTimestamp.IsZero() && slices.ContainsFunc(v.ownedBy(name), v.hasForeign)
}

// contenders are all wishes for a port of an NLB that is there. Those that can't
// be served are unsettled.
func (v *view) contenders() []*contender {
	var all []*contender
	for _, wish := range v.wishes.services {
		object := v.services[wish.name]
		switch on := v.placeOf(wish); {
		case wish.noLoadBalancer:
		case wish.on == (place{}) && v.blocked(wish.name): // what it had is still to go first
			v.unsettled[wish.uid] = true
		case object == nil || len(wish.invalid) > 0 || on == nil:
			v.unsettled[wish.uid] = true
		default:
			for key := range wish.ports {
				all = append(all, &contender{what: "Service " + wish.name, uid: wish.uid, want: wish.expected(object, v.companion(wish), key), on: on, key: key})
			}
		}
	}
	for _, wish := range v.wishes.nlbServices {
		switch on := v.placeOn(wish.on); {
		case wish.hopeless || on == nil:
			v.unsettled[wish.uid] = true
		default:
			all = append(all, &contender{what: "NLBService " + wish.name, uid: wish.uid, want: wish.expected(), on: on, key: wish.port})
		}
	}
	slices.SortFunc(all, func(a, b *contender) int { return strings.Compare(a.what+a.key.String(), b.what+b.key.String()) })
	for _, c := range all { // a first look, since who has lost may still have what it had
		if s := c.holder(); s != nil && v.of(*s, c.uid) {
			c.won = true
		} else {
			v.unsettled[c.uid] = true
		}
	}
	return all
}

// holder is the service on the port that is contended for.
func (c *contender) holder() *exosim.Service {
	for i, s := range c.on.Services {
		if s.Port == int64(c.key.number) && strings.EqualFold(s.Protocol, string(c.key.protocol)) {
			return &c.on.Services[i]
		}
	}
	return nil
}

// contend holds that the port is somebody's, and as its winner wishes.
func (v *view) contend(c *contender) {
	s := c.holder()
	switch {
	case s == nil:
		v.say("%s has no service on port %s of NLB %s, and nobody else has", c.what, c.key, c.on.ID)
	case c.won && v.isForeign(*s):
		v.say("%s has taken service %s (%q) on port %s of NLB %s, which is somebody else's", c.what, s.ID, s.Name, c.key, c.on.ID)
	case c.won && portOf(*s) != c.want:
		v.say("%s has service %s on port %s of NLB %s, which is %+v and not %+v", c.what, s.ID, c.key, c.on.ID, portOf(*s), c.want)
	case s.State != exosim.StateRunning:
		v.say("service %s on port %s of NLB %s is %s", s.ID, c.key, c.on.ID, s.State)
	}
}

// service holds what a Service says, and that it has nothing besides.
func (v *view) service(wish *service) {
	what, object := "Service "+wish.name, v.services[wish.name]
	if object == nil {
		v.say("%s isn't there", what)
		return
	}
	owned := v.ownedBy(wish.name)
	ownsOne := wish.on == place{} && !wish.noLoadBalancer && len(wish.invalid) == 0
	if ownsOne && len(owned) != 1 {
		v.say("%s has %d NLBs of its own, not one", what, len(owned))
	}
	on := v.placeOf(wish)
	switch {
	case wish.noLoadBalancer:
		if len(object.Status.LoadBalancer.Ingress) > 0 || len(object.Finalizers) > 0 && !v.blocked(wish.name) {
			v.say("%s is no load balancer any more, and has %v, held by %v", what, object.Status.LoadBalancer, object.Finalizers)
		}
	case v.unsettled[wish.uid]:
		v.saysWhy(what, object.Status.Conditions, v1alpha1.ServiceConditionAccepted, v1alpha1.ServiceConditionProgrammed)
	default:
		v.isTrue(what, object, object.Status.Conditions, v1alpha1.ServiceConditionAccepted)
		v.isTrue(what, object, object.Status.Conditions, v1alpha1.ServiceConditionProgrammed)
		v.published(what, object, on)
	}
	if !ownsOne || on == nil {
		return
	}
	if id := object.Annotations[v1alpha1.AnnotationID]; id != on.ID {
		v.say("%s has NLB %s, and its annotation says %q", what, on.ID, id)
	}
	if want := wish.valid[v1alpha1.AnnotationDescription]; on.Name != "k8s-"+string(wish.uid) || on.Description != want {
		v.say("%s has NLB %s, named %q and described %q instead of %q", what, on.ID, on.Name, on.Description, want)
	}
}

// published holds that the address is, and says nothing against a port.
func (v *view) published(what string, object *corev1.Service, on *exosim.LoadBalancer) {
	ingress := object.Status.LoadBalancer.Ingress
	if len(ingress) != 1 || ingress[0].IP != on.IP {
		v.say("%s is on NLB %s, whose address is %s, and publishes %+v", what, on.ID, on.IP, ingress)
		return
	}
	for _, port := range ingress[0].Ports {
		if port.Error != nil {
			v.say("%s is served, and says of port %d/%s: %s", what, port.Port, port.Protocol, *port.Error)
		}
	}
}

// nlbService holds what an NLBService says.
func (v *view) nlbService(wish *nlbService, contenders []*contender) {
	what, object := "NLBService "+wish.name, v.nlbServices[wish.name]
	if object == nil {
		v.say("%s isn't there", what)
		return
	}
	i := slices.IndexFunc(contenders, func(c *contender) bool { return c.uid == wish.uid && c.won })
	if i < 0 {
		v.saysWhy(what, object.Status.Conditions, v1alpha1.ConditionReady)
		return
	}
	c := contenders[i]
	v.isTrue(what, object, object.Status.Conditions, v1alpha1.ConditionReady)
	if s := c.holder(); object.Status.ID != s.ID || object.Status.LoadBalancerID != c.on.ID || object.Status.Address != c.on.IP {
		v.say("%s has service %s on NLB %s (%s), and says %+v", what, s.ID, c.on.ID, c.on.IP, object.Status)
	}
}

// loadBalancer holds that a NetworkLoadBalancer has its one NLB, and what it says.
func (v *view) loadBalancer(wish *loadBalancer) {
	what, object := "NetworkLoadBalancer "+wish.name, v.loadBalancers[wish.name]
	if object == nil {
		v.say("%s isn't there", what)
		return
	}
	if wish.hopeless {
		v.saysWhy(what, object.Status.Conditions, v1alpha1.ConditionReady)
		return
	}
	on, owned := v.placeOn(wish.name), v.ownedBy(wish.name)
	if on == nil || !wish.external && len(owned) != 1 {
		v.say("%s has %d NLBs, not one", what, len(owned))
		return
	}
	v.isTrue(what, object, object.Status.Conditions, v1alpha1.ConditionReady)
	if object.Status.ID != on.ID || object.Status.Address != on.IP || int(object.Status.ServiceCount) != len(on.Services) {
		v.say("%s has NLB %s (%s) with %d services, and says %+v", what, on.ID, on.IP, len(on.Services), object.Status)
	}
	if wish.external {
		return
	}
	wants := map[string]string{v1alpha1.CloudLabelOwnerUID: nlb.LabelValue(string(wish.uid))}
	maps.Copy(wants, wish.labels)
	for key, value := range wants {
		if on.Labels[key] != value {
			v.say("%s has NLB %s with the labels %v, without %s=%s", what, on.ID, on.Labels, key, value)
		}
	}
	name := fmt.Sprintf("%s-%s-%s", v.ns, wish.name, wish.uid)
	if wish.foreign == "" && (on.Name != name || on.Description != wish.description) {
		v.say("%s has NLB %s, named %q and described %q", what, on.ID, on.Name, on.Description)
	}
}
