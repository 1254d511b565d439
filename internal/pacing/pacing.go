// Package pacing holds what all controllers share about when they work: how
// many objects at once, how soon after a failure, and on which changes.
package pacing

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
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

// Asked passes what users write: what we write into the status ourselves is no
// reason to look again.
func Asked() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}
