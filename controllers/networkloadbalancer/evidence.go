package networkloadbalancer

import (
	"context"
	"fmt"
	"slices"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/vanished"
)

// What memory says is good enough to wait, to refuse and to update. A step that can't
// be taken back is decided once more, by a read that begins after it was decided on.

// missing looks for the NLB of an object that records one, or that is being deleted,
// where memory doesn't show it. Only once two looks agree, and not too much else is
// gone, may its id be forgotten, or the finalizer removed. removed: an operation of
// ours has just ended that deleted it. The outcome is set if there is nothing more to do.
func (r *Reconciler) missing(ctx context.Context, round *round, claim nlb.Claim, removed bool) (*outcome.Outcome, error) {
	recorded := round.object.Status.ID
	switch {
	case round.got.NLB != nil, recorded == "" && !round.want.Deleting:
		return nil, nil
	case round.want.External && round.want.Deleting:
		round.absence = exoscale.LeftInPlace()
		return nil, nil
	case removed:
		r.Inventory.NoteDeleted(recorded)
		round.absence = exoscale.Removed()
		return nil, nil
	}
	absence, out, byPools, err := r.gone(ctx, round.object, claim)
	round.byPools = byPools
	switch {
	case out != nil || err != nil:
		round.got = nil // what is published stays
		return out, err
	case absence.Cleared() != nil: // it is there again, in memory, too
		return r.look(ctx, round, claim)
	}
	round.absence = absence
	round.loses(recorded)
	return nil, nil
}

// loses notes that the recorded NLB is gone, which nobody asked us for.
func (round *round) loses(id string) {
	status := &round.object.Status
	if id == "" || round.want.Deleting {
		return
	}
	lost := v1alpha1.LostLoadBalancer{ID: id, Address: status.Address}
	if status.Lost != nil && lost.Address == "" { // it never had one: the last one known
		lost.Address = status.Lost.Address
	}
	status.Lost = &lost
}

// gone proves that the NLB of an object isn't there, and that this can be believed. If
// the absence is unproven, the NLB is there. The outcome is set if neither can be told.
// byPools reports that the instance pools decided. For an object that is being deleted,
// gone then looks for the NLB once more; for others a list before the create does.
func (r *Reconciler) gone(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, claim nlb.Claim) (absence exoscale.Absence, out *outcome.Outcome, byPools bool, err error) {
	absence, out = r.absent(ctx, object, claim)
	if out == nil && absence.Cleared() == nil {
		out, byPools, err = r.believed(ctx, object)
	}
	if out == nil && err == nil && byPools && (claim.External || !object.DeletionTimestamp.IsZero()) {
		absence, out = r.absent(ctx, object, claim)
	}
	return absence, out, byPools, err
}

// absent proves that the NLB of an object isn't there: the recorded one, or, where
// none is recorded, any that bears its labels. Unproven, it is there. The outcome is set
// if it can't be told.
func (r *Reconciler) absent(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, claim nlb.Claim) (absence exoscale.Absence, unknown *outcome.Outcome) {
	zone := r.zoneOf(object)
	var seen exoscale.Evidence
	var err error
	if object.Status.ID == "" {
		absence, err = r.Inventory.NoLoadBalancer(ctx, zone, func(lb nlb.LoadBalancer) bool {
			_, proof := nlb.FindLoadBalancer([]nlb.LoadBalancer{lb}, claim)
			return proof != nlb.ProofNone
		})
	} else {
		seen, err = r.Inventory.Evidence(ctx, zone, object.Status.ID)
		absence, _ = seen.Gone()
	}
	if err != nil {
		out := outcome.FromCloud("Looking whether the NLB is gone", err)
		return exoscale.Absence{}, &out
	}
	return absence, nil
}

// believed gives the outcome if the absence of an NLB can't be believed: too much is
// gone at once.
func (r *Reconciler) believed(ctx context.Context, object *v1alpha1.NetworkLoadBalancer) (out *outcome.Outcome, byPools bool, err error) {
	zone := r.zoneOf(object)
	if vanished.Confirmed(object, object.Status.ID) || object.Status.ID == "" && vanished.Confirmed(object, zone) {
		return nil, false, nil
	}
	return r.vanished.Check(ctx, zone)
}

