package nlbservice

import (
	"context"
	"slices"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// findStray leads a deleted object to its service if nothing else does: its status
// is lost, and so is the NetworkLoadBalancer that would know the NLB. The service
// of its derived name may be on any NLB that is known; one of a chosen name can't
// be told from others' any more. The outcome is set if that can't be known now.
func (r *Reconciler) findStray(ctx context.Context, round *round) (*outcome.Outcome, error) {
	object := round.object
	if !round.place.absent || round.place.loadBalancerID != "" || object.Status.ObservedGeneration > 0 {
		return nil, nil
	}
	ownUIDs, err := r.ownUIDs(ctx, object)
	if err != nil {
		return nil, err
	}
	balancers, err := r.Inventory.KnownLoadBalancers(ctx)
	if err != nil {
		round.unsearched = true
		out := outcome.FromCloud("Looking for a service of this object", err)
		return &out, nil
	}
	for _, lb := range balancers {
		if slices.ContainsFunc(lb.Services, func(s nlb.Service) bool { return derivedFrom(ownUIDs, object, s) }) {
			round.place.zone, round.place.loadBalancerID = lb.Zone, lb.ID
			return nil, nil
		}
	}
	return nil, nil
}

func derivedFrom(uids []string, object *v1alpha1.NLBService, service nlb.Service) bool {
	want := nlb.WantedService(object, "")
	return slices.ContainsFunc(uids, func(uid string) bool { return service.Name == nlb.ServiceName(uid, want.Port, want.Protocol) })
}
