package main

import (
	"strings"
	"testing"
)

func TestCallsAreToldByIntervalAndByMinute(t *testing.T) {
	r := rest{size{50, 5}, map[string]int{listInstances: 4, "list-instance-pools": 4, "list-load-balancers": 5}}
	var out strings.Builder
	r.print(&out)
	want := "   50 nodes in  5 pools: 3.2 calls per list interval, 3.2 a minute at the default --sync-period of 1m0s (4 list-instance-pools, 4 list-instances, 5 list-load-balancers)\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestCallsThatGrowWithTheNodesAreAnError(t *testing.T) {
	few := rest{size{5, 1}, map[string]int{listInstances: 5, "list-instance-pools": 5}}
	for name, test := range map[string]struct {
		many map[string]int
		says string // empty: all is well
	}{
		"the same":                  {map[string]int{listInstances: 5, "list-instance-pools": 5}, ""},
		"a list that came early":    {map[string]int{listInstances: 5, "list-instance-pools": 6}, ""},
		"one of them more often":    {map[string]int{listInstances: 5, "list-instance-pools": 7}, "list-instance-pools was called 7 times with 500 nodes"},
		"one read for each of them": {map[string]int{listInstances: 5, "list-instance-pools": 5, "get-instance": 500}, "500 nodes cost other calls than 5"},
	} {
		t.Run(name, func(t *testing.T) {
			err := check([]rest{few, {size{500, 10}, test.many}})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
