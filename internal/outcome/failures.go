package outcome

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// The delays between two attempts at a change that fails, doubling: where it may succeed
// by itself, and where a person has to make it possible and nothing shows that.
const (
	firstDelay   = 2 * time.Second
	longestDelay = time.Minute

	firstHold   = time.Minute
	longestHold = 10 * time.Minute
)

// Failures remembers, for each object, how its last change failed, so that it isn't
// repeated by whatever wakes the object meanwhile:
//
//	failure                 │ the same change         │ another change
//	────────────────────────┼─────────────────────────┼───────────────
//	may pass by itself      │ after a delay           │ after a delay
//	a person has to mend it │ once the cause may be   │ after a delay
//	(Blocked)               │ gone; else after a hold │
//	… and it is urgent      │ after a delay           │ after a delay
//
// The cause may be gone once the credentials have changed, the zone is readable again,
// or, of a quota, there is more room. A new generation of the object is tried at once.
// It is memory only: a restart tries everything again.
type Failures struct {
	clock  clock.PassiveClock
	delays *flowcontrol.Backoff
	holds  *flowcontrol.Backoff

	mu   sync.Mutex
	last map[types.UID]failure
}

// Attempt is a change that is tried, or is to be, and what decides on it.
type Attempt struct {
	// Generation of the object.
	Generation int64
	Action     v1alpha1.OperationAction
	// Wants is what is to be written, in words that tell it from others; empty: unknown,
	// or always the same.
	Wants string
	// Urgent: nothing serves the traffic until it succeeds, so it isn't held.
	Urgent bool
	// Allowance as it was right before the attempt.
	Allowance exoscale.Allowance
}

type failure struct {
	outcome Outcome
	attempt Attempt
	// delayed is when the next attempt may be made, held when the next at the same
	// change may.
	delayed, held time.Time
}

// NewFailures makes an empty memory.
func NewFailures(c clock.Clock) *Failures {
	f := &Failures{
		clock:  c,
		delays: flowcontrol.NewBackOffWithJitter(firstDelay, longestDelay, 0.2),
		holds:  flowcontrol.NewBackOffWithJitter(firstHold, longestHold, 0.2),
		last:   map[types.UID]failure{},
	}
	f.delays.Clock, f.holds.Clock = c, c
	return f
}

// Failed remembers that a change of an object failed, and gives the outcome the
// delay until the next attempt.
func (f *Failures) Failed(uid types.UID, attempt Attempt, out Outcome) Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	after := func(grows *flowcontrol.Backoff) time.Duration {
		grows.Next(string(uid), now)
		return grows.Get(string(uid))
	}
	out.After = after(f.delays)
	last := failure{attempt: attempt, delayed: now.Add(out.After)}
	if out.Kind == KindBlocked {
		out.After = after(f.holds)
	} else {
		f.holds.DeleteEntry(string(uid))
	}
	last.outcome, last.held = out, now.Add(out.After)
	f.last[uid] = last
	return out
}

// Holding gives the last failure of an object while it isn't time for the attempt.
func (f *Failures) Holding(uid types.UID, attempt Attempt) (Outcome, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, is := f.last[uid]
	left := last.until(attempt).Sub(f.clock.Now())
	if !is || last.attempt.Generation != attempt.Generation || left <= 0 {
		return Outcome{}, false
	}
	last.attempt.Allowance = tightest(last.attempt.Allowance, attempt.Allowance)
	f.last[uid] = last
	last.outcome.After = left
	return last.outcome, true
}

// tightest is what was allowed when a change failed, by what was seen since then: memory
// may have been behind.
func tightest(then, now exoscale.Allowance) exoscale.Allowance {
	then.Used = max(then.Used, now.Used)
	if now.Limit > 0 {
		then.Limit = min(then.Limit, now.Limit)
	}
	return then
}

// until is when an attempt may be made.
func (f failure) until(attempt Attempt) time.Time {
	then, now := f.attempt, attempt
	switch {
	case now.Urgent, now.Action != then.Action, then.Wants != "" && now.Wants != then.Wants:
		return f.delayed
	case f.outcome.Kind == KindBlocked && f.mayBeGone(now.Allowance):
		return time.Time{}
	default:
		return f.held
	}
}

// mayBeGone reports whether the cause of a refusal may be gone.
func (f failure) mayBeGone(now exoscale.Allowance) bool {
	then := f.attempt.Allowance
	return now.Access != then.Access ||
		f.outcome.Reason == v1alpha1.ReasonQuotaExceeded && (now.Used < then.Used || now.Limit > then.Limit)
}

// Succeeded forgets the failures of an object that is fine, or gone.
func (f *Failures) Succeeded(uid types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, uid)
	f.delays.DeleteEntry(string(uid))
	f.holds.DeleteEntry(string(uid))
}
