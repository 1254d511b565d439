package release

import (
	"context"
	"fmt"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// perform makes the change of a step, and returns once Exoscale has ended it.
func (r *Releaser) perform(ctx context.Context, s step) error {
	// Whatever comes of it, what is remembered of the NLB isn't true any more.
	defer r.Inventory.Invalidate(s.key)
	op, err := s.begin(ctx)
	if err != nil {
		return err
	}
	for op.State == exoscale.Pending {
		if err := r.pause(ctx); err != nil {
			return err
		}
		asked, err := r.Cloud.GetOperation(ctx, s.key.Zone, op.ID)
		switch exoscale.ClassOf(err) {
		case "":
			op.State, op.Reason, op.Message = asked.State, asked.Reason, asked.Message
		case exoscale.Transient: // asked again
		default:
			return fmt.Errorf("asking how operation %s went: %w", op.ID, err)
		}
	}
	return op.Err()
}

// pause lets a moment pass.
func (r *Releaser) pause(ctx context.Context) error {
	timer := time.NewTimer(r.PollInterval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
