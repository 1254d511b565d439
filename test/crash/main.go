package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	c := crash{scenarios: scenarios()}
	flag.StringVar(&c.only, "only", "", "the point to run, as scenario/kind/where, or the beginning of it, with * for any scenario or kind; all by default")
	flag.IntVar(&c.parallel, "parallel", 12, "runs at once: they wait more than they compute")
	log := flag.String("log", "", "file for what all operators tell (default: it isn't kept)")
	flag.Parse()
	silence()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := c.check()
	if err == nil {
		err = withHarness(ctx, *log, func(h *harness) error { return c.run(ctx, h, os.Stdout) })
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// silence what only matters where one operator is looked at.
func silence() {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
}

func withHarness(ctx context.Context, log string, do func(*harness) error) (err error) {
	h, err := newHarness(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	return do(h)
}

// crash is a choice of points.
type crash struct {
	scenarios []scenario
	only      string
	parallel  int
	// pick takes some of the points; nil: all.
	pick func([]point) []point
}

func (c crash) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case c.parallel < 1:
		return errors.New("-parallel has to be 1 or more")
	}
	return nil
}

// run runs the points and reports. That one failed is an error.
func (c crash) run(ctx context.Context, h *harness, out io.Writer) error {
	started := time.Now()
	undisturbed, chosen, err := c.points(ctx, h)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return fmt.Errorf("there is no point %q", c.only)
	}
	fmt.Fprintf(out, "%d points, %d at once\n", len(chosen), c.parallel)
	outcomes := make([]outcome, len(chosen))
	var telling sync.Mutex
	told := 0
	group := &errgroup.Group{}
	group.SetLimit(c.parallel)
	for i, p := range chosen {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			outcomes[i] = outcome{p, h.run(ctx, p.scenario, &p, undisturbed[p.scenario.name])}
			if ctx.Err() != nil {
				return ctx.Err() // interrupted
			}
			telling.Lock()
			defer telling.Unlock()
			if outcomes[i].err != nil {
				complain(out, outcomes[i])
			}
			if told++; told%100 == 0 {
				fmt.Fprintf(out, "%d of %d after %s\n", told, len(chosen), time.Since(started).Round(time.Second))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	report(out, outcomes, time.Since(started))
	for _, o := range outcomes {
		if o.err != nil {
			return errors.New("not every crash is survived")
		}
	}
	return nil
}

// points runs each scenario undisturbed, and gives the points that are chosen.
func (c crash) points(ctx context.Context, h *harness) (map[string]trace, []point, error) {
	traces := make([]trace, len(c.scenarios))
	group := &errgroup.Group{}
	group.SetLimit(c.parallel)
	for i, sc := range c.scenarios {
		if name, _, _ := strings.Cut(c.only, "/"); c.only != "" && name != "*" && name != sc.name {
			continue
		}
		group.Go(func() error {
			done := h.run(ctx, sc, nil, trace{})
			traces[i] = done.trace
			if done.err != nil {
				return fmt.Errorf("%s, undisturbed: %w", sc.name, done.err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	undisturbed := map[string]trace{}
	var chosen []point
	for i, sc := range c.scenarios {
		undisturbed[sc.name] = traces[i]
		for _, p := range points(sc, traces[i]) {
			if p.chosen(c.only) {
				chosen = append(chosen, p)
			}
		}
	}
	if c.pick != nil {
		chosen = c.pick(chosen)
	}
	return undisturbed, chosen, nil
}

func indented(text string) string {
	return "        " + strings.ReplaceAll(text, "\n", "\n        ")
}
