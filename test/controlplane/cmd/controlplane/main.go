// Command controlplane runs a Kubernetes control plane that outlives the
// command that started it, for trying things by hand:
//
//	controlplane start [-dir DIR] [-kubeconfig PATH]
//	controlplane stop  [-dir DIR]
//
// start runs itself again as "serve", detached, and waits until that says that
// it is ready. Serve holds a lock on DIR/lock as long as it lives, so that who
// asks can't be misled by what a crashed one left behind; its process id and
// the place of its kubeconfig are in that file.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

func main() {
	ctrllog.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say start or stop")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	dir := flags.String("dir", filepath.Join(".cache", "control-plane"), "folder for the lock, the logs and the kubeconfig")
	kubeconfig := flags.String("kubeconfig", "", "where the kubeconfig goes (default DIR/kubeconfig)")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	home, err := openHome(*dir, *kubeconfig)
	if err != nil {
		return err
	}
	switch args[0] {
	case "start":
		return start(ctx, home)
	case "serve":
		return serve(ctx, home)
	case "stop":
		return stop(ctx, home)
	default:
		return fmt.Errorf("there is no %q: say start or stop", args[0])
	}
}
