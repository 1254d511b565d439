package networkloadbalancer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// effectSeen tells whether the cloud shows what an operation that has succeeded
// did. Reads may lag behind; what they lack isn't done a second time at once.
func effectSeen(round *round) bool {
	op, lb := round.object.Status.Operation, round.got.NLB
	switch op.Action {
	case v1alpha1.ActionCreate:
		return lb != nil
	case v1alpha1.ActionDelete:
		return lb == nil || lb.Name != op.Name
	default:
		return true
	}
}

// conclude closes what was in flight, if anything was, and tells of it. A create
// whose answer was lost stays open until it is sure that nothing came of it.
func (r *Reconciler) conclude(ctx context.Context, round *round) {
	entry := r.entry(round.object)
	if round.got.NLB == nil && r.journal.Lost(entry) {
		return
	}
	op := r.journal.Conclude(ctx, entry)
	switch {
	case op == nil:
	case op.ID != "", op.Action == v1alpha1.ActionCreate && round.got.NLB != nil: // its answer may have been lost
		noteDone(round, *op)
	}
}

// waitNet is how soon to look again at an NLB that changes without an operation
// of which we know.
const waitNet = 5 * time.Second

// soon is how soon to go on where nothing has to be waited for.
const soon = 50 * time.Millisecond

// apply makes the one step.
func (r *Reconciler) apply(ctx context.Context, round *round, move nlb.LoadBalancerMove) (outcome.Outcome, error) {
	object := round.object
	switch move.Action {
	case nlb.None:
		r.journal.Succeeded(r.entry(object))
		if round.want.Deleting {
			if asked, err := r.asked(ctx, round); asked != nil || err != nil {
				return deref(asked), err
			}
			absence := round.absence
			if round.got.NLB != nil {
				absence = exoscale.LeftInPlace()
			}
			return r.release(ctx, round, absence)
		}
		return outcome.Done(), nil
	case nlb.Wait:
		if move.Reason == v1alpha1.ReasonWaitingForServices {
			return outcome.Waiting(move.Reason, move.Message), nil
		}
		r.Inventory.Invalidate(r.entry(object).Key)
		return outcome.Waiting(move.Reason, move.Message).Within(waitNet), nil
	case nlb.Conflict:
		if move.Reason == v1alpha1.ReasonInvalid && round.got.Proof != nlb.ProofLabels { // else its services go on
			return outcome.Invalid(move.Reason, move.Message), nil
		}
		if move.Reason == v1alpha1.ReasonNotFound || move.Reason == v1alpha1.ReasonInUseByOther && round.got.Proof == nlb.ProofNone {
			return outcome.Unresolved(move.Reason, move.Message), nil
		}
		return outcome.Blocked(move.Reason, move.Message), nil
	}
	action, begin := r.step(round, move)
	before := *object.Status.DeepCopy()
	intent := r.intend(round, move, action)
	entry := r.entry(object)
	entry.Change = changeText(round, move)
	if entry.Wants = entry.Change; action == v1alpha1.ActionCreate {
		entry.Key = exoscale.Key{Zone: entry.Key.Zone, Name: intent.Name}
	}
	if ineffective := r.journal.Ineffective(entry); ineffective != nil {
		r.Inventory.Invalidate(entry.Key)
		round.takeBack(before)
		return *ineffective, nil
	}
	out, err := r.journal.Start(ctx, entry, intent, round, begin, func(op exoscale.Operation) {
		if action == v1alpha1.ActionCreate && op.ReferenceID != "" {
			object.Status.ID, object.Status.Address, object.Status.State = op.ReferenceID, "", nlb.StateCreating
		}
	})
	round.takeBack(before)
	if out.Kind == outcome.KindWaiting { // begun, or about to
		noteCause(round, move)
	}
	return out, err
}

// takeBack undoes what intend has noted of an NLB that was handed over, if nothing was
// begun: nothing there is the object's. A request whose answer was lost may have been begun.
func (round *round) takeBack(before v1alpha1.NetworkLoadBalancerStatus) {
	status := &round.object.Status
	if round.got.Proof == nlb.ProofConsent && equality.Semantic.DeepEqual(before.Operation, status.Operation) {
		status.ID, status.Zone, status.Adopted = before.ID, before.Zone, before.Adopted
	}
}

// held is why a change of the NLB can't begin now, so that nothing is read for it.
func (r *Reconciler) held(round *round, move nlb.LoadBalancerMove) *outcome.Outcome {
	action, _ := r.step(round, move)
	entry := r.entry(round.object)
	entry.Wants = changeText(round, move)
	return r.journal.Held(entry, action)
}

