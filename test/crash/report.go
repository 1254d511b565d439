package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// outcome is what came of a point.
type outcome struct {
	point
	result
}

// report prints the table of scenarios and kinds of points: how many passed of
// how many, and how long the longest took. What wasn't reached counts as passed,
// since the operator was killed at rest instead, or nothing happened.
func report(out io.Writer, outcomes []outcome, took time.Duration) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "scenario")
	for _, kind := range kinds {
		fmt.Fprint(table, "\t", kind)
	}
	fmt.Fprintln(table, "\tnot reached\tlongest")
	for _, name := range names(outcomes) {
		row(table, name, func(o outcome) bool { return o.scenario.name == name }, outcomes)
	}
	row(table, "all", func(outcome) bool { return true }, outcomes)
	_ = table.Flush() // to a terminal
	failed, slowest := 0, outcomes[0]
	for _, o := range outcomes {
		if o.err != nil {
			failed++
		}
		if o.took > slowest.took {
			slowest = o
		}
	}
	fmt.Fprintf(out, "the slowest was %s\n", slowest.point)
	fmt.Fprintf(out, "%d points, %d passed, %d failed, in %s\n", len(outcomes), len(outcomes)-failed, failed, took.Round(time.Second))
}

func names(outcomes []outcome) []string {
	var names []string
	seen := map[string]bool{}
	for _, o := range outcomes {
		if !seen[o.scenario.name] {
			names, seen[o.scenario.name] = append(names, o.scenario.name), true
		}
	}
	return names
}

func row(table io.Writer, name string, in func(outcome) bool, outcomes []outcome) {
	fmt.Fprint(table, name)
	longest, missed := time.Duration(0), 0
	for _, kind := range kinds {
		passed, all := 0, 0
		for _, o := range outcomes {
			if !in(o) || o.column() != kind {
				continue
			}
			all++
			if o.err == nil {
				passed++
			}
			if !o.reached {
				missed++
			}
			longest = max(longest, o.took)
		}
		if all == 0 {
			fmt.Fprint(table, "\t–")
			continue
		}
		fmt.Fprintf(table, "\t%d/%d", passed, all)
	}
	fmt.Fprintf(table, "\t%d\t%.1f s\n", missed, longest.Seconds())
}

// complain says of a point that failed what broke, and how to repeat it.
func complain(out io.Writer, o outcome) {
	fmt.Fprintf(out, "FAILED  make crash ONLY=%s\n%s\n", o.point, indented(o.err.Error()))
	if o.kills && !o.reached {
		fmt.Fprintln(out, "        (it wasn't reached: the operator was killed at rest)")
	}
}
