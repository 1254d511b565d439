package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// A port or a time in a message would have every object written at each attempt.
func TestAnOutageIsToldInWordsThatStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(web)
	w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultResetBefore})
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "has to be written" })
	told := func() string {
		w.state(lb, v1alpha1.ConditionProgrammed)
		return w.message(lb, v1alpha1.ConditionProgrammed)
	}
	w.g.Eventually(told).Should(ContainSubstring("in zone"))
	w.g.Consistently(told, 10*syncPeriod, syncPeriod/3).ShouldNot(MatchRegexp(`127\.0\.0\.1:\d+`))
}
