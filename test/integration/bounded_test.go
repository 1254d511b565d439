package integration

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// A message that names every backend of a large pool is longer than a condition may
// be; the status could never be written again.
func TestThousandsOfFailingBackendsAreCounted(t *testing.T) {
	t.Parallel()
	const size = 2800
	w := newWorld(t, setup{Nodes: -1, Stopped: true, Operator: func(o *app.Options) { o.AllowedPools = []string{"large"} }})
	large := w.sim.AddPool("", exosim.InstancePool{Name: "large", Size: size, InstancePrefix: "a-long-name-of-an-instance"})
	healthy := w.sim.Members(large.ID)[size-1]
	for _, instance := range w.sim.Members(large.ID)[:size-1] {
		w.sim.SetHealth(instance.ID, false)
	}
	w.start()
	w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{InstancePoolName: "large"}
	})
	w.becomes(web, v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
	w.ready(web)
	w.g.Expect(w.message(web, v1alpha1.ConditionBackendsHealthy)).To(And(
		HavePrefix("1/2800 backends are healthy; failing: "), HaveSuffix(" and 2794 more")))
	w.g.Expect(web.Status.Health).To(Equal("1/2800"))
	w.g.Expect(web.Status.TotalBackends).To(BeEquivalentTo(size))
	w.g.Expect(web.Status.Backends).To(And(HaveLen(250), HaveEach(HaveField("Healthy", false))))

	w.sim.SetHealth(healthy.ID, false) // and the status can be written again
	w.becomes(web, v1alpha1.ConditionBackendsHealthy, "False/NoHealthyBackends")
	w.g.Expect(web.Status.Health).To(Equal("0/2800"))
}

// What Exoscale says may be megabytes long.
func TestAnEndlessWordOfExoscaleIsCut(t *testing.T) {
	t.Parallel()
	endless := "the services are out of order " + strings.Repeat("ü", 1<<19)
	for name, fault := range map[string]exosim.Fault{
		"of an answer":    {Kind: exosim.FaultStatus, Status: 400},
		"of an operation": {Kind: exosim.FaultOperationFailure, Reason: "incorrect"},
		"of a gateway":    {Kind: exosim.FaultGateway, Status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			fault.Operation, fault.Message = "create-load-balancer", endless
			remove := w.sim.Fault(fault)
			lb := w.loadBalancer("edge", nil)
			w.becomes(lb, v1alpha1.ConditionReady, "False/CloudError")
			w.g.Expect(len(w.message(lb, v1alpha1.ConditionReady))).To(BeNumerically("<=", 4096))
			w.tells(lb, "Warning CloudError")
			remove()
			change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "tried again at once" })
			w.ready(lb)
		})
	}
}
