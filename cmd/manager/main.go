// Command manager is the operator for Exoscale Network Load Balancers.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	// The image is nothing but this program: the roots that vouch for the
	// Exoscale API come with it. Those of the system are preferred.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// version is set when it is built.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	command := app.Command{Args: os.Args[1:], Lookup: os.LookupEnv, Out: os.Stdout, Log: os.Stderr, Version: version}
	if err := command.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}
