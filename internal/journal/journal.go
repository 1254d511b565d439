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
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
	Busy(key exoscale.Key, owner exoscale.Owner) bool
	Resume(key exoscale.Key, owner exoscale.Owner, operationID string)
	Result(zone, operationID string) exoscale.Result
	Forget(zone, operationID string)
	Abandon(key exoscale.Key, operationID string)
	Allowance(key exoscale.Key) exoscale.Allowance
}

// Begin makes the one request that starts a change.
type Begin = func(context.Context) (exoscale.Operation, error)

// Journal of all objects of one kind.
type Journal struct {
	kind       string
	operations Operations
	clock      clock.Clock
	failures   *outcome.Failures

	mu   sync.Mutex
	last map[types.UID]attempt
}

// attempt is a change that was started, in words that tell it from others.
type attempt struct {
	change, wants string
	at            time.Time
}

// New makes a journal for the objects of a kind.
func New(kind string, operations Operations, c clock.Clock) *Journal {
	return &Journal{kind: kind, operations: operations, clock: c, failures: outcome.NewFailures(c), last: map[types.UID]attempt{}}
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
	// Change tells the change that is to be made from others, with what it
	// starts from; empty if it can't be left without effect.
	Change string
	// Wants is what the change writes, in words that tell it from others: one that was
	// refused holds back others only for a moment. Empty: the action says it all.
	Wants string
	// Urgent: nothing serves the traffic until the change succeeds.
	Urgent bool
	// Doing says what an action does, for messages ("Creating the NLB").
	Doing func(v1alpha1.OperationAction) string
	// Notices get what Progress has to tell as an Event; may be nil.
	Notices *outcome.Notices
}

// Progress looks at the recorded operation. If out isn't nil it stands in the
// way: it is under way, or has failed, or has just been abandoned. If it failed the
// entry is closed, but for a create that may have had its effect, which stays without
// its id. ended tells that it has succeeded.
func (j *Journal) Progress(ctx context.Context, entry Entry) (out *outcome.Outcome, ended bool) {
	op := *entry.Operation
	if op == nil || op.ID == "" {
		return nil, false
	}
	result := j.operations.Result(entry.Key.Zone, op.ID)
	if pending(result) {
		if out := j.abandoned(ctx, entry); out != nil {
			return out, false
		}
	}
	if result.State == exoscale.Unknown { // started before a restart
		j.operations.Resume(entry.Key, j.owner(entry), op.ID)
	}
	waiting, inTheWay, failure := outcome.Progress(*op, result)
	switch {
	case failure != nil:
		log.FromContext(ctx).Info("A change at Exoscale failed", "action", op.Action, "cloudName", op.Name, "zone", entry.Key.Zone, "operation", op.ID, "error", failure.Error())
		j.operations.Forget(entry.Key.Zone, op.ID)
		entry.Wants = j.wanted(entry)
		j.forget(entry) // it wasn't made
		*entry.Operation = afterFailure(*op, exoscale.ClassOf(failure))
		failed := j.Failed(entry, j.attempt(entry, op.Action), outcome.FromCloud(entry.Doing(op.Action), failure))
		return &failed, false
	case inTheWay:
		waiting.Message += misnamed(entry)
		return &waiting, false
	default:
		return nil, true
	}
}

// afterFailure is what stays of an entry whose operation failed. What was to be
// made may be there all the same: the intent goes on proving whose it is. If it was
// surely not made, an earlier attempt whose answer was lost still may have been.
func afterFailure(op v1alpha1.Operation, class exoscale.Class) *v1alpha1.Operation {
	op.ID = ""
	switch {
	case op.Action != v1alpha1.ActionCreate:
		return nil
	case class != exoscale.Conflict && class != exoscale.Invalid:
		return &op
	case op.LostAt != nil:
		op.StartedAt, op.LostAt = *op.LostAt, nil
		return &op
	default:
		return nil
	}
}

// afterRefusal is what stays of an entry whose request was refused: the one that was
// there before, unless the request may have had its effect all the same.
func afterRefusal(before, op *v1alpha1.Operation, class exoscale.Class) *v1alpha1.Operation {
	if class == exoscale.Transient {
		return op
	}
	return before
}

