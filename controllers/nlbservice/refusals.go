package nlbservice

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// refusals remembers the pools that Exoscale refused to forward to while a
// service was being replaced: the service goes back to the pool it had, and the
// refused one isn't tried again for the same spec, since each attempt costs a
// gap in traffic. It is memory only: after a restart it is tried once more.
type refusals struct {
	mu   sync.Mutex
	last map[types.UID]refusal
}

type refusal struct {
	generation int64
	poolID     string
	outcome    outcome.Outcome
}

func newRefusals() *refusals { return &refusals{last: map[types.UID]refusal{}} }

// remember a pool that was refused, if the service had another one before.
func (r *refusals) remember(object *v1alpha1.NLBService, poolID string, out outcome.Outcome) {
	if before := object.Status.InstancePoolID; before == "" || before == poolID {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[object.UID] = refusal{generation: object.Generation, poolID: poolID, outcome: out}
}

// of is the outcome of the refusal of a pool for the spec as it is; nil if none.
func (r *refusals) of(object *v1alpha1.NLBService, poolID string) *outcome.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, is := r.last[object.UID]
	if !is || last.generation != object.Generation || last.poolID != poolID {
		return nil
	}
	out := last.outcome
	out.Message += ". Traffic stays with the instance pool it went to before"
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
}
