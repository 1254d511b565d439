package nlbservice

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// The times after which a pool that could not be forwarded to is tried again for
// the same spec. Each attempt costs a gap in traffic.
const (
	refusedFor = time.Hour
	failedFor  = 10 * time.Minute // for a reason that may pass
)

// refusals remembers the pools to which a service could not be moved: it went
// back to the pool it had. It is memory only: after a restart the pool is tried
// once more.
type refusals struct {
	clock clock.PassiveClock

	mu     sync.Mutex
	trying map[types.UID]string // the pool of the add that is under way
	last   map[types.UID]refusal
}

type refusal struct {
	generation int64
	poolID     string
	until      time.Time
	outcome    outcome.Outcome
}

func newRefusals(c clock.PassiveClock) *refusals {
	return &refusals{clock: c, trying: map[types.UID]string{}, last: map[types.UID]refusal{}}
}

// tries notes which pool an add forwards to.
func (r *refusals) tries(object *v1alpha1.NLBService, poolID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trying[object.UID] = poolID
}

// failed remembers that the add which was tried has failed, and tells whether
// the service has another pool to go back to.
func (r *refusals) failed(object *v1alpha1.NLBService, out outcome.Outcome) (back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	poolID, before := r.trying[object.UID], object.Status.InstancePoolID
	if object.Status.ReplacedAt == nil || poolID == "" || before == "" || before == poolID {
		return false
	}
	wait, when := failedFor, "10 minutes"
	if out.Kind == outcome.KindBlocked {
		wait, when = refusedFor, "an hour"
	}
	out.Message += ". Traffic stays with the instance pool it went to before; this one is tried again when the spec changes, or after " + when
	r.last[object.UID] = refusal{generation: object.Generation, poolID: poolID, until: r.clock.Now().Add(wait), outcome: out}
	return true
}

// of is the outcome of the refusal of a pool for the spec as it is; nil if none.
func (r *refusals) of(object *v1alpha1.NLBService, poolID string) *outcome.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, is := r.last[object.UID]
	if !is || last.generation != object.Generation || last.poolID != poolID || r.clock.Now().After(last.until) {
		return nil
	}
	out := last.outcome
	out.After = outcome.BlockedNet
	return &out
}

// instead is the pool to forward to: the one that the target means, or the one
// before if that was refused.
func (r *refusals) instead(object *v1alpha1.NLBService, poolID string) string {
	if r.of(object, poolID) != nil && object.Status.InstancePoolID != "" {
		return object.Status.InstancePoolID
	}
	return poolID
}

func (r *refusals) forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.last, uid)
	delete(r.trying, uid)
}
