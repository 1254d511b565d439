package nlbservice

import (
	"context"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// admitted tells why a service may not forward to a pool; nil if it may. A
// service pins its pool and exposes the instances, so naming one isn't enough:
//
//	pool                                       │ why it may
//	───────────────────────────────────────────┼──────────────────────────────────────
//	named by --allowed-pools, or the default   │ whoever runs the operator said so
//	receives the service's traffic already     │ what runs isn't cut off, even if the
//	                                           │ pool's Nodes have gone; it is told
//	has an instance that is a verified Node    │ it is this cluster's
//	any other                                  │ it may not: NotAllowedInstancePool
func (r *Reconciler) admitted(ctx context.Context, round *round, pool nlb.InstancePool) (*outcome.Outcome, error) {
	if identity.NamesPool(r.AllowedPools, pool) {
		return nil, nil
	}
	if forwardsTo(round, pool.ID) {
		r.keepsPool(ctx, round, pool)
		return nil, nil
	}
	nodes, trust, err := r.nodes(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := r.Inventory.Instances(ctx, round.place.zone)
	if err != nil {
		return nil, err
	}
	of := identity.MembersOf(pool, nodes, trust, instances)
	if len(of.Nodes) == 0 && of.Unknown {
		if instances, err = r.Inventory.FreshInstances(ctx, round.place.zone); err != nil {
			return nil, err
		}
		of = identity.MembersOf(pool, nodes, trust, instances)
	}
	return refused(of.Refusal(pool)), nil
}

// keepsPool notes that the pool which receives the traffic is nobody's here, by what
// is remembered: what can't be told now is no reason to worry anybody, nor is a pool
// without instances.
func (r *Reconciler) keepsPool(ctx context.Context, round *round, pool nlb.InstancePool) {
	if pool.Size == 0 {
		return
	}
	nodes, trust, err := r.nodes(ctx)
	if err != nil {
		return
	}
	instances, err := r.Inventory.Instances(ctx, round.place.zone)
	if err != nil {
		return
	}
	if of := identity.MembersOf(pool, nodes, trust, instances); len(of.Nodes) == 0 && !of.Undecided && !of.Unknown {
		round.keeps(v1alpha1.ReasonNotAllowedInstancePool,
			"Traffic still goes to instance pool %q (%s), as before, though none of its instances is a verified Node here (kubectl get nodeid), and a new object might not forward to it; "+
				"have whoever runs the operator add it to --allowed-pools, or name another pool", pool.Name, pool.ID)
	}
}

// forwardsTo tells whether a pool receives the object's traffic, or is the one
// that is to receive it again once a move has failed.
func forwardsTo(round *round, poolID string) bool {
	own := round.got.Own
	return round.object.Status.InstancePoolID == poolID || own != nil && own.InstancePoolID == poolID
}
