package udphealth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// Watcher checks targets, each at its own interval, and writes on the Board.
type Watcher struct {
	Targets []udpprobe.Target
	Board   *Board
	Log     *slog.Logger
	// ProcNet is the folder of that name but for tests.
	ProcNet string
}

// Run checks every target at once, and then again and again until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	defer watching.Wait()
	exchanges := &udpprobe.Exchanges{}
	for number, target := range w.Targets {
		check, err := w.check(target, exchanges)
		if err != nil {
			return fmt.Errorf("target %s: %w", target, err)
		}
		watching.Go(func() { w.watch(ctx, number, target.Interval, check) })
	}
	return nil
}

func (w *Watcher) watch(ctx context.Context, number int, interval time.Duration, check func(context.Context) error) {
	for {
		err := check(ctx)
		if ctx.Err() != nil {
			return // it was cut short, and says nothing
		}
		if changed, status := w.Board.Record(number, err, time.Now()); changed {
			w.tell(status, err)
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Watcher) tell(status TargetStatus, err error) {
	if err == nil {
		w.Log.Info("target is healthy", "target", status.Name)
		return
	}
	about := []any{"target", status.Name, "error", err.Error()}
	if mismatch := (*udpprobe.Mismatch)(nil); errors.As(err, &mismatch) {
		about = append(about, "reply", mismatch.Reply)
	}
	w.Log.Warn("target is unhealthy", about...)
}

// check is what is done at each interval.
func (w *Watcher) check(target udpprobe.Target, exchanges *udpprobe.Exchanges) (func(context.Context) error, error) {
	if target.Mode == udpprobe.ModeSocket {
		return func(context.Context) error {
			_, err := w.bound(target.Port)
			return err
		}, nil
	}
	exchange, err := exchanges.New(target.Check)
	if err != nil {
		return nil, err
	}
	a := &asker{exchange: exchange, port: uint16(target.Port), timeout: target.Timeout, buffer: make([]byte, udpprobe.MaxReply)} //nolint:gosec // 1-65535
	return func(ctx context.Context) error {
		bound, err := w.bound(target.Port)
		if err != nil {
			return err
		}
		return a.ask(ctx, whereToAsk(bound))
	}, nil
}

// bound is an error if there is no socket.
func (w *Watcher) bound(port int32) ([]netip.Addr, error) {
	addresses, err := boundTo(w.ProcNet, port)
	if err == nil && len(addresses) == 0 {
		err = fmt.Errorf("no UDP socket is bound to port %d", port)
	}
	return addresses, err
}
