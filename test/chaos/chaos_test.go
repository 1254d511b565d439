package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The seeds change with the commit, so that over time many histories are lived
// through; CHAOS_SEED sets the first one.
func TestRandomHistoriesComeRight(t *testing.T) {
	quiet()
	p := program{
		settings: settings{steps: 30, patience: 3 * time.Minute, sync: 500 * time.Millisecond},
		seed:     firstSeed(t), runs: 10, parallel: 10,
	}
	t.Logf("seeds %d to %d; one again: make chaos SEED=… RUNS=1", p.seed, p.seed+9)
	var told strings.Builder
	err := p.run(t.Context(), &told)
	t.Log(told.String())
	if err != nil {
		t.Error(err)
	}
}

func firstSeed(t *testing.T) uint64 {
	t.Helper()
	if given := os.Getenv("CHAOS_SEED"); given != "" {
		seed, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("CHAOS_SEED: %v", err)
		}
		return seed
	}
	head, err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Output()
	if err != nil || len(head) < 8 {
		return 1 // not a clone
	}
	seed, err := strconv.ParseUint(string(head[:8]), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}
