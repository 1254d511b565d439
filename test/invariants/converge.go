package invariants

import (
	"context"
	"fmt"
	"time"
)

// lookAgain is the time between two looks while something changes.
const lookAgain = 100 * time.Millisecond

// Rest is how to tell that nothing is written any more.
type Rest struct {
	// Writes describes all writes of the operator so far, to either side.
	Writes func() []string
	// For is how long none may happen: two sync periods of the operator at least.
	For time.Duration
}

// Converges waits until all is as wanted and stays so without another write.
// want is asked again at each look, since what is wanted may depend on what the
// API server has chosen. When ctx ends before, the error tells what is broken,
// or what goes on being written.
func Converges(ctx context.Context, w World, want func(Seen) (Want, error), rest Rest) error {
	var broken error
	for {
		err := w.rests(ctx, want, rest)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || broken == nil {
			broken = err // and not that it could not be looked at any more
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it doesn't converge: %w", broken)
		case <-time.After(lookAgain):
		}
	}
}

// rests tells whether all is as wanted now, and for a while.
func (w World) rests(ctx context.Context, want func(Seen) (Want, error), rest Rest) error {
	if err := w.judge(ctx, want); err != nil {
		return err
	}
	before := len(rest.Writes())
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rest.For):
	}
	if after := rest.Writes(); len(after) > before {
		return fmt.Errorf("all is as wanted, and still it writes: %q", after[before:])
	}
	return w.judge(ctx, want)
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