// mayCreate gives the outcome if no NLB may be made, since the account shows nothing
// of what this cluster has. The pools needn't be read where another NLB of the cluster
// is listed.
func (r *Reconciler) mayCreate(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, seen exoscale.ZoneEvidence) (out *outcome.Outcome, byPools bool, err error) {
	zone := r.zoneOf(object)
	switch {
	case vanished.Confirmed(object, object.Status.ID), vanished.Confirmed(object, zone):
		return nil, false, nil
	case slices.ContainsFunc(seen.LoadBalancers(), func(lb nlb.LoadBalancer) bool { return nlb.MadeBy(lb, r.ClusterID) }):
		return r.vanished.CheckRecorded(ctx, zone)
	default:
		return r.vanished.Check(ctx, zone)
	}
}

// confirm decides once more about a step that can't be taken back, by what is read
// now. The outcome is set if there is nothing more to do.
func (r *Reconciler) confirm(ctx context.Context, round *round, claim nlb.Claim, move nlb.LoadBalancerMove) (nlb.LoadBalancerMove, *outcome.Outcome, error) {
	switch move.Action {
	case nlb.Create:
		return r.confirmCreate(ctx, round, claim, move)
	case nlb.Delete, nlb.DeleteService:
	default:
		return move, nil, nil
	}
	if held := r.journal.Held(r.entry(round.object), v1alpha1.ActionDelete); held != nil {
		return move, held, nil
	}
	zone, id := r.zoneOf(round.object), round.got.NLB.ID
	seen, err := r.Inventory.Evidence(ctx, zone, id)
	if err != nil {
		out := outcome.FromCloud("Looking at the NLB before deleting it", err)
		return move, &out, nil
	}
	lb, is := seen.LoadBalancer()
	if !is { // the next round forgets it
		out := outcome.Waiting(v1alpha1.ReasonDeleting, fmt.Sprintf("NLB %s is gone from Exoscale", id)).Within(soon)
		return move, &out, nil
	}
	got := proven(lb, claim)
	if err := r.takeCensus(ctx, round.object, &got); err != nil {
		return move, nil, err
	}
	round.got, round.evidence = &got, seen
	return nlb.DiffLoadBalancer(round.want, got), nil, nil
}

// confirmCreate lists the NLBs of the zone anew: what is there already isn't made a
// second time.
func (r *Reconciler) confirmCreate(ctx context.Context, round *round, claim nlb.Claim, move nlb.LoadBalancerMove) (nlb.LoadBalancerMove, *outcome.Outcome, error) {
	object := round.object
	if op := object.Status.Operation; op != nil && op.Name != move.Attributes.Name && r.journal.Lost(r.entry(object)) {
		r.Inventory.Invalidate(r.entry(object).Key)
		out := outcome.Waiting(v1alpha1.ReasonWaitingForOperation, fmt.Sprintf(
			"NLB %q may have been made; waiting whether Exoscale shows it before another is made under the name %q", op.Name, move.Attributes.Name)).Within(waitNet)
		return move, &out, nil
	}
	entry := r.entry(object)
	entry.Key = exoscale.Key{Zone: entry.Key.Zone, Name: move.Attributes.Name}
	if held := r.journal.Held(entry, v1alpha1.ActionCreate); held != nil {
		return move, held, nil
	}
	seen, err := r.Inventory.ZoneEvidence(ctx, r.zoneOf(object))
	if err == nil {
		out, byPools, unknown := r.mayCreate(ctx, object, seen)
		if out != nil || unknown != nil {
			round.got = nil
			return move, out, unknown
		}
		if byPools && !round.byPools { // else the list was read between two looks at the pools
			seen, err = r.Inventory.ZoneEvidence(ctx, r.zoneOf(object))
		}
	}
	if err != nil {
		out := outcome.FromCloud("Looking at the NLBs before making one", err)
		return move, &out, nil
	}
	got := among(seen.LoadBalancers(), move.Attributes.Name, claim)
	if err := r.takeCensus(ctx, object, &got); err != nil {
		return move, nil, err
	}
	round.got, round.listed = &got, seen
	return nlb.DiffLoadBalancer(round.want, got), nil, nil
}
