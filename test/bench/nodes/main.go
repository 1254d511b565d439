package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	b := bench{scaleUp: 100, sizes: []size{{nodes: 5, pools: 1}, {nodes: 50, pools: 5}, {nodes: 500, pools: 10}}}
	flag.DurationVar(&b.syncPeriod, "sync-period", 5*time.Second, "time between two lists, the operator's --sync-period")
	flag.IntVar(&b.intervals, "intervals", 5, "how many lists to watch an operator at rest for")
	flag.DurationVar(&b.timeout, "timeout", 10*time.Minute, "when to give up")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.check()
	if err == nil {
		err = b.run(ctx, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-nodes:", err)
		os.Exit(1)
	}
}

func (b bench) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case b.intervals < 1:
		return errors.New("-intervals has to be 1 or more")
	default:
		return nil
	}
}
