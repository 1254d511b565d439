package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// listInstances is the list that intervals are counted by.
const listInstances = "list-instances"

// rest is what an operator at rest has called, by operation.
type rest struct {
	size
	calls map[string]int
}

// perInterval is how often the operator calls between two lists of the instances.
func (r rest) perInterval() float64 {
	total := 0
	for _, times := range r.calls {
		total += times
	}
	return float64(total) / float64(r.calls[listInstances])
}

// perMinute is that at the default sync period.
func (r rest) perMinute() float64 {
	return r.perInterval() * float64(time.Minute) / float64(app.Defaults().SyncPeriod)
}

func (r rest) print(out io.Writer) {
	var counts []string
	for _, operation := range slices.Sorted(maps.Keys(r.calls)) {
		counts = append(counts, fmt.Sprintf("%d %s", r.calls[operation], operation))
	}
	fmt.Fprintf(out, "  %3d nodes in %2d pools: %.1f calls per list interval, %.1f a minute at the default --sync-period of %s (%s)\n",
		r.nodes, r.pools, r.perInterval(), r.perMinute(), app.Defaults().SyncPeriod, strings.Join(counts, ", "))
}

// check fails if a larger cluster costs other calls than the smallest, or one more
// often than once a list interval. One list may come a little before another.
func check(rests []rest) error {
	for _, r := range rests {
		if !slices.Equal(slices.Sorted(maps.Keys(r.calls)), slices.Sorted(maps.Keys(rests[0].calls))) {
			return fmt.Errorf("%d nodes cost other calls than %d: %v, not %v", r.nodes, rests[0].nodes, r.calls, rests[0].calls)
		}
		for operation, times := range r.calls {
			if times > r.calls[listInstances]+1 {
				return fmt.Errorf("%s was called %d times with %d nodes, within %d lists of the instances", operation, times, r.nodes, r.calls[listInstances])
			}
		}
	}
	return nil
}
