package main

import (
	"slices"
	"strings"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// addForeign puts a service of somebody else on a port that is free, under a name of
// theirs, or one that our users give, too.
func (r *run) addForeign(lb exosim.LoadBalancer) {
	port := pick(r.chance, allPorts)
	service := foreignService(int64(port.number), strings.ToLower(string(port.protocol)))
	if r.chance.IntN(3) == 0 {
		service.Name = r.chosenName(port)
	}
	r.putForeign(lb, port, service)
}

// otherCCM is the cloud controller manager of another cluster in the same account. It
// puts a service of its own on an NLB that it shares, by the name that it gives to
// all, which holds the UID of a Service over there; or makes an NLB.
func (r *run) otherCCM(lb exosim.LoadBalancer) {
	port, uid := pick(r.chance, allPorts), types.UID(uuid.NewString())
	service := namedForeign(serviceName(uid, port), int64(port.number), strings.ToLower(string(port.protocol)))
	if r.chance.IntN(3) == 0 && len(r.estate.loadBalancers) < 8 {
		made := r.own(exosim.LoadBalancer{Name: "k8s-" + string(uid), Services: []exosim.Service{service}})
		r.tell("another cluster's CCM: make NLB %s (%s)", made.ID, made.Name)
		return
	}
	r.putForeign(lb, port, service)
}

// comeBefore puts a service of somebody else where a user is about to want one, of
// the same name, so that no list shows it yet.
func (r *run) comeBefore(wish *nlbService) {
	v := &view{run: r, cloud: r.cloud.LoadBalancers("")}
	if lb := v.placeOn(wish.on); lb != nil {
		r.putForeign(*lb, wish.port, namedForeign(wish.cloudName, int64(wish.port.number), strings.ToLower(string(wish.port.protocol))))
	}
}

// putForeign adds a service that is theirs, unless its name or its port is taken.
//
// Where a delete takes the services along, nothing can save one that is added between
// the operator's last read of an NLB and its delete: nobody adds any then.
func (r *run) putForeign(lb exosim.LoadBalancer, port portKey, service exosim.Service) {
	if r.cascades && r.leaves(lb) {
		return
	}
	added := false
	r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
		taken := slices.ContainsFunc(lb.Services, func(s exosim.Service) bool {
			return s.Port == service.Port && s.Protocol == service.Protocol || s.Name == service.Name
		})
		if added = !taken && len(lb.Services) < 7 && lb.State == exosim.StateRunning; added {
			lb.Services = append(lb.Services, service)
		}
	})
	if added {
		r.estate.services[service.ID] = service
		r.tell("hands: add service %s (%q) on port %s of NLB %s", service.ID, service.Name, port, lb.ID)
	}
}

// leaves tells whether an NLB of ours isn't wished for any more.
func (r *run) leaves(lb exosim.LoadBalancer) bool {
	if _, foreign := r.estate.loadBalancers[lb.ID]; foreign {
		return false
	}
	v := &view{run: r, cloud: r.cloud.LoadBalancers("")}
	return !v.wanted(lb) || slices.ContainsFunc(r.seenLoadBalancers(), func(object v1alpha1.NetworkLoadBalancer) bool {
		return object.Status.ID == lb.ID && !object.DeletionTimestamp.IsZero()
	})
}

// touchForeign lets the owner of a service change it.
func (r *run) touchForeign(lb exosim.LoadBalancer) {
	for _, service := range lb.Services {
		changed, foreign := r.estate.services[service.ID]
		if !foreign {
			continue
		}
		changed.TargetPort, changed.Description = int64(r.number()), "changed by its owner"
		r.estate.services[service.ID] = changed
		r.tell("hands: change their service %s (%d/%s) of NLB %s", service.ID, service.Port, service.Protocol, lb.ID)
		r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
			if i := slices.IndexFunc(lb.Services, func(s exosim.Service) bool { return s.ID == service.ID }); i >= 0 {
				lb.Services[i].TargetPort, lb.Services[i].Description = changed.TargetPort, changed.Description
			}
		})
		return
	}
}
