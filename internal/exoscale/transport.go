package exoscale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// oversized is that the answer to a read is too long. Asking again wouldn't make it
// shorter.
type oversized struct{ most int64 }

// Error implements error.
func (o oversized) Error() string {
	return fmt.Sprintf("the answer is longer than %d MiB, which is all that is taken: raise --exoscale-max-answer, and the memory of the operator with it", o.most>>20)
}

func isOversized(err error) bool {
	_, is := errors.AsType[oversized](err)
	return is
}

// transport carries the requests of one zone: it holds to the zone's rate limit,
// gives every attempt a time limit, counts, and repeats reads that failed in
// passing. A change is sent exactly once: its answer may be lost after its effect.
type transport struct {
	zone    string
	next    http.RoundTripper
	limiter *rate.Limiter
	timeout time.Duration
	most    int64 // bytes of an answer
	retry   retryPolicy
	metrics *metrics
	clock   clock.WithTicker
}

// RoundTrip implements http.RoundTripper. The answer's body is read already, so
// that a connection that breaks in its middle counts as a failed attempt.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callOf(req.Context())
	for attempt := 1; ; attempt++ {
		resp, err := t.attempt(req, c)
		wait, again := t.retry.next(req.Method, attempt, c.status, c.retryAfter, err)
		if !again || req.Context().Err() != nil {
			return resp, err
		}
		select {
		case <-req.Context().Done():
			return resp, err
		case <-t.clock.After(wait):
		}
	}
}

// attempt sends the request once, and notes in the call what came back.
func (t *transport) attempt(req *http.Request, c *call) (*http.Response, error) {
	c.status, c.retryAfter = 0, 0
	if err := t.throttle(req.Context()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	started := t.clock.Now()
	resp, err := t.send(req.Clone(ctx))
	code := "none"
	if resp != nil {
		c.status = resp.StatusCode
		c.retryAfter = retryAfter(resp.Header, t.clock.Now())
		code = strconv.Itoa(resp.StatusCode)
	}
	t.metrics.observe(c.operation, t.zone, code, t.clock.Since(started))
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// send gives the answer with its body in memory. An answer whose body can't be
// read is returned together with the error, for its status.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.ContentLength > t.most {
		return resp, t.tooLong(req)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, t.most+1))
	switch {
	case err != nil:
		return resp, fmt.Errorf("reading the answer: %w", err)
	case int64(len(body)) > t.most:
		return resp, t.tooLong(req)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// tooLong is the error of an answer that is too long. That to a change is lost.
func (t *transport) tooLong(req *http.Request) error {
	if req.Method != http.MethodGet {
		return fmt.Errorf("the answer is longer than %d MiB", t.most>>20)
	}
	return oversized{t.most}
}

// throttle waits for the zone's turn.
func (t *transport) throttle(ctx context.Context) error {
	started := t.clock.Now()
	if err := t.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.New("too many requests are waiting for the zone's rate limit")
	}
	t.metrics.throttled(t.zone, t.clock.Since(started))
	return nil
}

// longestAsked bounds how long an answer may ask to wait: one that is wrong, or a
// gateway's, must not silence a zone for hours.
const longestAsked = 2 * time.Minute

// retryAfter is how long an answer asks to wait, in the header's two forms:
// seconds or a date. 0 if it doesn't, or asks nonsense. It is the only place that
// reads the header, so that the bound holds wherever somebody waits.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, int64(longestAsked/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), longestAsked)
	}
	return 0
}

// httpClient wraps a transport for the SDK. Redirects are not followed: a
// redirected change would be sent twice.
func httpClient(t *transport) *http.Client {
	return &http.Client{
		Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// baseTransport is the connection pool that all zones share.
func baseTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	return t
}
