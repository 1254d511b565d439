package exoscale

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestRetryPolicy(t *testing.T) {
	policy := retryPolicy{attempts: 3, first: 100 * time.Millisecond, longest: time.Second}
	broken := errors.New("connection reset by peer")
	for name, tc := range map[string]struct {
		method   string
		attempt  int
		status   int
		asked    time.Duration
		err      error
		again    bool
		min, max time.Duration
	}{
		"a read without an answer is repeated":         {"GET", 1, 0, 0, broken, true, 100 * time.Millisecond, 126 * time.Millisecond},
		"the wait doubles":                             {"GET", 2, 0, 0, broken, true, 200 * time.Millisecond, 251 * time.Millisecond},
		"not for ever":                                 {"GET", 3, 0, 0, broken, false, 0, 0},
		"a read that was given up isn't repeated":      {"GET", 1, 0, 0, context.Canceled, false, 0, 0},
		"a read that took too long is repeated":        {"GET", 1, 0, 0, context.DeadlineExceeded, true, 100 * time.Millisecond, 126 * time.Millisecond},
		"503 is repeated":                              {"GET", 1, 503, 0, nil, true, 100 * time.Millisecond, 126 * time.Millisecond},
		"429 is repeated when the API says":            {"GET", 1, 429, 1 * time.Second, nil, true, time.Second, 1251 * time.Millisecond},
		"not if it says too late":                      {"GET", 1, 429, 60 * time.Second, nil, false, 0, 0},
		"404 is an answer":                             {"GET", 1, 404, 0, nil, false, 0, 0},
		"200 is an answer":                             {"GET", 1, 200, 0, nil, false, 0, 0},
		"a create without an answer is never repeated": {"POST", 1, 0, 0, broken, false, 0, 0},
		"nor one with 503":                             {"POST", 1, 503, 0, nil, false, 0, 0},
		"nor a 429":                                    {"POST", 1, 429, 1 * time.Second, nil, false, 0, 0},
		"an update is never repeated":                  {"PUT", 1, 0, 0, broken, false, 0, 0},
		"a delete is never repeated":                   {"DELETE", 1, 0, 0, broken, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			wait, again := policy.next(tc.method, tc.attempt, tc.status, tc.asked, tc.err)
			if again != tc.again || wait < tc.min || wait > tc.max {
				t.Errorf("got %v after %v, want %v after %v to %v", again, wait, tc.again, tc.min, tc.max)
			}
		})
	}
}

func TestRetryAfterReadsBothForms(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Minute).Format(http.TimeFormat):     0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestListsAreRetriedSlowerAndSlower(t *testing.T) {
	for name, tc := range map[string]struct {
		failures int
		interval time.Duration
		err      error
		want     time.Duration
	}{
		"first":                         {1, time.Hour, nil, time.Second},
		"fourth":                        {4, time.Hour, nil, 8 * time.Second},
		"at most half a minute":         {50, time.Hour, nil, 30 * time.Second},
		"never slower than the list is": {50, 10 * time.Second, nil, 10 * time.Second},
		"unless the API asks for more":  {1, time.Hour, &Error{RetryAfter: time.Minute}, time.Minute},
	} {
		if got := retryDelay(tc.failures, tc.interval, tc.err); got < tc.want || got > tc.want+tc.want/10+1 {
			t.Errorf("%s: got %v, want %v and a tenth", name, got, tc.want)
		}
	}
}
