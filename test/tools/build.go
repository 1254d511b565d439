package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// cacheRoot is the folder that all checkouts of this user share.
func cacheRoot() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory (set HOME or XDG_CACHE_HOME): %w", err)
	}
	return filepath.Join(dir, "exoscale-nlb-operator"), nil
}

// ensure returns the path of the built tool, building it if no checkout of
// this user has done so yet. Two callers at once build it once.
func ensure(ctx context.Context, r recipe, cache string) (string, error) {
	path := filepath.Join(cache, r.place())
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	waiting := func() { say("%s %s is being built by another make; waiting for it", r.name, r.version) }
	unlock, err := lock(ctx, filepath.Dir(path)+".lock", waiting)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(path) {
		return path, nil
	}
	return path, build(ctx, r, path)
}

// build compiles into a temporary folder and renames, so that a path that
// exists always holds a whole program.
func build(ctx context.Context, r recipe, path string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(path), ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	done := progress(os.Stderr, r.name+" "+r.version, 10*time.Second)
	fresh := filepath.Join(tmp, r.name)
	err = compile(ctx, r, fresh)
	done(err)
	if err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func compile(ctx context.Context, r recipe, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-buildvcs=false", "-ldflags="+r.ldflags, "-o", out, r.pkg)
	cmd.Dir = r.dir
	// No C compiler is expected, and the caller's settings for his own builds
	// (flags, workspace, cross compilation) aren't meant for these. They are
	// compiled as the Makefile has the tests compiled, and with the same versions
	// of what both import, so that this is compiled once. GOGC spares the compiler
	// half of its garbage collections, for more memory.
	cmd.Env = append(os.Environ(), "GOGC=200", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		_, _ = io.Copy(os.Stderr, &output)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		return err
	}
	return nil
}

// link points name to the built tool. The tool's time of change becomes now:
// make follows the link, and rebuilds what is older than its pins.
func link(path, name string, now time.Time) error {
	if err := os.Chtimes(path, now, now); err != nil {
		return err
	}
	if current, err := os.Readlink(name); err == nil && current == path {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.Symlink(path, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
