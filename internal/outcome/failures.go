package outcome

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
)

// The delays between two attempts at a change that fails, doubling.
const (
	firstDelay   = 2 * time.Second
	longestDelay = time.Minute
)

// Failures remembers, for each object, how its last change failed, so that it is
// tried again with growing delays whatever wakes the object meanwhile. A new
// generation of the object is tried at once. It is memory only: a restart tries
// everything again.
type Failures struct {
	clock   clock.PassiveClock
	backoff *flowcontrol.Backoff

	mu   sync.Mutex
	last map[types.UID]failure
}

type failure struct {
	outcome    Outcome
	generation int64
	until      time.Time
}

// NewFailures makes an empty memory.
func NewFailures(c clock.Clock) *Failures {
	backoff := flowcontrol.NewBackOffWithJitter(firstDelay, longestDelay, 0.2)
	backoff.Clock = c
	return &Failures{
		clock:   c,
		backoff: backoff,
		last:    map[types.UID]failure{},
	}
}

// Failed remembers that a change of an object failed, and gives the outcome the
// delay until the next attempt.
func (f *Failures) Failed(uid types.UID, generation int64, out Outcome) Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	f.backoff.Next(string(uid), now)
	out.After = f.backoff.Get(string(uid))
	f.last[uid] = failure{outcome: out, generation: generation, until: now.Add(out.After)}
	return out
}

// Holding gives the last failure of an object while it isn't time for the next
// attempt.
func (f *Failures) Holding(uid types.UID, generation int64) (Outcome, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, is := f.last[uid]
	left := last.until.Sub(f.clock.Now())
	if !is || last.generation != generation || left <= 0 {
		return Outcome{}, false
	}
	last.outcome.After = left
	return last.outcome, true
}

// Succeeded forgets the failures of an object that is fine, or gone.
func (f *Failures) Succeeded(uid types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, uid)
	f.backoff.DeleteEntry(string(uid))
}