// changeText tells a change of an NLB from others, with what it starts from.
func changeText(round *round, move nlb.LoadBalancerMove) string {
	if round.got.NLB == nil || move.Action == nlb.Delete || move.Action == nlb.DeleteService {
		return ""
	}
	lb := round.got.NLB
	return fmt.Sprintf("%s %q %q %v → %+v", lb.ID, lb.Name, lb.Description, lb.Labels, round.want.Attributes)
}

// step is the request that makes a move.
func (r *Reconciler) step(round *round, move nlb.LoadBalancerMove) (v1alpha1.OperationAction, journal.Begin) {
	zone, id := r.zoneOf(round.object), ""
	if round.got.NLB != nil {
		id = round.got.NLB.ID
	}
	change := func(ctx context.Context) (exoscale.Operation, error) {
		return r.LoadBalancers.UpdateLoadBalancer(ctx, zone, id, move.Change)
	}
	switch move.Action {
	case nlb.Create:
		return v1alpha1.ActionCreate, func(ctx context.Context) (exoscale.Operation, error) {
			return r.LoadBalancers.CreateLoadBalancer(ctx, round.listed, move.Attributes)
		}
	case nlb.Adopt:
		if relabels(round) {
			return v1alpha1.ActionUpdate, change
		}
		return v1alpha1.ActionAdopt, change
	case nlb.Release:
		return v1alpha1.ActionRelease, change
	case nlb.DeleteService:
		return v1alpha1.ActionDelete, func(ctx context.Context) (exoscale.Operation, error) {
			return r.LoadBalancers.DeleteService(ctx, round.evidence, move.ServiceID)
		}
	case nlb.Delete:
		return v1alpha1.ActionDelete, func(ctx context.Context) (exoscale.Operation, error) {
			return r.LoadBalancers.DeleteLoadBalancer(ctx, round.evidence)
		}
	default:
		return v1alpha1.ActionUpdate, change
	}
}

// relabels tells that an NLB which was the object's already gets back labels
// that somebody took off.
func relabels(round *round) bool {
	return !round.got.Proof.Adopts() && round.got.NLB.ID == round.Before.Status.ID
}

// intend gives the entry for what is about to be done, and notes in the status
// all else that has to be known about it after a crash.
func (r *Reconciler) intend(round *round, move nlb.LoadBalancerMove, action v1alpha1.OperationAction) v1alpha1.Operation {
	status := &round.object.Status
	status.Zone = r.zoneOf(round.object)
	intent := v1alpha1.Operation{Action: action, Name: round.want.Attributes.Name}
	if lb := round.got.NLB; lb != nil {
		status.ID, intent.Name = lb.ID, lb.Name
		if move.Action == nlb.DeleteService {
			intent.Name, intent.ServiceID = serviceName(*lb, move.ServiceID), move.ServiceID
		}
	}
	if action == v1alpha1.ActionAdopt && round.got.Proof.Adopts() {
		status.Adopted = true
	}
	if action == v1alpha1.ActionCreate || move.Action == nlb.Update && move.Change.Labels != nil {
		keys := append(round.want.WantedLabelKeys(), status.AppliedLabelKeys...)
		slices.Sort(keys)
		status.AppliedLabelKeys = slices.Compact(keys)
	}
	return intent
}

func serviceName(lb nlb.LoadBalancer, id string) string {
	for _, service := range lb.Services {
		if service.ID == id {
			return service.Name
		}
	}
	return id
}

// entry is the object's place in the journal.
func (r *Reconciler) entry(object *v1alpha1.NetworkLoadBalancer) journal.Entry {
	return journal.Entry{
		Object: object, Operation: &object.Status.Operation,
		Key: journal.LoadBalancerKey(object, r.zoneOf(object)), Doing: doing,
	}
}

func doing(action v1alpha1.OperationAction) string {
	switch action {
	case v1alpha1.ActionCreate:
		return "Creating the NLB"
	case v1alpha1.ActionDelete:
		return "Deleting the NLB"
	case v1alpha1.ActionAdopt:
		return "Taking the NLB over"
	case v1alpha1.ActionRelease:
		return "Releasing the NLB"
	default:
		return "Updating the NLB"
	}
}

func deref(out *outcome.Outcome) outcome.Outcome {
	if out == nil {
		return outcome.Outcome{}
	}
	return *out
}
