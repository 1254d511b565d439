package main

import (
	"context"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// foreignThings holds that what others own is as they left it.
func (v *view) foreignThings() {
	there := map[string]exosim.Service{}
	for _, lb := range v.cloud {
		for _, s := range lb.Services {
			there[s.ID] = s
		}
	}
	for id, was := range v.estate.services {
		if is, found := there[id]; !found {
			v.say("their service %s (%d/%s) is gone", id, was.Port, was.Protocol)
		} else if diff := cmp.Diff(was, is, cmpopts.IgnoreFields(exosim.Service{}, "HealthStatus")); diff != "" {
			v.say("their service %s was changed: %s", id, diff)
		}
	}
	for id, was := range v.estate.loadBalancers {
		is := v.byID(id)
		if is == nil {
			v.say("their NLB %s (%s) is gone", id, was.Name)
			continue
		}
		ignored := []string{"Services"}
		if id == v.estate.adopt.ID { // handed over, to be labelled and described
			ignored = append(ignored, "Labels", "Description")
		}
		if diff := cmp.Diff(was, *is, cmpopts.IgnoreFields(exosim.LoadBalancer{}, ignored...)); diff != "" {
			v.say("their NLB %s was changed: %s", id, diff)
		}
		for key, value := range was.Labels {
			if is.Labels[key] != value {
				v.say("their NLB %s has lost the label %s=%s", id, key, value)
			}
		}
	}
}

// accountedFor holds that an NLB, and each service on it, is wished for by
// somebody, or was to stay.
func (v *view) accountedFor(lb exosim.LoadBalancer, contenders []*contender) {
	if _, foreign := v.estate.loadBalancers[lb.ID]; !foreign && !v.wanted(lb) && !v.outlives(lb) {
		v.say("NLB %s (%s, labels %v) is nobody's: it has leaked", lb.ID, lb.Name, lb.Labels)
	}
	ports := map[portKey]bool{}
	for _, s := range lb.Services {
		key := keyOf(s)
		if ports[key] {
			v.say("NLB %s has two services on port %s", lb.ID, key)
		}
		ports[key] = true
		mine := slices.ContainsFunc(contenders, func(c *contender) bool {
			return c.won && c.on.ID == lb.ID && c.key == key && c.holder().ID == s.ID
		})
		if !mine && !v.isForeign(s) && !v.ofUnsettled(s) {
			v.say("service %s (%s) on port %s of NLB %s is nobody's: it has leaked", s.ID, s.Name, key, lb.ID)
		}
	}
}

// wanted tells whether an NLB is that of a wish.
func (v *view) wanted(lb exosim.LoadBalancer) bool {
	for name, wish := range v.wishes.loadBalancers {
		if !wish.external && !wish.hopeless && v.isOwned(lb, name) {
			return true
		}
	}
	for name, wish := range v.wishes.services {
		own := wish.on == place{} && !wish.noLoadBalancer
		if (own || v.unsettled[wish.uid]) && v.isOwned(lb, name) {
			return true
		}
	}
	return false
}

func (v *view) isOwned(lb exosim.LoadBalancer, name string) bool {
	return slices.ContainsFunc(v.ownedBy(name), func(o exosim.LoadBalancer) bool { return o.ID == lb.ID })
}

// outlives tells whether an NLB is there without a wish, rightly: it was to be
// retained, or foreign services keep it from being deleted.
func (v *view) outlives(lb exosim.LoadBalancer) bool {
	for name := range v.wishes.mayStay {
		if v.isOwned(lb, name) && lb.Labels[v1alpha1.CloudLabelOwnerUID] == v1alpha1.OwnerUIDRetained {
			return true
		}
	}
	for name := range v.loadBalancers {
		if v.isOwned(lb, name) && v.blocked(name) {
			return true
		}
	}
	return false
}

func (v *view) ofUnsettled(s exosim.Service) bool {
	for uid := range v.unsettled {
		if v.mayBeOf(s, uid) {
			return true
		}
	}
	return false
}

// judgeEnd tells what is left though all objects were deleted.
func (r *run) judgeEnd(ctx context.Context) ([]string, error) {
	v, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	v.objects()
	v.companions()
	v.foreignThings()
	v.nothingElsewhere()
	for _, lb := range v.cloud {
		v.accountedFor(lb, nil)
	}
	return append(v.broken, r.witness.lost(r.ns, r.estate.removed)...), nil
}