// following is an intent that knows of the one before it: what was lost stays so.
func following(before *v1alpha1.Operation, intent v1alpha1.Operation) v1alpha1.Operation {
	if before == nil || before.ID != "" || before.Action != v1alpha1.ActionCreate || intent.Action != v1alpha1.ActionCreate {
		return intent
	}
	if intent.LostAt = before.LostAt; intent.LostAt == nil {
		intent.LostAt = &before.StartedAt
	}
	if before.Sent != "" && before.Sent == intent.Sent {
		intent.ServicesBefore = before.ServicesBefore // those that appeared since may be ours
	}
	return intent
}

// Unseen gives the outcome while the effect of a change that has succeeded, or
// whose answer was lost, isn't shown yet; nil once it has been waited for long
// enough.
func (j *Journal) Unseen(entry Entry) *outcome.Outcome {
	op := *entry.Operation
	if j.clock.Since(op.StartedAt.Time) > Visibility {
		return nil
	}
	said := " has ended; waiting until Exoscale shows it"
	if op.ID == "" {
		said = " may have been begun; waiting whether Exoscale shows it"
	}
	out := outcome.Waiting(v1alpha1.ReasonWaitingForOperation, entry.Doing(op.Action)+said).Within(effectNet)
	return &out
}

// Lost tells that the answer to a create was lost, and not long enough ago to be
// sure that nothing came of it. Such an entry is kept.
func (j *Journal) Lost(entry Entry) bool {
	op := *entry.Operation
	return op != nil && op.ID == "" && op.Action == v1alpha1.ActionCreate && j.clock.Since(op.StartedAt.Time) <= Visibility
}

// Expired tells that an intent is too old to prove anything: what it names may have
// been made by others since. An add that Exoscale accepted proves itself.
func (j *Journal) Expired(op *v1alpha1.Operation) bool {
	return op.ID == "" && j.clock.Since(op.StartedAt.Time) > Visibility
}

// MayAppear tells whether a create that was recorded as begun, with or without an
// answer, is young enough that what it makes may yet be shown.
func MayAppear(op *v1alpha1.Operation, now time.Time) bool {
	return op != nil && op.Action == v1alpha1.ActionCreate && now.Sub(op.StartedAt.Time) <= Visibility
}

// Conclude closes the entry and returns it: the operation has succeeded, or it
// was only an intent about whose effect the cloud has now been asked (then it
// has no id). It returns nil if there was none.
func (j *Journal) Conclude(ctx context.Context, entry Entry) *v1alpha1.Operation {
	op := *entry.Operation
	if op != nil && op.ID != "" {
		log.FromContext(ctx).Info("A change at Exoscale has ended", "action", op.Action, "cloudName", op.Name, "zone", entry.Key.Zone, "operation", op.ID)
		j.failures.Succeeded(entry.Object.GetUID())
		j.operations.Forget(entry.Key.Zone, op.ID)
	}
	*entry.Operation = nil
	return op
}

// Ineffective gives the outcome if the very change that is to be made was made a
// moment ago, succeeded, and Exoscale doesn't show it. It is waited for; after
// that it counts as failed, and is tried again.
func (j *Journal) Ineffective(entry Entry) *outcome.Outcome {
	uid := entry.Object.GetUID()
	j.mu.Lock()
	last, is := j.last[uid]
	late := j.clock.Since(last.at) > Visibility
	if late {
		delete(j.last, uid)
	}
	j.mu.Unlock()
	switch {
	case !is || entry.Change == "" || last.change != entry.Change:
		return nil
	case late:
		out := j.Failed(entry, outcome.Attempt{Generation: entry.Object.GetGeneration()}, outcome.Retry(v1alpha1.ReasonRetrying, "Exoscale accepted the change, but shows what was before; it is tried again", nil))
		return &out
	default:
		out := outcome.Waiting(v1alpha1.ReasonUpdating, "Exoscale accepted the change; waiting until it shows it").Within(effectNet)
		return &out
	}
}

// Held is why a change can't begin now: an earlier attempt has failed, and the cause is
// most likely there, or another change of the same NLB is in flight; nil if it can. It asks
// nobody, so it goes before a read for evidence.
func (j *Journal) Held(entry Entry, action v1alpha1.OperationAction) *outcome.Outcome {
	if held, is := j.failures.Holding(entry.Object.GetUID(), j.attempt(entry, action)); is {
		return &held
	}
	if j.operations.Busy(entry.Key, j.owner(entry)) {
		out := outcome.FromCloud(entry.Doing(action), exoscale.ErrBusy)
		return &out
	}
	return nil
}

