// Package journal leads the one change that an object may have in flight at
// Exoscale, so that nothing is done twice and nobody waits:
//
//	intent written ─▶ request sent ─▶ operation id written ─▶ (woken) ─▶ result
//
// A crash between any two of them leaves an entry in the object's status from
// which the next round goes on.
package journal

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// Visibility is how long after its start a change that has succeeded may still
// be missing from what Exoscale shows.
const Visibility = 2 * time.Minute

// effectNet is how soon to look again for an effect that isn't shown yet.
const effectNet = 2 * time.Second

// Operations starts changes, one at a time per NLB, and follows them.
type Operations interface {
	Start(ctx context.Context, key exoscale.Key, owner exoscale.Owner, begin Begin) (exoscale.Operation, error)
	Resume(key exoscale.Key, owner exoscale.Owner, operationID string)
	Result(zone, operationID string) exoscale.Result
	Forget(zone, operationID string)
}

// Begin makes the one request that starts a change.
type Begin = func(context.Context) (exoscale.Operation, error)

// Journal of all objects of one kind.
type Journal struct {
	kind       string
	operations Operations
	clock      clock.Clock
	failures   *outcome.Failures
}

// New makes a journal for the objects of a kind.
func New(kind string, operations Operations, c clock.Clock) *Journal {
	return &Journal{kind: kind, operations: operations, clock: c, failures: outcome.NewFailures(c)}
}

// Status writes an object's status: the intent only if nobody has written since
// the object was read, what was begun in any case.
type Status interface {
	Intent(ctx context.Context) error
	StatusAnyway(ctx context.Context) error
}

// Entry is the place of one object in the journal.
type Entry struct {
	Object client.Object
	// Operation is the field of the object's status that holds the entry.
	Operation **v1alpha1.Operation
	// Key is the NLB that the change is made in.
	Key exoscale.Key
	// Doing says what an action does, for messages ("Creating the NLB").
	Doing func(v1alpha1.OperationAction) string
}

// Progress looks at the recorded operation. If out isn't nil it stands in the
// way: it is under way, or has failed (then the entry is closed). ended tells
// that it has succeeded.
func (j *Journal) Progress(ctx context.Context, entry Entry) (out *outcome.Outcome, ended bool) {
	op := *entry.Operation
	if op == nil || op.ID == "" {
		return nil, false
	}
	result := j.operations.Result(entry.Key.Zone, op.ID)
	if result.State == exoscale.Unknown { // started before a restart
		j.operations.Resume(entry.Key, j.owner(entry), op.ID)
	}
	waiting, inTheWay, failure := outcome.Progress(*op, result)
	switch {
	case failure != nil:
		*entry.Operation = nil
		j.operations.Forget(entry.Key.Zone, op.ID)
		log.FromContext(ctx).Info("A change at Exoscale failed", "action", op.Action, "cloudName", op.Name, "zone", entry.Key.Zone, "operation", op.ID, "error", failure.Error())
		failed := j.Failed(entry, outcome.FromCloud(entry.Doing(op.Action), failure))
		return &failed, false
	case inTheWay:
		return &waiting, false
	default:
		return nil, true
	}
}

// Unseen gives the outcome while the effect of a change that has succeeded isn't
// shown yet; nil once it has been waited for long enough.
func (j *Journal) Unseen(entry Entry) *outcome.Outcome {
	if j.clock.Since((*entry.Operation).StartedAt.Time) > Visibility {
		return nil
	}
	out := outcome.Waiting(v1alpha1.ReasonWaitingForOperation, entry.Doing((*entry.Operation).Action)+
		" has ended; waiting until Exoscale shows it").Within(effectNet)
	return &out
}

// Conclude closes the entry and returns it: the operation has succeeded, or it
// was only an intent about whose effect the cloud has now been asked (then it
// has no id). It returns nil if there was none.
func (j *Journal) Conclude(entry Entry) *v1alpha1.Operation {
	op := *entry.Operation
	if op != nil && op.ID != "" {
		j.Succeeded(entry)
		j.operations.Forget(entry.Key.Zone, op.ID)
	}
	*entry.Operation = nil
	return op
}

// Start begins a change: it writes the intent, sends the request, and writes the
// id of the operation. started may note in the status what the answer tells,
// before it is written. The error is one of the API server's; what the cloud
// says is the outcome.
func (j *Journal) Start(ctx context.Context, entry Entry, status Status, begin Begin, started func(exoscale.Operation)) (outcome.Outcome, error) {
	if held, is := j.failures.Holding(entry.Object.GetUID(), entry.Object.GetGeneration()); is {
		*entry.Operation = nil
		return held, nil
	}
	(*entry.Operation).StartedAt = metav1.NewTime(j.clock.Now())
	if err := status.Intent(ctx); err != nil {
		return outcome.Outcome{}, err
	}
	// From here on a shutdown has to wait: what was asked of Exoscale is recorded.
	ctx = context.WithoutCancel(ctx)
	op, err := j.operations.Start(ctx, entry.Key, j.owner(entry), begin)
	logger := log.FromContext(ctx).WithValues("action", (*entry.Operation).Action, "cloudName", (*entry.Operation).Name, "zone", entry.Key.Zone)
	if err != nil {
		if exoscale.ClassOf(err) != exoscale.Busy {
			logger.Info("Exoscale refused a change", "error", err.Error())
		}
		return j.refused(entry, err), nil
	}
	logger.Info("Started a change at Exoscale", "operation", op.ID)
	(*entry.Operation).ID = op.ID
	started(op)
	if err := status.StatusAnyway(ctx); err != nil {
		return outcome.Outcome{}, err
	}
	out, _, _ := outcome.Progress(**entry.Operation, exoscale.Result{State: exoscale.Pending})
	return out, nil
}

// refused is the outcome of a request that failed. Only if it may have had its
// effect all the same does the intent stay.
func (j *Journal) refused(entry Entry, err error) outcome.Outcome {
	out := outcome.FromCloud(entry.Doing((*entry.Operation).Action), err)
	if exoscale.ClassOf(err) != exoscale.Transient {
		*entry.Operation = nil
	}
	if exoscale.ClassOf(err) == exoscale.Busy {
		return out // no failure: we are woken when the other change has ended
	}
	return j.Failed(entry, out)
}

// Failed remembers a failure: the next attempt waits, longer each time.
func (j *Journal) Failed(entry Entry, out outcome.Outcome) outcome.Outcome {
	return j.failures.Failed(entry.Object.GetUID(), entry.Object.GetGeneration(), out)
}

// Succeeded forgets the failures of an object that is fine, or gone.
func (j *Journal) Succeeded(entry Entry) {
	j.failures.Succeeded(entry.Object.GetUID())
}

func (j *Journal) owner(entry Entry) exoscale.Owner {
	return exoscale.Owner{Kind: j.kind, NamespacedName: client.ObjectKeyFromObject(entry.Object)}
}
