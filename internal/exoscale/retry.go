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
// ever are, and only for a cause that passes: no answer, 429, 5xx.
func (p retryPolicy) next(method string, attempt int, resp *http.Response, err error, now time.Time) (time.Duration, bool) {
	if method != http.MethodGet || attempt >= p.attempts || !passes(resp, err) {
		return 0, false
	}
	wait := p.first << (attempt - 1)
	if resp != nil {
		wait = max(wait, retryAfter(resp.Header, now))
	}
	if wait > p.longest {
		return 0, false
	}
	return wait + rand.N(wait/4+1), true //nolint:gosec // spreading load needs no secret randomness
}

func passes(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled)
	}
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError
}
