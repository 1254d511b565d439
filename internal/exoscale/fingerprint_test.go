package exoscale

import (
	"testing"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestHintsAtEnd(t *testing.T) {
	running := nlb.LoadBalancer{ID: "a", State: nlb.StateRunning}
	with := func(state string, healthy bool) nlb.LoadBalancer {
		lb := running
		lb.Services = []nlb.Service{{ID: "s", State: state, Health: []nlb.BackendHealth{{Healthy: healthy}}}}
		return lb
	}
	creating := nlb.LoadBalancer{ID: "a", State: nlb.StateCreating}
	here := func(lb nlb.LoadBalancer) fingerprint { return fingerprintOf(lb, true) }
	gone := fingerprintOf(nlb.LoadBalancer{}, false)
	for name, tc := range map[string]struct {
		before, now fingerprint
		want        bool
	}{
		"made":                           {gone, here(running), true},
		"being made":                     {gone, here(creating), false},
		"made at last":                   {here(creating), here(running), true},
		"not made yet":                   {gone, gone, false},
		"deleted":                        {here(running), gone, true},
		"the same as before":             {here(running), here(running), false},
		"a service was added":            {here(running), here(with("running", true)), true},
		"a service is being added":       {here(running), here(with("creating", true)), false},
		"a service is being changed":     {here(with("running", true)), here(with("updating", true)), false},
		"a service went bad":             {here(with("creating", true)), here(with("error", true)), true},
		"only the health differs":        {here(with("running", true)), here(with("running", false)), false},
		"the NLB went bad while created": {here(creating), here(nlb.LoadBalancer{ID: "a", State: nlb.StateError}), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hintsAtEnd(tc.before, tc.now); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
