// Command tools builds the programs that make, the tests and the demo need
// from Go modules, so that a machine with Go, git and make has them all:
//
//	go run ./test/tools [-bin DIR] TOOL...
//
// Each group of tools is pinned by a go.mod and go.sum of its own in a folder
// below this one: what a tool requires never decides what the operator
// requires. A built tool stays in the user's cache directory, one folder per
// name, version and recipe, and is shared by all checkouts; -bin gets a
// symbolic link to it.
//
// To add a tool: a folder with a go.mod that requires it and names it in a
// tool directive (then go mod tidy), a line in catalogue.go, and a line in the
// Makefile.
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
	"time"
)

func main() {
	bin := flag.String("bin", filepath.Join(".cache", "bin"), "folder that gets the links to the tools")
	pins := flag.String("pins", filepath.Join("test", "tools"), "folder with the pinning modules")
	flag.Usage = usage
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *pins, *bin, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: go run ./test/tools [-bin DIR] [-pins DIR] TOOL...\n\ntools:")
	for _, t := range catalogue {
		fmt.Fprintf(os.Stderr, "  %s\n", t.name)
	}
}

// run sees to it that every named tool is built and linked from bin.
func run(ctx context.Context, pins, bin string, names []string) error {
	if len(names) == 0 {
		usage()
		return errors.New("name at least one tool")
	}
	cache, err := cacheRoot()
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := find(name)
		if err != nil {
			return err
		}
		r, err := recipeOf(ctx, t, pins)
		if err != nil {
			return err
		}
		path, err := ensure(ctx, r, cache)
		if err != nil {
			return fmt.Errorf("build %s %s: %w", t.name, r.version, err)
		}
		if err := link(path, filepath.Join(bin, t.name), time.Now()); err != nil {
			return err
		}
	}
	return nil
}
