package exosim

import (
	"net/http"

	"github.com/google/uuid"
)

const kindLoadBalancer = "load-balancer"

func listLoadBalancers(r *request) (any, error) {
	shown := []LoadBalancer{}
	for _, lb := range r.state.loadBalancers {
		shown = append(shown, r.cloud.show(r.state, lb))
	}
	return map[string]any{"load-balancers": shown}, nil
}

func getLoadBalancer(r *request) (any, error) {
	lb, err := r.loadBalancer()
	if err != nil {
		return nil, err
	}
	return r.cloud.show(r.state, lb), nil
}

func createLoadBalancer(r *request) (any, error) {
	lb := &LoadBalancer{ID: uuid.NewString(), State: StateCreating, CreatedAt: created(r.now), Services: []Service{}}
	err := r.read(func(body *object) {
		lb.Name = value(body.text("name", true, 1, 255))
		lb.Description = value(body.text("description", false, 0, 255))
		lb.Labels = body.labels(r.cloud.opts.labelRule())
	})
	if err != nil {
		return nil, err
	}
	if err := loadBalancerNameFree(r.state, lb.Name, ""); err != nil {
		return nil, err
	}
	if q := r.state.quota(quotaLoadBalancers); q.exhausted() {
		return nil, overQuota(q)
	}
	c := r.cloud
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		begin:  func(s *zoneState) { s.loadBalancers = with(s.loadBalancers, lb) },
		finish: func(s *zoneState) { s.editLoadBalancer(lb.ID, c.bringUp) },
		revert: func(s *zoneState) { s.loadBalancers = without(s.loadBalancers, lb.ID) },
		spoil:  spoilLoadBalancer(lb.ID),
	})
}

// bringUp makes a new NLB a running one. It needs the mutex.
func (c *Cloud) bringUp(l *LoadBalancer) {
	l.State = StateRunning
	if !c.addressless {
		l.IP = c.newLoadBalancerIP()
	}
}

func updateLoadBalancer(r *request) (any, error) {
	var name, description *string
	var labels map[string]string
	err := r.read(func(body *object) {
		name = body.text("name", false, 1, 255)
		description = body.text("description", false, 0, 255)
		labels = body.labels(r.cloud.opts.labelRule())
	})
	if err != nil {
		return nil, err
	}
	lb, err := r.changeableLoadBalancer()
	if err != nil {
		return nil, err
	}
	if name != nil {
		if err := loadBalancerNameFree(r.state, *name, lb.ID); err != nil {
			return nil, err
		}
	}
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		finish: func(s *zoneState) {
			s.editLoadBalancer(lb.ID, func(l *LoadBalancer) {
				set(&l.Name, name)
				set(&l.Description, description)
				if labels != nil {
					l.Labels = labels
				}
			})
		},
		spoil: spoilLoadBalancer(lb.ID),
	})
}

func resetLoadBalancerField(r *request) (any, error) {
	field := r.params["field"]
	if field != "description" && field != "labels" {
		return nil, refuse(http.StatusBadRequest, "field: must be one of description, labels, is %q", field)
	}
	lb, err := r.changeableLoadBalancer()
	if err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		finish: func(s *zoneState) {
			s.editLoadBalancer(lb.ID, func(l *LoadBalancer) {
				if field == "description" {
					l.Description = ""
				} else {
					l.Labels = nil
				}
			})
		},
		spoil: spoilLoadBalancer(lb.ID),
	})
}

func deleteLoadBalancer(r *request) (any, error) {
	lb, err := r.changeableLoadBalancer()
	if err != nil {
		return nil, err
	}
	if len(lb.Services) > 0 && !r.cloud.cascades {
		return nil, conflict("load balancer %s still has services (%d): delete them first", lb.ID, len(lb.Services))
	}
	before := lb.State
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		begin:  func(s *zoneState) { s.editLoadBalancer(lb.ID, func(l *LoadBalancer) { l.State = StateDeleting }) },
		finish: func(s *zoneState) { s.loadBalancers = without(s.loadBalancers, lb.ID) },
		revert: func(s *zoneState) { s.editLoadBalancer(lb.ID, func(l *LoadBalancer) { l.State = before }) },
		spoil:  spoilLoadBalancer(lb.ID),
	})
}

func spoilLoadBalancer(id string) func(*zoneState) {
	return func(s *zoneState) {
		s.editLoadBalancer(id, func(l *LoadBalancer) { l.State = StateError })
	}
}

// loadBalancer is the NLB that the path names.
func (r *request) loadBalancer() (*LoadBalancer, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	lb, found := find(r.state.loadBalancers, id)
	if !found {
		return nil, notFound("load balancer", id)
	}
	return lb, nil
}

// changeableLoadBalancer is the NLB that the path names, if no operation works
// on it and it isn't being deleted.
func (r *request) changeableLoadBalancer() (*LoadBalancer, error) {
	lb, err := r.loadBalancer()
	if err != nil {
		return nil, err
	}
	if err := r.refuseIfBusy(kindLoadBalancer, lb.ID); err != nil {
		return nil, err
	}
	if lb.State == StateDeleting {
		return nil, conflict("load balancer %s is being deleted", lb.ID)
	}
	return lb, nil
}

// loadBalancerNameFree refuses a name that another NLB of the zone has.
func loadBalancerNameFree(s *zoneState, name, except string) error {
	for _, other := range s.loadBalancers {
		if other.Name == name && other.ID != except {
			return conflict("a load balancer named %q already exists: %s", name, other.ID)
		}
	}
	return nil
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// set sets what was given.
func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}
