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
	dir, release, err := ownFolder(filepath.Join(root, ".cache"))
	if err != nil {
		return err
	}
	defer release()
	return run(ctx, options{
		Root: root,
		Dir:  dir,
		Out:  os.Stdout,
		Stay: term.IsTerminal(int(os.Stdout.Fd())),
	})
}

// ownFolder takes a folder for kubeconfig and logs that no other demo uses now:
// demo, or else demo-2 and so on. The process holds it until release.
func ownFolder(parent string) (dir string, release func(), err error) {
	for n := 1; ; n++ {
		dir = filepath.Join(parent, "demo")
		if n > 1 {
			dir += fmt.Sprintf("-%d", n)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", nil, err
		}
		lock, err := os.Create(filepath.Join(dir, "lock"))
		if err != nil {
			return "", nil, err
		}
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return dir, func() { lock.Close() }, nil
		}
		lock.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return "", nil, fmt.Errorf("locking %s: %w", dir, err)
		}
	}
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
