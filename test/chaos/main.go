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
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// program is a number of runs, of the seeds from one on.
type program struct {
	settings
	seed     uint64
	runs     int
	parallel int
	verbose  bool
}

func main() {
	var p program
	flag.Uint64Var(&p.seed, "seed", 1, "the seed of the first run; the next ones count on")
	flag.IntVar(&p.runs, "runs", 10, "how many")
	flag.IntVar(&p.parallel, "parallel", 24, "how many side by side")
	flag.BoolVar(&p.verbose, "v", false, "tell the story of every run, not only of those that fail")
	flag.IntVar(&p.steps, "steps", 30, "steps of each history")
	flag.DurationVar(&p.patience, "patience", 2*time.Minute, "how long things may take to come right")
	flag.DurationVar(&p.sync, "sync-period", 500*time.Millisecond, "of the operators")
	flag.StringVar(&p.log, "log", "", "folder for the operators' logs (default: they aren't kept)")
	flag.Parse()
	quiet()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func quiet() {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
}

// run lives through all histories and tells of those that fail. Its error says
// how many did, or what kept it from trying.
func (p program) run(ctx context.Context, out io.Writer) (err error) {
	if p.runs < 1 || p.parallel < 1 || p.steps < 1 {
		return errors.New("-runs, -parallel and -steps have to be 1 or more")
	}
	stage, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.tearDown()) }()
	began := time.Now()
	var total tallies
	lived, failed := 0, 0
	for result := range p.results(ctx, stage) {
		if ctx.Err() != nil {
			continue // cut short: it tells nothing
		}
		lived++
		total.add(result.Tallies)
		if len(result.Broken) > 0 {
			failed++
		}
		result.print(out, p)
	}
	fmt.Fprintf(out, "%d runs, %d failed: %d steps, %d starts of the operator, %d faults, %d foreign hands, %d writes of the operator, in %.0f s\n",
		lived, failed, total.Steps, total.Restarts, total.Faults, total.Hands, total.Writes, time.Since(began).Seconds())
	fmt.Fprintf(out, "%d Events were asked for: %d were repeated and %d beyond the budget, so they weren't sent\n", total.Events, total.Repeated, total.Beyond)
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d runs failed", failed, lived)
	case total.storm():
		return errors.New("a storm of Events: the budget had to hold back more than a tenth of them")
	default:
		return ctx.Err()
	}
}

// results come as the runs end.
func (p program) results(ctx context.Context, stage *stage) <-chan result {
	results, places := make(chan result), make(chan struct{}, p.parallel)
	var running sync.WaitGroup
	go func() {
		defer close(results)
		for i := range p.runs {
			places <- struct{}{}
			if ctx.Err() != nil {
				break
			}
			running.Go(func() {
				defer func() { <-places }()
				got, err := stage.live(ctx, p.seed+uint64(i), p.settings) //nolint:gosec // not negative
				if err != nil && ctx.Err() == nil {
					got.Broken = append(got.Broken, "the harness: "+err.Error())
				}
				results <- got
			})
		}
		running.Wait()
	}()
	return results
}

func (r result) print(out io.Writer, p program) {
	if len(r.Broken) > 0 {
		fmt.Fprintf(out, "seed %d FAILED after %.1f s: make chaos SEED=%d RUNS=1\n    %s\n", r.Seed, r.Took.Seconds(), r.Seed, strings.Join(r.Broken, "\n    "))
	} else if p.verbose {
		fmt.Fprintf(out, "seed %d: all is well after %.1f s\n", r.Seed, r.Took.Seconds())
	}
	if len(r.Broken) > 0 || p.verbose {
		fmt.Fprintf(out, "  %s\n", strings.Join(r.Story, "\n  "))
	}
}
