package nlbservice

import (
	"context"
	"slices"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// findStray leads an object to its service if nothing else does: its status is lost,
// and the NetworkLoadBalancer that would know the NLB is gone, or doesn't know it. Until
// it is proven that there is none the object counts as never looked at. The outcome is
// set if one that is being deleted can't be released now.
func (r *Reconciler) findStray(ctx context.Context, round *round, ownUIDs []string) (*outcome.Outcome, error) {
	if !strayed(round) {
		return nil, nil
	}
	unknown, err := r.search(ctx, round, ownUIDs)
	if err != nil || unknown == nil {
		return nil, err
	}
	round.unsearched = true
	if !round.place.absent {
		within := round.place.until.Within(waitNet)
		round.place.until, unknown = &within, nil
	}
	return unknown, nil
}

// search looks on all NLBs that are known. The outcome is set if that doesn't tell yet.
func (r *Reconciler) search(ctx context.Context, round *round, ownUIDs []string) (*outcome.Outcome, error) {
	is := r.strays(round.object, ownUIDs)
	const doing = "Looking for a service of this object"
	zone, loadBalancerID, cloud := r.stray(ctx, is)
	switch {
	case cloud != nil:
		out := outcome.FromCloud(doing, cloud)
		return &out, nil
	case loadBalancerID != "":
		round.place.zone, round.place.loadBalancerID = zone, loadBalancerID
		return nil, nil
	}
	if out, err := r.vanished.CheckEverywhere(ctx); out != nil || err != nil {
		return out, err
	}
	if round.absence, cloud = r.Inventory.Nowhere(ctx, is); cloud != nil {
		out := outcome.FromCloud(doing, cloud).Within(waitNet)
		return &out, nil
	}
	return nil, nil
}

// strayed tells whether an object may have a service of which nothing tells. One
// that is being deleted is searched for wherever its NetworkLoadBalancer doesn't know
// an NLB; one that isn't, only if it is gone.
func strayed(round *round) bool {
	where := round.place
	return where.loadBalancerID == "" && round.object.Status.ObservedGeneration <= 0 && (where.absent || where.through == nil)
}

// stray is the NLB on which a service of the object is; empty if there is none on any
// that is known. The error is the cloud's.
func (r *Reconciler) stray(ctx context.Context, is func(nlb.Service) bool) (zone, loadBalancerID string, err error) {
	balancers, err := r.Inventory.KnownLoadBalancers(ctx)
	if err != nil {
		return "", "", err
	}
	for _, lb := range balancers {
		if slices.ContainsFunc(lb.Services, is) {
			return lb.Zone, lb.ID, nil
		}
	}
	return "", "", nil
}

// strays recognizes a service of the object on whichever NLB: by its derived name, or
// by its mark.
func (r *Reconciler) strays(object *v1alpha1.NLBService, uids []string) func(nlb.Service) bool {
	want, mark := nlb.WantedService(object, ""), r.mark(object).String()
	return func(service nlb.Service) bool {
		return strings.HasSuffix(service.Description, mark) ||
			slices.ContainsFunc(uids, func(uid string) bool { return service.Name == nlb.ServiceName(uid, want.Port, want.Protocol) })
	}
}
