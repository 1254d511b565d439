package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A test run takes some points of some scenarios; make crash takes all.
const (
	someScenarios = 7
	somePoints    = 28
)

// seedVariable chooses another part than the commit does.
const seedVariable = "CRASH_SEED"

// A part of the points, which changes with the commit, so that in time all are
// run again and again.
func TestEveryCrashIsSurvived(t *testing.T) {
	silence()
	seed := seedOf(t)
	t.Logf("%d points, chosen by %s=%d; make crash runs all", somePoints, seedVariable, seed)
	chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // chance that can be repeated
	c := crash{
		scenarios: some(chance, scenarios(), someScenarios),
		pick:      func(all []point) []point { return some(chance, all, somePoints) },
		parallel:  12,
	}
	out := &strings.Builder{}
	err := withHarness(t.Context(), "", func(h *harness) error { return c.run(t.Context(), h, out) })
	t.Log(out)
	if err != nil {
		t.Error(err)
	}
}

// some of all, by chance.
func some[T any](chance *rand.Rand, all []T, count int) []T {
	chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(count, len(all))]
}

// seedOf is the one that is asked for, else the beginning of the commit's id.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	if given := os.Getenv(seedVariable); given != "" {
		seed, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		return seed
	}
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil || len(head) < 8 {
		return 1 // no checkout
	}
	seed, err := strconv.ParseUint(string(head[:8]), 16, 64)
	if err != nil {
		t.Fatal(fmt.Errorf("the id of the commit: %w", err))
	}
	return seed
}
