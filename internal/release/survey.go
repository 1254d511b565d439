package release

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// verdict is what is next for an object that is held.
type verdict string

const (
	// change: something is to be changed at Exoscale.
	change verdict = "Change"
	// wait: something has to end or to show itself first.
	wait verdict = "Wait"
	// blocked: it stays held, since something stands against it.
	blocked verdict = "Blocked"
	// free: nothing stands against it any more.
	free verdict = "Free"
)

// step is what is next for one object.
type step struct {
	name      string // for people
	object    client.Object
	finalizer string
	verdict   verdict
	// fate is what becomes of the object and its part of Exoscale, in words.
	fate string
	// over: Exoscale's part is gone, so that an earlier fate tells more.
	over bool
	// reason of wait and blocked.
	reason string
	// behind: it waits for other objects only.
	behind bool
	// forget: what the status says of Exoscale isn't true any more.
	forget bool

	// key and begin are the change.
	key   exoscale.Key
	begin func(context.Context) (exoscale.Operation, error)
}

// survey tells what is next for each object that is held in the namespaces meant.
func (r *Releaser) survey(ctx context.Context) ([]step, error) {
	all, err := List(ctx, r.Client, nil)
	if err != nil {
		return nil, err
	}
	all = all.without(r.freed)
	held := all.in(r.Namespaces)
	if r.Mode != WithoutCloud {
		r.watchZones(all)
	}
	var steps []step
	for i := range held.NLBServices {
		steps = append(steps, r.nlbServiceStep(ctx, &held.NLBServices[i]))
	}
	for i := range held.LoadBalancers {
		steps = append(steps, r.loadBalancerStep(ctx, &held.LoadBalancers[i], held))
	}
	for i := range held.Services {
		steps = append(steps, r.serviceStep(&held.Services[i], held))
	}
	return steps, nil
}

// watchZones has services looked for in every zone that an object knows of.
func (r *Releaser) watchZones(all Held) {
	for i := range all.LoadBalancers {
		for _, zone := range []string{all.LoadBalancers[i].Status.Zone, all.LoadBalancers[i].Spec.Zone} {
			if zone != "" {
				r.Inventory.Watch(zone)
			}
		}
	}
	for i := range all.NLBServices {
		if zone := all.NLBServices[i].Status.Zone; zone != "" {
			r.Inventory.Watch(zone)
		}
	}
}

func (r *Releaser) nlbServiceStep(ctx context.Context, object *v1alpha1.NLBService) step {
	s := step{name: named("NLBService", object), object: object, finalizer: v1alpha1.NLBServiceFinalizer, verdict: free}
	if r.Mode != DeleteCloud {
		s.fate = serviceStays(object)
	}
	if r.Mode == WithoutCloud {
		return s
	}
	removal, err := r.NLBServices.Removal(ctx, object, r.Mode == Retain)
	s.key = exoscale.Key{Zone: removal.Zone, ID: removal.LoadBalancerID}
	s.forget = r.Mode == DeleteCloud
	switch {
	case err != nil:
		return s.after(err)
	case removal.Move.Action == nlb.Wait:
		return s.waiting(removal.Move.Message)
	case removal.Move.Action == nlb.Update:
		s.verdict, s.fate = change, serviceStays(object)
		s.begin = func(ctx context.Context) (exoscale.Operation, error) {
			return r.Cloud.UpdateService(ctx, removal.Zone, removal.LoadBalancerID, *removal.Own, removal.Move.Attributes)
		}
	case r.Mode == Retain && !removal.Probe:
	case removal.Move.Action == nlb.Delete:
		if s.verdict = change; !removal.Probe {
			s.fate = serviceGoes(*removal.Own, removal.LoadBalancerID)
		}
		s.begin = func(ctx context.Context) (exoscale.Operation, error) {
			seen, err := r.Inventory.Evidence(ctx, removal.Zone, removal.LoadBalancerID)
			if err != nil {
				return exoscale.Operation{}, err
			}
			return r.Cloud.DeleteService(ctx, seen, removal.Own.ID)
		}
	default:
		s.fate, s.over = serviceGone(object, removal.LoadBalancerID), true
	}
	return s
}

