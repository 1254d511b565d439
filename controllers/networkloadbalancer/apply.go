package networkloadbalancer

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// visibility is how long after its start a change that has succeeded may still
// be missing from what Exoscale shows.
const visibility = 2 * time.Minute

// effectNet is how soon to look for it again.
const effectNet = 2 * time.Second

// inFlight looks at the recorded operation. waiting: it stands in the way, out
// says how. ended: it has succeeded.
func (r *Reconciler) inFlight(object *v1alpha1.NetworkLoadBalancer) (out outcome.Outcome, waiting, ended bool) {
	op := object.Status.Operation
	if op == nil || op.ID == "" {
		return outcome.Outcome{}, false, false
	}
	zone := r.zoneOf(object)
	result := r.Operations.Result(zone, op.ID)
	if result.State == exoscale.Unknown { // started before a restart
		r.Operations.Resume(r.key(object), ownerOf(object), op.ID)
	}
	out, waiting, failure := outcome.Progress(*op, result)
	if failure != nil {
		if object.Status.Operation = nil; op.Action == v1alpha1.ActionCreate {
			object.Status.ID = "" // if it is there all the same, its labels tell
		}
		out = r.failures.Failed(object.UID, object.Generation, outcome.FromCloud(doing(op.Action), failure))
		return out, true, false
	}
	return out, waiting, !waiting
}

// effectSeen tells whether the cloud shows what an operation that has succeeded
// did. Reads may lag behind; what they lack isn't done a second time at once.
func (r *Reconciler) effectSeen(round *round) bool {
	op, lb := round.object.Status.Operation, round.got.NLB
	seen := true
	switch op.Action {
	case v1alpha1.ActionCreate:
		seen = lb != nil
	case v1alpha1.ActionDelete:
		seen = lb == nil || lb.Name != op.Name
	}
	if seen || r.Clock.Since(op.StartedAt.Time) > visibility {
		return true
	}
	r.Inventory.Invalidate(r.key(round.object))
	return false
}

// concludeOperation closes the recorded operation: it has succeeded, or was only
// an intent about whose effect the cloud has now been asked.
func (r *Reconciler) concludeOperation(round *round) {
	op := round.object.Status.Operation
	if op == nil {
		return
	}
	if op.ID != "" {
		noteDone(round, *op)
		r.failures.Succeeded(round.object.UID)
		r.Operations.Forget(r.zoneOf(round.object), op.ID)
	} else if op.Action == v1alpha1.ActionCreate && round.got.NLB != nil {
		noteDone(round, *op) // its answer was lost
	}
	round.object.Status.Operation = nil
}

// apply makes the one step.
func (r *Reconciler) apply(ctx context.Context, round *round, move nlb.LoadBalancerMove) (outcome.Outcome, error) {
	switch move.Action {
	case nlb.None:
		r.failures.Succeeded(round.object.UID)
		if round.want.Deleting {
			return r.release(ctx, round)
		}
		return outcome.Done(), nil
	case nlb.Wait:
		return outcome.Waiting(move.Reason, move.Message), nil
	case nlb.Conflict:
		if move.Reason == v1alpha1.ReasonNotFound || move.Reason == v1alpha1.ReasonInUseByOther {
			return outcome.Unresolved(move.Reason, move.Message), nil
		}
		return outcome.Blocked(move.Reason, move.Message), nil
	}
	if out, holding := r.failures.Holding(round.object.UID, round.object.Generation); holding {
		return out, nil
	}
	return r.start(ctx, round, move)
}

// start begins the one operation: intent first, then the request, then its id.
func (r *Reconciler) start(ctx context.Context, round *round, move nlb.LoadBalancerMove) (outcome.Outcome, error) {
	object := round.object
	action, begin := r.step(round, move)
	r.intend(round, move, action)
	if err := round.Status(ctx); err != nil {
		return outcome.Outcome{}, err
	}
	op, err := r.Operations.Start(ctx, r.key(object), ownerOf(object), begin)
	if err != nil {
		out := outcome.FromCloud(doing(action), err)
		if exoscale.ClassOf(err) != exoscale.Transient {
			object.Status.Operation = nil // refused: nothing was begun
		}
		if exoscale.ClassOf(err) == exoscale.Busy {
			return out, nil
		}
		return r.failures.Failed(object.UID, object.Generation, out), nil
	}
	object.Status.Operation.ID = op.ID
	if action == v1alpha1.ActionCreate && op.ReferenceID != "" {
		object.Status.ID, object.Status.Address, object.Status.State = op.ReferenceID, "", nlb.StateCreating
	}
	noteCause(round, move)
	if err := round.StatusAnyway(ctx); err != nil {
		return outcome.Outcome{}, err
	}
	out, _, _ := outcome.Progress(*object.Status.Operation, exoscale.Result{State: exoscale.Pending})
	return out, nil
}

// step is the request that makes a move.
func (r *Reconciler) step(round *round, move nlb.LoadBalancerMove) (v1alpha1.OperationAction, func(context.Context) (exoscale.Operation, error)) {
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
			return r.LoadBalancers.CreateLoadBalancer(ctx, zone, move.Attributes)
		}
	case nlb.Adopt:
		return v1alpha1.ActionAdopt, change
	case nlb.Release:
		return v1alpha1.ActionRelease, change
	case nlb.DeleteService:
		return v1alpha1.ActionDelete, func(ctx context.Context) (exoscale.Operation, error) {
			return r.LoadBalancers.DeleteService(ctx, zone, id, move.ServiceID)
		}
	case nlb.Delete:
		return v1alpha1.ActionDelete, func(ctx context.Context) (exoscale.Operation, error) {
			return r.LoadBalancers.DeleteLoadBalancer(ctx, zone, id)
		}
	default:
		return v1alpha1.ActionUpdate, change
	}
}

// intend writes into the status what is about to be done, and all that has to
// be known about it after a crash.
func (r *Reconciler) intend(round *round, move nlb.LoadBalancerMove, action v1alpha1.OperationAction) {
	status := &round.object.Status
	status.Zone = r.zoneOf(round.object)
	status.Operation = &v1alpha1.Operation{Action: action, Name: round.want.Attributes.Name, StartedAt: metav1.NewTime(r.Clock.Now())}
	if lb := round.got.NLB; lb != nil {
		status.ID, status.Operation.Name = lb.ID, lb.Name
		if move.Action == nlb.DeleteService {
			status.Operation.Name = serviceName(*lb, move.ServiceID)
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
}

func serviceName(lb nlb.LoadBalancer, id string) string {
	for _, service := range lb.Services {
		if service.ID == id {
			return service.Name
		}
	}
	return id
}

// key is the NLB in which one change at a time is made.
func (r *Reconciler) key(object *v1alpha1.NetworkLoadBalancer) exoscale.Key {
	key := exoscale.Key{Zone: r.zoneOf(object), ID: object.Status.ID}
	if op := object.Status.Operation; op != nil && op.Action == v1alpha1.ActionCreate {
		key.ID, key.Name = "", op.Name
	}
	return key
}

func ownerOf(object *v1alpha1.NetworkLoadBalancer) exoscale.Owner {
	return exoscale.Owner{Kind: Kind, NamespacedName: client.ObjectKeyFromObject(object)}
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
