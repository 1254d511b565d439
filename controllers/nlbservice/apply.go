package nlbservice

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// effectSeen tells whether the cloud shows what an operation that has succeeded
// did. Reads may lag behind; what they lack isn't done a second time at once.
func effectSeen(round *round) bool {
	switch round.object.Status.Operation.Action {
	case v1alpha1.ActionCreate:
		return round.got.Own != nil
	case v1alpha1.ActionDelete:
		return round.got.Own == nil
	default:
		return true
	}
}

// conclude closes what was in flight, if anything was, and tells of it. An add
// whose answer was lost stays open until it is sure that nothing came of it.
func (r *Reconciler) conclude(ctx context.Context, round *round) {
	entry := r.entry(round)
	if round.got.Own == nil && r.journal.Lost(entry) {
		return
	}
	op := r.journal.Conclude(ctx, entry)
	switch {
	case op == nil:
	case op.ID != "", op.Action == v1alpha1.ActionCreate && round.got.Own != nil: // its answer may have been lost
		noteDone(round, *op)
	}
}

// decide resolves the target and makes the one step that is due.
func (r *Reconciler) decide(ctx context.Context, round *round) (outcome.Outcome, error) {
	status := &round.object.Status
	want := nlb.ServiceWant{
		Absent: round.place.absent, HandedBack: round.handedBack, Replacing: status.ReplacedAt != nil,
		Derived: nlb.ServiceName(string(round.object.UID), round.claim.Port, round.claim.Protocol),
		Mark:    round.claim.Mark, MarkDue: round.lb.Labels[v1alpha1.CloudLabelMarks] != "",
	}
	if want.Absent || want.HandedBack {
		if out, err := r.closeProbe(ctx, round); out != nil || err != nil {
			return deref(out), err
		}
	} else {
		if text := nlb.RefusedDescription(round.object.Spec.Description, round.got.Own); text != "" && !want.Replacing {
			return outcome.Invalid(v1alpha1.ReasonInvalid, text), nil
		}
		pool, problem, err := r.target(ctx, round)
		if err != nil {
			return outcome.Outcome{}, err
		}
		away := want.Replacing && round.got.Own == nil && status.InstancePoolID != ""
		switch {
		case problem != nil && away:
			pool.ID = status.InstancePoolID // what it was taken away for is gone: back
		case problem != nil:
			round.decided = true
			noteReplaced(round, r.Clock.Now())
			return r.withoutProbe(ctx, round, *problem, nil)
		}
		round.pool = pool
		want.Attributes = wanted(round, r.refusals.instead(round.object, pool.ID))
	}
	move := nlb.DiffService(want, round.got)
	round.decided = true
	chosen := move.Action == nlb.Replace && !want.Replacing && choosesPool(round.object)
	if chosen {
		if out, err := r.handOver(ctx, round, want.Attributes); out != nil || err != nil {
			return r.meanwhile(ctx, round, want, deref(out), err)
		}
	}
	if round.needsEvidence(move) {
		if held := r.held(round, move); held != nil {
			return *held, nil
		}
		if out, err := r.confirm(ctx, round); out != nil || err != nil {
			return deref(out), err
		}
		move = nlb.DiffService(want, round.got)
	}
	out, err := r.step(ctx, round, want, move)
	if chosen || status.ReplacedAt != nil {
		return out, err // the probe service that led to this stays until it is over
	}
	return r.withoutProbe(ctx, round, out, err)
}

// meanwhile changes a service whose move to another pool is pending: whatever else is
// wanted of it isn't put off.
func (r *Reconciler) meanwhile(ctx context.Context, round *round, want nlb.ServiceWant, staying outcome.Outcome, err error) (outcome.Outcome, error) {
	want.Attributes.InstancePoolID = round.got.Own.InstancePoolID
	move := nlb.DiffService(want, round.got)
	if err != nil || move.Action == nlb.None {
		return staying, err
	}
	out, err := r.step(ctx, round, want, move)
	return out.Within(staying.After), err
}

// step makes the move, unless it has to wait.
func (r *Reconciler) step(ctx context.Context, round *round, want nlb.ServiceWant, move nlb.ServiceMove) (outcome.Outcome, error) {
	switch move.Action {
	case nlb.None:
		return r.settle(ctx, round)
	case nlb.Wait:
		if move.Reason == v1alpha1.ReasonWaitingForServices {
			return outcome.Waiting(move.Reason, move.Message), nil
		}
		r.Inventory.Invalidate(r.entry(round).Key) // it changes without an operation of which we know
		return outcome.Waiting(move.Reason, move.Message).Within(waitNet), nil
	case nlb.Conflict:
		out := outcome.Blocked(move.Reason, move.Message)
		if move.Reason != v1alpha1.ReasonInUseByOther || round.got.Own == nil {
			return out, nil
		}
		settled, err := r.settle(ctx, round) // all but the name
		if err != nil || settled.Kind != outcome.KindDone {
			return settled, err
		}
		return out, nil
	case nlb.Replace:
		if round.pool.Size == 0 && !want.Replacing {
			return outcome.Blocked(v1alpha1.ReasonNoEligibleNodes, nlb.PoolIsEmpty(round.pool)), nil
		}
	}
	return r.start(ctx, round, move)
}

// away reports whether the service was removed to be replaced, and isn't back.
func (round *round) away() bool { return round.object.Status.ReplacedAt != nil && round.got.Own == nil }

