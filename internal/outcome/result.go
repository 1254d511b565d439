package outcome

import (
	"math/rand/v2"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Result turns the outcome, and the error of writing the status, into what the
// work queue does next. Only a Retry, or a status that could not be written,
// goes back as an error: the queue's backoff serves it. Everything else is woken
// by an event; a delay, jittered so that objects spread out, is the net behind it.
func (o Outcome) Result(patchErr error) (reconcile.Result, error) {
	switch {
	case patchErr != nil:
		return reconcile.Result{}, patchErr
	case o.Kind == KindRetry && o.Err != nil:
		return reconcile.Result{}, o.Err
	case o.After > 0:
		return reconcile.Result{RequeueAfter: jitter(o.After)}, nil
	default:
		return reconcile.Result{}, nil
	}
}

// jitter spreads a delay over up to a fifth more than asked for.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1)) //nolint:gosec // spreading load needs no secret randomness
}
