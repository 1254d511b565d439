package exoscale

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// retryPolicy says when a request is sent again.
type retryPolicy struct {
	attempts int           // in all
	first    time.Duration // before the second attempt; doubled for each further one
	longest  time.Duration // no wait is longer; an API that asks for more is not asked again
}

var defaultRetries = retryPolicy{attempts: 3, first: 200 * time.Millisecond, longest: 5 * time.Second}

// next tells whether a request is sent again, and after which wait. Only reads
// ever are, and only for a cause that passes: no answer (err), 429, 5xx. asked is
// how long the API asked to wait; 0 if it didn't.
func (p retryPolicy) next(method string, attempt, status int, asked time.Duration, err error) (time.Duration, bool) {
	if method != http.MethodGet || attempt >= p.attempts || !passes(status, err) {
		return 0, false
	}
	wait := max(p.first<<(attempt-1), asked)
	if wait > p.longest {
		return 0, false
	}
	return wait + rand.N(wait/4+1), true
}

func passes(status int, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled) && !isOversized(err)
	}
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}
