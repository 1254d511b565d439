package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func last(times map[string]time.Time) time.Time {
	return slices.MaxFunc(slices.Collect(maps.Values(times)), time.Time.Compare)
}

// durations are sorted.
func durations(from, to map[string]time.Time) []time.Duration {
	var all []time.Duration
	for name, start := range from {
		all = append(all, to[name].Sub(start))
	}
	slices.Sort(all)
	return all
}

func quantiles(sorted []time.Duration) string {
	return fmt.Sprintf("p50 %s, p95 %s, max %s",
		seconds(quantile(sorted, 0.50)), seconds(quantile(sorted, 0.95)), seconds(sorted[len(sorted)-1]))
}

// quantile is the least value that at least the fraction q doesn't exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	rank := int(q*float64(len(sorted)) + 0.999999)
	return sorted[max(rank, 1)-1]
}

// calls of the cloud's API, by operation.
type calls struct {
	writes, reads map[string]int
	refused       int // writes that weren't answered with 2xx
}

func countCalls(counted exosim.Calls, mutating []exosim.Call) calls {
	c := calls{writes: map[string]int{}, reads: maps.Clone(counted.Operations)}
	for _, call := range mutating {
		c.writes[call.Operation]++
		if call.Status >= 300 {
			c.refused++
		}
	}
	for operation := range c.writes {
		delete(c.reads, operation)
	}
	return c
}

func (c calls) print(out io.Writer) {
	fmt.Fprintf(out, "  calls that change something: %s\n", listed(c.writes))
	if c.refused > 0 {
		fmt.Fprintf(out, "    of which refused: %d\n", c.refused)
	}
	fmt.Fprintf(out, "  calls that read: %s\n", listed(c.reads))
}

// check fails unless there was one create and two adds for each Service.
func (c calls) check(services int) error {
	want := map[string]int{"create-load-balancer": services, "add-service-to-load-balancer": portsEach * services}
	if maps.Equal(c.writes, want) {
		return nil
	}
	return fmt.Errorf("%d Services take %s; these were %s", services, listed(want), listed(c.writes))
}

// listed is, for example, 3 (1 create-load-balancer, 2 add-service-to-load-balancer).
func listed(counts map[string]int) string {
	total := 0
	var parts []string
	for _, operation := range slices.Sorted(maps.Keys(counts)) {
		total += counts[operation]
		parts = append(parts, fmt.Sprintf("%d %s", counts[operation], operation))
	}
	if total == 0 {
		return "none"
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}
