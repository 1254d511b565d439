package nlbservice

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// An outage of the API, or a restart, must not have every object written twice.
func TestBackendsKeepTheirNamesWhileNobodyKnowsBetter(t *testing.T) {
	t.Parallel()
	object := &v1alpha1.NLBService{Status: v1alpha1.NLBServiceStatus{Backends: []v1alpha1.Backend{
		{PublicIP: "192.0.2.1", InstanceID: "i1", NodeName: "node-1", Healthy: true}, {PublicIP: "192.0.2.2", InstanceID: "i2"},
	}}}
	describeHealth(object, []nlb.BackendHealth{{PublicIP: "192.0.2.1"}, {PublicIP: "192.0.2.3", Healthy: true}}, toldLast(object))
	want := []v1alpha1.Backend{{PublicIP: "192.0.2.1", InstanceID: "i1", NodeName: "node-1"}, {PublicIP: "192.0.2.3", Healthy: true}}
	if diff := cmp.Diff(want, object.Status.Backends); diff != "" {
		t.Error(diff)
	}
}

// An object of any size has to be written, and shows what matters.
func TestTheStatusListsAFewBackendsOfManyAndThoseThatFailFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ healthy, failing, wantHealthy, wantFailing int }{
		"as many as fit":           {248, 2, 248, 2},
		"one more, which fails":    {250, 1, 249, 1},
		"most of them healthy":     {1990, 10, 240, 10},
		"more fail than are shown": {1, 2000, 0, 250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var health []nlb.BackendHealth
			for i := range c.healthy + c.failing {
				health = append(health, nlb.BackendHealth{PublicIP: fmt.Sprintf("192.0.%03d.%03d", i/256, i%256), Healthy: i < c.healthy})
			}
			object := &v1alpha1.NLBService{}
			describeHealth(object, health, nil)
			status, counted := object.Status, map[bool]int{}
			for _, backend := range status.Backends {
				counted[backend.Healthy]++
			}
			if counted[true] != c.wantHealthy || counted[false] != c.wantFailing || !slices.IsSortedFunc(status.Backends, byAddress) {
				t.Errorf("it lists %d healthy backends and %d others, want %d and %d, by address", counted[true], counted[false], c.wantHealthy, c.wantFailing)
			}
			if int(status.HealthyBackends) != c.healthy || int(status.TotalBackends) != c.healthy+c.failing {
				t.Errorf("it counts %s", status.Health)
			}
		})
	}
}