// held is why a move can't begin now, so that nothing is read for it.
func (r *Reconciler) held(round *round, move nlb.ServiceMove) *outcome.Outcome {
	action, _ := r.request(round, move)
	entry := r.entry(round)
	entry.Wants, entry.Urgent = move.Attributes.Fingerprint(), round.away()
	held := r.journal.Held(entry, action)
	if held != nil && action == v1alpha1.ActionCreate {
		back := r.backFrom(round, *held)
		return &back
	}
	return held
}

// waitNet is how soon to look again at a service that changes without an
// operation of which we know.
const waitNet = 5 * time.Second

// settle ends a round in which the cloud is as wanted.
func (r *Reconciler) settle(ctx context.Context, round *round) (outcome.Outcome, error) {
	r.journal.Succeeded(r.entry(round))
	if round.place.absent {
		if round.handedBack {
			round.absence = exoscale.LeftInPlace()
		}
		return r.release(ctx, round)
	}
	noteReplaced(round, r.Clock.Now())
	if refused := r.refusals.of(round.object, round.pool.ID); refused != nil {
		return *refused, nil
	}
	return outcome.Done(), nil
}

// start begins the one operation.
func (r *Reconciler) start(ctx context.Context, round *round, move nlb.ServiceMove) (outcome.Outcome, error) {
	status := &round.object.Status
	action, begin := r.request(round, move)
	status.Zone, status.LoadBalancerID = round.place.zone, round.place.loadBalancerID
	intent, entry := round.intent(action, move), r.entry(round)
	entry.Wants, entry.Urgent = move.Attributes.Fingerprint(), round.away()
	if own := round.got.Own; own != nil {
		status.ID = own.ID
		if move.Action == nlb.Update {
			entry.Change = fmt.Sprintf("%+v → %+v", own.Attributes(), move.Attributes)
		}
	}
	if ineffective := r.journal.Ineffective(entry); ineffective != nil {
		r.Inventory.Invalidate(entry.Key)
		return *ineffective, nil
	}
	replaced, replacing, before := status.ReplacedAt, status.Replacing, status.Operation
	if move.Action == nlb.Replace && replaced == nil {
		now := metav1.NewTime(r.Clock.Now())
		status.ReplacedAt, status.Replacing = &now, round.change()
	}
	if action == v1alpha1.ActionCreate {
		r.refusals.tries(round.object, move.Attributes.InstancePoolID)
	}
	out, err := r.journal.Start(ctx, entry, intent, round, begin, func(exoscale.Operation) {})
	refused := equality.Semantic.DeepEqual(before, status.Operation) // nothing was begun
	switch {
	case err != nil:
		return out, err
	case out.Kind == outcome.KindWaiting: // begun, or about to
		noteCause(round, move)
	case action == v1alpha1.ActionCreate && refused:
		out = r.backFrom(round, out)
	}
	if refused {
		status.ReplacedAt, status.Replacing = replaced, replacing // nothing was removed
	}
	return out, nil
}

// change is where a service that moves to another pool comes from, and why.
func (round *round) change() *v1alpha1.PoolChange {
	because := "spec.target says so"
	if round.because != "" {
		because = round.because
	}
	return &v1alpha1.PoolChange{FromInstancePoolID: round.got.Own.InstancePoolID, Because: because}
}

// backFrom sends a service back to the pool it had, and at once, if the add that
// was to move it to another has failed.
func (r *Reconciler) backFrom(round *round, out outcome.Outcome) outcome.Outcome {
	op := round.object.Status.Operation
	if failed := op == nil || op.ID == ""; !failed || out.Kind == outcome.KindWaiting || !r.refusals.failed(round.object, out) {
		return out
	}
	r.journal.Succeeded(r.entry(round)) // going back is another change: nothing holds it up
	return out.Within(moveNet)
}

// request is the one that makes a move.
func (r *Reconciler) request(round *round, move nlb.ServiceMove) (v1alpha1.OperationAction, journal.Begin) {
	zone, lb, own := round.place.zone, round.place.loadBalancerID, round.got.Own
	switch move.Action {
	case nlb.Create:
		seen := round.evidence
		if uid := round.derivedFrom(move.Attributes); uid != "" {
			seen = exoscale.DerivedName(zone, lb, uid)
		}
		return v1alpha1.ActionCreate, func(ctx context.Context) (exoscale.Operation, error) {
			return r.Services.AddService(ctx, seen, move.Attributes)
		}
	case nlb.Delete, nlb.Replace:
		return v1alpha1.ActionDelete, func(ctx context.Context) (exoscale.Operation, error) {
			return r.Services.DeleteService(ctx, round.evidence, own.ID)
		}
	default:
		return v1alpha1.ActionUpdate, func(ctx context.Context) (exoscale.Operation, error) {
			return r.Services.UpdateService(ctx, zone, lb, *own, move.Attributes)
		}
	}
}

// entry is the object's place in the journal.
func (r *Reconciler) entry(round *round) journal.Entry {
	return journal.Entry{
		Object: round.object, Operation: &round.object.Status.Operation,
		Key:   exoscale.Key{Zone: round.place.zone, ID: round.place.loadBalancerID},
		Doing: doing, Notices: &round.notices,
	}
}

func doing(action v1alpha1.OperationAction) string {
	switch action {
	case v1alpha1.ActionCreate:
		return "Adding the service"
	case v1alpha1.ActionDelete:
		return "Removing the service"
	default:
		return "Updating the service"
	}
}