// Start begins a change: it writes the intent, sends the request, and writes the
// id of the operation. started may note in the status what the answer tells,
// before it is written. The error is one of the API server's; what the cloud
// says is the outcome: Waiting if the change has begun, or has to wait for
// another one.
func (j *Journal) Start(ctx context.Context, entry Entry, intent v1alpha1.Operation, status Status, begin Begin, started func(exoscale.Operation)) (outcome.Outcome, error) {
	if held := j.Held(entry, intent.Action); held != nil {
		return *held, nil
	}
	before := (*entry.Operation).DeepCopy()
	intent = following(before, intent)
	intent.StartedAt = metav1.NewTime(j.clock.Now())
	*entry.Operation = &intent
	if err := status.Intent(ctx); err != nil {
		return outcome.Outcome{}, err
	}
	// From here on a shutdown has to wait: what was asked of Exoscale is recorded.
	ctx = context.WithoutCancel(ctx)
	tried := j.attempt(entry, intent.Action)
	op, err := j.operations.Start(ctx, entry.Key, j.owner(entry), begin)
	logger := log.FromContext(ctx).WithValues("action", intent.Action, "cloudName", intent.Name, "zone", entry.Key.Zone)
	if err != nil {
		if exoscale.ClassOf(err) != exoscale.Busy {
			logger.Info("Exoscale refused a change", "error", err.Error())
		}
		return j.refused(entry, tried, before, err), nil
	}
	logger.Info("Started a change at Exoscale", "operation", op.ID)
	intent.ID = op.ID
	j.remember(entry)
	started(op)
	if err := status.StatusAnyway(ctx); err != nil {
		if apierrors.IsNotFound(err) {
			logger.Info("The object vanished while a change was begun for it, so nobody follows that; somebody took its finalizer off, or the API server overlooked it", "operation", op.ID)
		}
		return outcome.Outcome{}, err
	}
	out, _, _ := outcome.Progress(intent, exoscale.Result{State: exoscale.Pending})
	return out, nil
}

func (j *Journal) remember(entry Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last[entry.Object.GetUID()] = attempt{change: entry.Change, wants: entry.Wants, at: j.clock.Now()}
}

// wanted is what the change wrote that was started last; empty if that isn't known.
func (j *Journal) wanted(entry Entry) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last[entry.Object.GetUID()].wants
}

// attempt is a change as it may be tried now.
func (j *Journal) attempt(entry Entry, action v1alpha1.OperationAction) outcome.Attempt {
	return outcome.Attempt{
		Generation: entry.Object.GetGeneration(), Action: action, Wants: entry.Wants, Urgent: entry.Urgent, Allowance: j.operations.Allowance(entry.Key),
	}
}

// refused is the outcome of a request that failed.
func (j *Journal) refused(entry Entry, tried outcome.Attempt, before *v1alpha1.Operation, err error) outcome.Outcome {
	out := outcome.FromCloud(entry.Doing((*entry.Operation).Action), err)
	*entry.Operation = afterRefusal(before, *entry.Operation, exoscale.ClassOf(err))
	if exoscale.ClassOf(err) == exoscale.Busy {
		return out // no failure: we are woken when the other change has ended
	}
	return j.Failed(entry, tried, out)
}

// Failed remembers a failure: the next attempt waits (see outcome.Failures).
func (j *Journal) Failed(entry Entry, tried outcome.Attempt, out outcome.Outcome) outcome.Outcome {
	return j.failures.Failed(entry.Object.GetUID(), tried, out)
}

// Succeeded forgets the attempts of an object that is as wanted, or gone.
func (j *Journal) Succeeded(entry Entry) {
	j.failures.Succeeded(entry.Object.GetUID())
	j.forget(entry)
}

func (j *Journal) forget(entry Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.last, entry.Object.GetUID())
}

func (j *Journal) owner(entry Entry) exoscale.Owner {
	return exoscale.Owner{Kind: j.kind, NamespacedName: client.ObjectKeyFromObject(entry.Object)}
}
