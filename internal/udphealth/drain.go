package udphealth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"
)

// drainAddress is a socket without a file, since the container has no place to
// write to. Only processes of the same network namespace reach it, which is the
// Pod's; there may be several of us in one.
func drainAddress(healthPort int) string { return fmt.Sprintf("@udp-healthcheck-%d", healthPort) }

const (
	drainAnswer  = "draining\n"
	drainTimeout = 2 * time.Second
)

// Drainer lets AskToDrain turn the health bad.
type Drainer struct {
	// HealthPort tells it from others in the Pod.
	HealthPort int
	Board      *Board
	Log        *slog.Logger
}

// Listen waits for somebody who asks; closing is to be called in the end.
func (d *Drainer) Listen(ctx context.Context) (closing func() error, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", drainAddress(d.HealthPort))
	if err != nil {
		return nil, err
	}
	go d.serve(listener)
	return listener.Close, nil
}

func (d *Drainer) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many files are open, most likely
			time.Sleep(retryAfter)
			continue
		}
		if d.Board.Drain() {
			d.Log.Info("draining: the health is bad for good")
		}
		_ = conn.SetDeadline(time.Now().Add(drainTimeout))
		_, _ = io.WriteString(conn, drainAnswer)
		conn.Close()
	}
}

// AskToDrain turns the health of the process with this health port bad, for good.
// It returns once that is so.
func AskToDrain(ctx context.Context, healthPort int) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", drainAddress(healthPort))
	if err != nil {
		return fmt.Errorf("no udp-healthcheck with health port %d runs in this network namespace: %w", healthPort, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(drainTimeout))
	answer, err := io.ReadAll(io.LimitReader(conn, int64(len(drainAnswer))))
	if err == nil && string(answer) != drainAnswer {
		err = fmt.Errorf("the answer is %q", answer)
	}
	if err != nil {
		return fmt.Errorf("the udp-healthcheck with health port %d didn't confirm that it drains: %w", healthPort, err)
	}
	return nil
}