func (r *Releaser) loadBalancerStep(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, held Held) step {
	s := step{name: named("NetworkLoadBalancer", object), object: object, finalizer: v1alpha1.LoadBalancerFinalizer, verdict: free}
	if r.Mode == WithoutCloud {
		s.fate = loadBalancerUnasked(object, r.DefaultZone)
		return s
	}
	removal, err := r.LoadBalancers.Removal(ctx, object, r.Mode == Retain)
	if err != nil {
		return s.after(err)
	}
	s.fate, s.over = loadBalancerFate(removal, r.Mode)
	if other := clusterOf(removal.Got, object, r.ClusterID); other != "" {
		return s.blocking(anotherCluster(removal.Got, other, r.ClusterID))
	}
	s.forget = r.Mode == DeleteCloud && s.over
	if lb := removal.Got.NLB; lb != nil {
		s.key = exoscale.Key{Zone: removal.Zone, ID: lb.ID}
	}
	on := held.on(object)
	switch move := removal.Move; move.Action {
	case nlb.None:
	case nlb.Conflict:
		return s.blocking(move.Message + "; or let go of it by --retain")
	case nlb.Wait:
		if strangers := r.strangers(removal.Got.Services.Holders); len(on) == 0 && len(strangers) > 0 {
			return s.blocking(fmt.Sprintf("its NLB holds services of NLBServices that aren't meant by --namespace: %s", brief.List(strangers)))
		}
		return s.waiting(move.Message)
	default:
		s.verdict = change
		s.begin = r.moving(removal)
	}
	if r.Mode == DeleteCloud && len(on) > 0 {
		// They go first: they may be found only by way of this one.
		return s.behindOthers("its NLBServices", on)
	}
	return s
}

// moving is the request that makes a move of an NLB.
func (r *Releaser) moving(removal nlb.LoadBalancerRemoval) func(context.Context) (exoscale.Operation, error) {
	zone, id, move := removal.Zone, removal.Got.NLB.ID, removal.Move
	return func(ctx context.Context) (exoscale.Operation, error) {
		if move.Action == nlb.Release {
			return r.Cloud.UpdateLoadBalancer(ctx, zone, id, move.Change)
		}
		seen, err := r.Inventory.Evidence(ctx, zone, id)
		switch {
		case err != nil:
			return exoscale.Operation{}, err
		case move.Action == nlb.DeleteService:
			return r.Cloud.DeleteService(ctx, seen, move.ServiceID)
		default:
			return r.Cloud.DeleteLoadBalancer(ctx, seen)
		}
	}
}

func (r *Releaser) serviceStep(object *corev1.Service, held Held) step {
	s := step{name: named("Service", object), object: object, finalizer: v1alpha1.ServiceFinalizer, verdict: free}
	s.fate, s.forget = serviceFate(object, r.Mode), r.Mode == DeleteCloud
	if children := held.of(object.UID); len(children) > 0 {
		return s.behindOthers("its objects", children)
	}
	return s
}

func (s step) waiting(reason string) step {
	s.verdict, s.reason = wait, reason
	return s
}

func (s step) behindOthers(which string, others []string) step {
	s.behind = true
	return s.waiting(which + " go first: " + brief.List(others))
}

func (s step) blocking(reason string) step {
	s.verdict, s.reason = blocked, reason
	return s
}

// after what couldn't be known or done, it is tried again only if that may help.
func (s step) after(err error) step {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return s.waiting(s.fate + ": that hasn't ended yet")
	}
	switch exoscale.ClassOf(err) {
	case exoscale.Transient, exoscale.Busy, exoscale.Conflict, exoscale.NotFound:
		return s.waiting(err.Error())
	default:
		return s.blocking(err.Error())
	}
}
