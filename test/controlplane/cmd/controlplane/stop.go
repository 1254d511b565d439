package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// stopTimeout is longer than what etcd, the API server and the controllers may
// take one after the other before they are killed.
const stopTimeout = 2 * time.Minute

// stop ends the control plane and returns when it is gone.
func stop(ctx context.Context, h home) error {
	who, err := h.occupant()
	if err != nil {
		return err
	}
	if who == nil {
		fmt.Println("No control plane runs.")
		return nil
	}
	if err := syscall.Kill(who.PID, syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end process %d: %w", who.PID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for {
		left, err := h.occupant()
		if err != nil {
			return err
		}
		if left == nil {
			fmt.Println("The control plane is stopped.")
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d still runs: %w; see %s", who.PID, ctx.Err(), h.logFile())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
