package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// recipe is all that decides what a built tool is.
type recipe struct {
	tool
	dir     string // of the pinning module
	version string
	ldflags string
	hash    string // of the rest: two checkouts with other pins don't share
}

// recipeOf reads a tool's pins. It needs no network and no module cache.
func recipeOf(ctx context.Context, t tool, pins string) (recipe, error) {
	r := recipe{tool: t, dir: filepath.Join(pins, t.pins)}
	var err error
	if r.version, err = requiredVersion(ctx, r.dir, t.module); err != nil {
		return recipe{}, err
	}
	r.ldflags = "-s -w"
	if t.stamp != nil {
		for _, setting := range t.stamp(r.version) {
			r.ldflags += " -X=" + setting
		}
	}
	digest := sha256.New()
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(r.dir, file))
		if err != nil {
			return recipe{}, err
		}
		fmt.Fprintf(digest, "%s %d\n%s", file, len(content), content)
	}
	// The Go language version counts as well: golangci-lint can't read code of
	// a newer one than it was built with. A patch release of Go doesn't.
	fmt.Fprintf(digest, "%s\n%s\n%s", t.pkg, r.ldflags, version.Lang(runtime.Version()))
	r.hash = hex.EncodeToString(digest.Sum(nil))[:12]
	return r, nil
}

// place is where the built tool is kept, relative to the cache root.
func (r recipe) place() string {
	return filepath.Join(strings.Join([]string{r.name, r.version, runtime.GOOS, runtime.GOARCH}, "-"), r.hash, r.name)
}

// requiredVersion is the version of module in dir's go.mod.
func requiredVersion(ctx context.Context, dir, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read %s/go.mod: %w: %s", dir, err, &stderr)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return "", fmt.Errorf("read %s/go.mod: %w", dir, err)
	}
	for _, req := range mod.Require {
		if req.Path == module {
			return req.Version, nil
		}
	}
	return "", fmt.Errorf("%s/go.mod doesn't require %s", dir, module)
}
