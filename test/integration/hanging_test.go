package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Requests to the zone that hangs end by nothing but the test: who waits for one
// does nothing else until then. There are more objects than workers.
func TestAZoneThatHangsStopsNoOther(t *testing.T) {
	t.Parallel()
	const elsewhere = "de-fra-1"
	for name, test := range map[string]struct {
		operation string
		spec      func(*v1alpha1.NetworkLoadBalancerSpec)
		then      string // what becomes of the objects there, once it answers
	}{
		"whatever is asked":                {"*", func(*v1alpha1.NetworkLoadBalancerSpec) {}, "True/Ready"},
		"its list":                         {"list-load-balancers", func(*v1alpha1.NetworkLoadBalancerSpec) {}, "True/Ready"},
		"requests that begin a change":     {"create-load-balancer", func(*v1alpha1.NetworkLoadBalancerSpec) {}, "True/Ready"},
		"reads of NLBs that it has or not": {"get-load-balancer", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = uuid.NewString() }, "False/NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{
				Cloud:    exosim.Options{Zones: []string{exosim.DefaultZone, elsewhere}},
				Operator: func(o *app.Options) { o.RequestTimeout = time.Hour },
			})
			w.sim.Fault(exosim.Fault{Operation: test.operation, Zone: elsewhere, Kind: exosim.FaultLatency, Latency: time.Hour})
			var there []client.Object
			for n := range 25 {
				there = append(there, w.loadBalancer(fmt.Sprint("elsewhere-", n), func(spec *v1alpha1.NetworkLoadBalancerSpec) {
					spec.Zone = elsewhere
					test.spec(spec)
				}))
			}
			asked := func() (n int) {
				for operation, calls := range w.sim.Calls().Zones[elsewhere] {
					if test.operation == "*" || operation == test.operation {
						n += calls
					}
				}
				return n
			}
			w.g.Eventually(asked).Should(BeNumerically(">", 0))

			w.served(w.service("here", nil))
			here := w.loadBalancer("here-too", nil)
			w.ready(here, w.nlbService("here-too", "here-too", 80, nil))

			w.sim.ClearFaults()
			w.g.Expect(w.sim.Close()).To(Succeed()) // answers what hangs
			for _, object := range there {
				w.becomes(object, v1alpha1.ConditionReady, test.then)
			}
		})
	}
}
