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
	var b bench
	flag.IntVar(&b.services, "n", 50, "Services of two ports each")
	flag.DurationVar(&b.delay, "operation-delay", 5*time.Second, "how long each operation of the cloud takes")
	flag.DurationVar(&b.timeout, "timeout", 3*time.Minute, "when to give up")
	flag.StringVar(&b.log, "log", "", "file for the operator's log (default: it isn't kept)")
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
		fmt.Fprintln(os.Stderr, "bench-converge:", err)
		os.Exit(1)
	}
}

func (b bench) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case b.services < 1:
		return errors.New("-n has to be 1 or more")
	case b.delay < 0:
		return errors.New("-operation-delay can't be negative")
	}
	return nil
}
