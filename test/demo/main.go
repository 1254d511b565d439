package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "make demo: shows the operator at work. It takes no flags.")
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runHere(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted && errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "demo: interrupted; nothing is left running")
		os.Exit(130) // as shells say that Ctrl-C ended it
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func runHere(ctx context.Context) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	return run(ctx, options{
		Root: root,
		Dir:  filepath.Join(root, ".cache", "demo"),
		Out:  os.Stdout,
		Stay: term.IsTerminal(int(os.Stdout.Fd())),
	})
}

// checkout is the folder of go.mod: this one, or one above.
func checkout() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("the demo runs in a checkout of the repository, and %s isn't in one", start)
		}
	}
}
