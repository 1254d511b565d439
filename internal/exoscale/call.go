package exoscale

import (
	"context"
	"time"
)

// call goes with one request through the SDK to the transport, by its context,
// and brings back what the SDK's errors don't tell.
type call struct {
	operation string // the operationId of Exoscale's API document
	object    string
	zone      string
	ids       []string // that go into the request's path

	status     int // of the last answer; 0 if there was none
	retryAfter time.Duration
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf is the call that a request belongs to; never nil.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{operation: "unknown"}
}
