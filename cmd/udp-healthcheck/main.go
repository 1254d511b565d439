// Command udp-healthcheck watches a UDP application in its Pod, and opens a TCP
// port while it is well: what load balancers can't do for UDP.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"
)

// version is set when it is built.
var version = "unknown"

// Codes that the program ends with.
const (
	exitFailed        = 1
	exitConfiguration = 2
)

func main() {
	staySmall()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	os.Exit(run(ctx, program{args: os.Args[1:], lookup: os.LookupEnv, out: os.Stdout, err: os.Stderr}))
}

// staySmall keeps the memory below 10 MiB, of which the program itself takes half:
// there may be as many of it on a node as there are Pods. Two threads are plenty,
// and each that Go may use costs memory, on nodes with many processors.
func staySmall() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(25)
	}
	if _, set := os.LookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(6 << 20)
	}
	if _, set := os.LookupEnv("GOMAXPROCS"); !set {
		runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
	}
}

func run(ctx context.Context, p program) int {
	err := p.run(ctx)
	invalid := (*configurationError)(nil)
	switch {
	case err == nil || errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.As(err, &invalid):
		fmt.Fprintf(p.err, "udp-healthcheck: %v (see --help)\n", err)
		return exitConfiguration
	}
	fmt.Fprintf(p.err, "udp-healthcheck: %v\n", err)
	return exitFailed
}
