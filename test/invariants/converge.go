package invariants

import (
	"context"
	"fmt"
	"time"
)

// Rest is how to tell that nothing is written any more.
type Rest struct {
	// Writes describes all writes of the operator so far, to either side.
	Writes func() []string
	// For is how long none may happen: two sync periods of the operator at least.
	For time.Duration
}

// Converges waits until nothing is written for a while, and all is as wanted then.
// want is asked at each look, since what is wanted may depend on what the API
// server has chosen. When ctx ends before, the error tells what is broken, or
// what goes on being written.
func Converges(ctx context.Context, w World, want func(Seen) (Want, error), rest Rest) error {
	for {
		before := len(rest.Writes())
		over := false
		select {
		case <-ctx.Done():
			over = true
		case <-time.After(rest.For):
		}
		written := rest.Writes()[before:]
		if len(written) > 0 && !over {
			continue
		}
		err := w.judge(ctx, want)
		switch {
		case err == nil && !over:
			return nil
		case err == nil:
			return fmt.Errorf("it doesn't come to rest, though all is as wanted; last it wrote %q", written)
		case over:
			return fmt.Errorf("it doesn't converge: %w", err)
		}
	}
}

// judge looks, and tells what is broken.
func (w World) judge(ctx context.Context, want func(Seen) (Want, error)) error {
	seen, err := w.Look(context.WithoutCancel(ctx)) // so that at the end there is something to tell
	if err != nil {
		return err
	}
	wanted, err := want(seen)
	if err != nil {
		return err
	}
	return wanted.Broken(seen)
}
