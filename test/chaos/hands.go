package main

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// settleEstate puts into the cloud what others own there.
func (r *run) settleEstate() {
	r.estate = &estate{loadBalancers: map[string]exosim.LoadBalancer{}, services: map[string]exosim.Service{}, removed: map[string]bool{}}
	for i := range 2 {
		r.estate.attach = append(r.estate.attach, r.own(exosim.LoadBalancer{
			Name: fmt.Sprintf("terraform-%d", i), Description: "ours", Labels: map[string]string{"by": "terraform"},
			Services: []exosim.Service{foreignService(443-363*int64(i), "tcp")},
		}))
	}
	consent := map[string]string{v1alpha1.CloudLabelAdopt: nlb.LabelValue(r.ns + "/" + r.ns + "/adopter"), "by": "hand"}
	r.estate.adopt = r.own(exosim.LoadBalancer{Name: "handed-over", Description: "ours", Labels: consent, Services: []exosim.Service{foreignService(8443, "tcp")}})
	r.estate.refused = r.own(exosim.LoadBalancer{Name: "not-handed-over", Services: []exosim.Service{foreignService(8443, "tcp")}})
}

// own puts an NLB into the cloud, and remembers that it is somebody else's.
func (r *run) own(lb exosim.LoadBalancer) exosim.LoadBalancer {
	lb = r.cloud.PutLoadBalancer("", lb)
	for _, service := range lb.Services {
		r.estate.services[service.ID] = service
	}
	r.estate.loadBalancers[lb.ID] = lb
	return lb
}

func foreignService(port int64, protocol string) exosim.Service {
	return namedForeign(fmt.Sprintf("theirs-%d-%s", port, protocol), port, protocol)
}

func namedForeign(name string, port int64, protocol string) exosim.Service {
	return exosim.Service{
		ID: uuid.NewString(), Name: name, InstancePool: exosim.PoolRef{ID: poolB}, Protocol: protocol, Strategy: "round-robin",
		Port: port, TargetPort: port, HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: port, Interval: 10, Timeout: 5, Retries: 1}, State: exosim.StateRunning,
	}
}

// handStep is one thing that somebody does to the cloud, who isn't the operator.
func (r *run) handStep() {
	all := r.cloud.LoadBalancers("")
	lb := all[r.chance.IntN(len(all))]
	_, foreign := r.estate.loadBalancers[lb.ID]
	switch n := r.chance.IntN(9); {
	case n == 0:
		r.addForeign(lb)
	case n == 1:
		r.removeForeign(lb)
	case n == 7:
		r.touchForeign(lb)
	case n == 8:
		r.otherCCM(lb)
	case foreign || lb.State != exosim.StateRunning:
		return
	case n == 2:
		r.tell("hands: delete NLB %s (%s)", lb.ID, lb.Name)
		r.deleteNLB(lb)
	case n == 3:
		r.tell("hands: describe NLB %s", lb.ID)
		r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
			lb.Description = "somebody was here"
			if lb.Labels != nil {
				lb.Labels["team"] = "green"
			}
		})
	case n == 4 && r.handsOnNames:
		r.stripLabels(lb)
	default:
		r.touchService(lb, n == 5)
	}
}

// deleteNLB removes an NLB of ours with all that is on it.
func (r *run) deleteNLB(lb exosim.LoadBalancer) {
	r.estate.removed[lb.ID] = true
	for _, service := range lb.Services {
		delete(r.estate.services, service.ID)
	}
	r.cloud.DeleteLoadBalancer(lb.ID)
}

// stripLabels takes the proof of ownership off an NLB that an object records.
func (r *run) stripLabels(lb exosim.LoadBalancer) {
	for _, object := range r.seenLoadBalancers() {
		if object.Status.ID == lb.ID && object.Status.Operation == nil && object.DeletionTimestamp.IsZero() && len(object.Status.AppliedLabelKeys) > 0 {
			r.tell("hands: take the labels off NLB %s", lb.ID)
			r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) { lb.Labels = nil })
			return
		}
	}
}

// touchService removes or changes a service of ours.
func (r *run) touchService(lb exosim.LoadBalancer, remove bool) {
	ours := slices.DeleteFunc(slices.Clone(lb.Services), func(s exosim.Service) bool {
		_, foreign := r.estate.services[s.ID]
		return foreign || s.State != exosim.StateRunning
	})
	if len(ours) == 0 {
		return
	}
	one := ours[r.chance.IntN(len(ours))]
	rename := r.handsOnNames && r.chance.IntN(3) == 0
	r.tell("hands: service %s (%d/%s) of NLB %s: delete %t, rename %t", one.ID, one.Port, one.Protocol, lb.ID, remove, rename)
	r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
		i := slices.IndexFunc(lb.Services, func(s exosim.Service) bool { return s.ID == one.ID })
		switch {
		case i < 0:
		case remove:
			lb.Services = slices.Delete(lb.Services, i, i+1)
		default:
			lb.Services[i].TargetPort, lb.Services[i].HealthCheck.Interval = 1, 299
			if rename && r.recorded(one.ID) {
				lb.Services[i].Name = "renamed by somebody"
			}
		}
	})
}

// removeForeign takes a service of somebody else away again.
func (r *run) removeForeign(lb exosim.LoadBalancer) {
	for _, service := range lb.Services {
		if _, foreign := r.estate.services[service.ID]; foreign {
			r.tell("hands: remove their service %s (%d/%s) from NLB %s", service.ID, service.Port, service.Protocol, lb.ID)
			delete(r.estate.services, service.ID)
			r.cloud.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
				lb.Services = slices.DeleteFunc(lb.Services, func(s exosim.Service) bool { return s.ID == service.ID })
			})
			return
		}
	}
}

// recorded tells whether an object's status names the service of that id: then
// it is recognised whatever it is called.
func (r *run) recorded(id string) bool {
	return slices.ContainsFunc(r.seenNLBServices(), func(s v1alpha1.NLBService) bool { return s.Status.ID == id })
}

// clean removes what foreign hands put on the NLBs that aren't theirs.
func (r *run) clean() {
	for _, lb := range r.cloud.LoadBalancers("") {
		if _, foreign := r.estate.loadBalancers[lb.ID]; foreign {
			continue
		}
		for range lb.Services {
			if now, there := r.cloud.LoadBalancer(lb.ID); there {
				r.removeForeign(now)
			}
		}
	}
}
