// Package pacing holds what all controllers share about when they work: how
// many objects at once, how soon after a failure, and on which changes.
package pacing

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/internal/fairqueue"
)

// CacheLag is how soon to look again when a write showed that the cache was
// behind.
const CacheLag = 300 * time.Millisecond

// The delays between two rounds that fail unexpectedly, doubling.
const (
	firstRetry   = 200 * time.Millisecond
	longestRetry = time.Minute
)

// Options of a controller that looks at so many objects at once.
// skipNameValidation lets several managers live in one process.
func Options(maxConcurrentReconciles int, skipNameValidation bool) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: maxConcurrentReconciles,
		SkipNameValidation:      &skipNameValidation,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, longestRetry),
	}
}

// FairOptions are Options of a controller whose objects belong to tenants: their
// namespaces take turns, and none of them occupies all workers (see share).
func FairOptions(maxConcurrentReconciles int, skipNameValidation bool) controller.Options {
	options := Options(maxConcurrentReconciles, skipNameValidation)
	options.NewQueue = func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
		return fairqueue.New(name, limiter, share(maxConcurrentReconciles))
	}
	return options
}

// Asked passes what users write: what we write into the status ourselves is no
// reason to look again.
func Asked() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// share is how many workers one namespace may occupy: more than may wait for a slow
// zone (half of them for changes that begin, a quarter for reads), so that such a zone
// doesn't keep a namespace from what it has elsewhere; and never all.
func share(workers int) int { return max(1, workers-max(1, workers/4)) }
