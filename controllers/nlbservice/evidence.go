package nlbservice

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/vanished"
)

// What memory says is good enough to wait, to refuse and to update. A step that can't
// be taken back is decided once more, by a read that begins after it was decided on.

// needsEvidence tells of a move whether it is such a step. An add under a name that
// carries a UID of ours is none: the name proves later whose the service is.
func (round *round) needsEvidence(move nlb.ServiceMove) bool {
	switch move.Action {
	case nlb.Delete, nlb.Replace:
		return true
	case nlb.Create:
		return round.derivedFrom(move.Attributes) == ""
	default:
		return false
	}
}

// derivedFrom is the UID of ours that the name of a service carries; empty if it is
// a name that the user chose.
func (round *round) derivedFrom(want nlb.ServiceAttributes) string {
	for _, uid := range round.claim.OwnUIDs {
		if want.Name == nlb.ServiceName(uid, want.Port, want.Protocol) {
			return uid
		}
	}
	return ""
}

// confirm reads the NLB anew, unless this round has done so, and sorts out once more
// whose its services are. The outcome is set if there is nothing more to do.
func (r *Reconciler) confirm(ctx context.Context, round *round) (*outcome.Outcome, error) {
	if _, is := round.evidence.LoadBalancer(); is {
		return nil, nil
	}
	seen, err := r.Inventory.Evidence(ctx, round.place.zone, round.place.loadBalancerID)
	if err != nil {
		out := outcome.FromCloud("Looking at the NLB before changing it", err)
		return &out, nil
	}
	return r.take(ctx, round, seen)
}

// take goes on with what a read for evidence showed.
func (r *Reconciler) take(ctx context.Context, round *round, seen exoscale.Evidence) (*outcome.Outcome, error) {
	lb, is := seen.LoadBalancer()
	if !is {
		return r.withoutNLB(ctx, round, seen)
	}
	round.evidence = seen
	return r.observe(ctx, round, lb)
}

// missing looks for the service of an object that is to have none, or that records
// one, where memory doesn't show it. Only once two looks agree may the id be
// forgotten, or the finalizer removed. removed: an operation of ours has just ended
// that removed it. The outcome is set if there is nothing more to do.
func (r *Reconciler) missing(ctx context.Context, round *round, removed bool) (*outcome.Outcome, error) {
	switch {
	case round.got.Own != nil, round.object.Status.ID == "" && !round.place.absent:
		return nil, nil
	case round.handedBack:
		round.absence = exoscale.LeftInPlace()
		return nil, nil
	case removed:
		round.absence = exoscale.Removed()
		return nil, nil
	}
	seen, absence, err := r.Inventory.Without(ctx, round.place.zone, round.place.loadBalancerID, func(s nlb.Service) bool {
		return nlb.ServiceIsOurs(s, round.claim)
	})
	if err != nil {
		out := outcome.FromCloud("Looking whether the service is gone", err)
		return &out, nil
	}
	if out, err := r.take(ctx, round, seen); out != nil || err != nil {
		return out, err
	}
	if round.got.Own == nil {
		round.absence = absence
	}
	return nil, nil
}

// withoutNLB ends a round whose NLB isn't there. seen is the evidence of that, if it
// was read already.
func (r *Reconciler) withoutNLB(ctx context.Context, round *round, seen exoscale.Evidence) (*outcome.Outcome, error) {
	where := round.place
	switch {
	case round.handedBack && round.object.Status.Probe == nil:
		return r.releasing(ctx, round, exoscale.LeftInPlace())
	case !where.absent && where.until != nil:
		return where.until, nil
	case !where.absent:
		out := outcome.Waiting(v1alpha1.ReasonWaitingForLoadBalancer, "NLB "+where.loadBalancerID+" is gone from Exoscale; waiting until "+refText(round.object)+" has a new one")
		return &out, nil
	}
	gone, is := seen.Gone()
	if !is {
		again, err := r.Inventory.Evidence(ctx, where.zone, where.loadBalancerID)
		if gone, is = again.Gone(); !is {
			return thereAgain(where.loadBalancerID, err), nil
		}
	}
	out, byPools, err := r.believed(ctx, round)
	if out != nil || err != nil {
		return out, err
	}
	if byPools {
		again, err := r.Inventory.Evidence(ctx, where.zone, where.loadBalancerID)
		if gone, is = again.Gone(); !is {
			return thereAgain(where.loadBalancerID, err), nil
		}
	}
	return r.releasing(ctx, round, gone)
}

// thereAgain is the outcome where an NLB that seemed gone isn't, or can't be read.
func thereAgain(id string, err error) *outcome.Outcome {
	out := outcome.Waiting(v1alpha1.ReasonRetrying, "NLB "+id+" is there again; looking again").Within(moveNet)
	if err != nil {
		out = outcome.FromCloud("Looking whether the NLB is gone", err)
	}
	return &out
}

// believed gives the outcome if an absence can't be believed: too much is gone at once.
func (r *Reconciler) believed(ctx context.Context, round *round) (out *outcome.Outcome, byPools bool, err error) {
	var confirms client.Object = round.object
	if through := round.place.through; through != nil && through.Status.ID == round.place.loadBalancerID {
		confirms = through
	}
	if vanished.Confirmed(confirms, round.place.loadBalancerID) {
		return nil, false, nil
	}
	return r.vanished.CheckRecorded(ctx, round.place.zone)
}

func (r *Reconciler) releasing(ctx context.Context, round *round, absence exoscale.Absence) (*outcome.Outcome, error) {
	round.absence = absence
	out, err := r.release(ctx, round)
	return &out, err
}

// intent is what is recorded before a move is begun.
func (round *round) intent(action v1alpha1.OperationAction, move nlb.ServiceMove) v1alpha1.Operation {
	intent := v1alpha1.Operation{Action: action, Name: move.Attributes.Name}
	if own := round.got.Own; own != nil {
		intent.Name = own.Name
	}
	if lb, is := round.evidence.LoadBalancer(); is && move.Action == nlb.Create && round.needsEvidence(move) {
		for _, service := range lb.Services {
			intent.ServicesBefore = append(intent.ServicesBefore, service.ID)
		}
		slices.Sort(intent.ServicesBefore)
		intent.Sent = move.Attributes.Fingerprint()
	}
	return intent
}
