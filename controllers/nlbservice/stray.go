package nlbservice

import (
	"context"
	"slices"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// findStray leads a deleted object to its service if nothing else does. The
// outcome is set if that can't be known now.
func (r *Reconciler) findStray(ctx context.Context, round *round) (*outcome.Outcome, error) {
	if !strayed(round) {
		return nil, nil
	}
	ownUIDs, err := r.ownUIDs(ctx, round.object)
	if err != nil {
		return nil, err
	}
	zone, loadBalancerID, cloud := r.stray(ctx, round.object, ownUIDs)
	switch {
	case cloud != nil:
		round.unsearched = true
		out := outcome.FromCloud("Looking for a service of this object", cloud)
		return &out, nil
	case loadBalancerID != "":
		round.place.zone, round.place.loadBalancerID = zone, loadBalancerID
	}
	return nil, nil
}

// strayed tells whether an object that is to have no service may have one of which
// nothing tells: its status is lost, and so is the NetworkLoadBalancer that would
// know the NLB.
func strayed(round *round) bool {
	return round.place.absent && round.place.loadBalancerID == "" && round.object.Status.ObservedGeneration <= 0
}

// stray is the NLB on which a service of the object is; empty if there is none.
// The service of its derived name may be on any NLB that is known; one of a chosen
// name can't be told from others' any more. The error is the cloud's.
func (r *Reconciler) stray(ctx context.Context, object *v1alpha1.NLBService, ownUIDs []string) (zone, loadBalancerID string, err error) {
	balancers, err := r.Inventory.KnownLoadBalancers(ctx)
	if err != nil {
		return "", "", err
	}
	for _, lb := range balancers {
		if slices.ContainsFunc(lb.Services, func(s nlb.Service) bool { return derivedFrom(ownUIDs, object, s) }) {
			return lb.Zone, lb.ID, nil
		}
	}
	return "", "", nil
}

func derivedFrom(uids []string, object *v1alpha1.NLBService, service nlb.Service) bool {
	want := nlb.WantedService(object, "")
	return slices.ContainsFunc(uids, func(uid string) bool { return service.Name == nlb.ServiceName(uid, want.Port, want.Protocol) })
}
