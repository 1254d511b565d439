package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/exoscale-community/nlb-operator/internal/udphealth"
)

// program is what it is started with.
type program struct {
	args     []string
	lookup   func(string) (string, bool)
	out, err io.Writer
}

func (p program) run(ctx context.Context) error {
	s, err := parse(p.args, p.lookup, p.out)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case s.drain && err == nil:
		return udphealth.AskToDrain(ctx, s.healthPort)
	case s.version && err == nil:
		fmt.Fprintln(p.out, version)
		return nil
	case err != nil && (s.drain || !s.injected):
		return err
	}
	return p.watch(ctx, s, err)
}

// watch runs until ctx ends. What is wrong with the configuration is told at the
// info port.
func (p program) watch(ctx context.Context, s settings, wrong error) error {
	log := slog.New(slog.NewJSONHandler(p.err, nil))
	board := udphealth.NewBoard(s.targets, wrong, time.Now())
	if wrong != nil {
		log.Error("the configuration can't be used: unhealthy until it is mended", "error", wrong.Error())
	}
	info := &udphealth.Info{Port: s.infoPort, Board: board, Version: version}
	drainer := &udphealth.Drainer{HealthPort: s.healthPort, Board: board, Log: log}
	gate := &udphealth.Gate{Port: s.healthPort, Board: board, Log: log, Linger: s.linger}
	watcher := &udphealth.Watcher{Targets: s.targets, Board: board, Log: log, ProcNet: udphealth.ProcNet}

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	if err := keep(ctx, &running, info.Listen, s.injected); err != nil {
		return fmt.Errorf("--info-port: %w", err)
	}
	if err := keep(ctx, &running, drainer.Listen, s.injected); err != nil {
		return fmt.Errorf("--health-port: another process with %d runs here: %w", s.healthPort, err)
	}
	running.Go(func() { gate.Run(ctx) })
	log.Info("watching", "targets", len(s.targets), "healthPort", s.healthPort, "infoPort", s.infoPort, "version", version)
	if err := watcher.Run(ctx); err != nil {
		return err
	}
	<-ctx.Done() // there may have been nothing to watch
	log.Info("ended")
	return nil
}

// keep listens until ctx ends. Somebody else may have taken the place: to who is
// injected, that is no reason to end.
func keep(ctx context.Context, running *sync.WaitGroup, listen func(context.Context) (func() error, error), injected bool) error {
	closing, err := listen(ctx)
	if err != nil && !injected {
		return err
	}
	running.Go(func() {
		for ; err != nil; closing, err = listen(ctx) {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
		}
		<-ctx.Done()
		_ = closing()
	})
	return nil
}
