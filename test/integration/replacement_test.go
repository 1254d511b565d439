package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// forwardsTo is the instance pool of the only service; empty while there is none.
func (w *world) forwardsTo() string {
	if services := w.onlyNLB().Services; len(services) == 1 {
		return services[0].InstancePool.ID
	}
	return ""
}

// moved sends an NLBService to another instance pool.
func moved(w *world, object *v1alpha1.NLBService, pool exosim.InstancePool) {
	w.t.Helper()
	change(w, object, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: pool.ID} })
}

// A service has to be removed before it can be added with another pool, so a
// failure in between is an outage of the port.
func TestAMoveThatFailsPutsTheOldPoolBackSoon(t *testing.T) {
	t.Parallel()
	failing := func(reason string, edit func(*exosim.Fault)) exosim.Fault {
		fault := exosim.Fault{Kind: exosim.FaultOperationFailure, Reason: reason, Count: 1}
		if edit != nil {
			edit(&fault)
		}
		return fault
	}
	atOnce := func(f *exosim.Fault) { f.Immediate = true }
	for name, fault := range map[string]exosim.Fault{
		"later: incorrect":              failing("incorrect", nil),
		"later: unknown":                failing("unknown", nil),
		"later: not-found":              failing("not-found", nil),
		"later: unavailable":            failing("unavailable", nil),
		"later, and so does going back": failing("unavailable", func(f *exosim.Fault) { f.Count = 2 }),
		"later, leaving it in error":    failing("fault", func(f *exosim.Fault) { f.Effect = exosim.EffectError }),
		"at once: incorrect":            failing("incorrect", atOnce),
		"at once: unknown":              failing("unknown", atOnce),
		"at once: not-found":            failing("not-found", atOnce),
		"at once: unavailable":          failing("unavailable", atOnce),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: slowly})
			green := w.addPool("green", 1)
			lb := w.loadBalancer("edge", nil)
			web := w.nlbService("web", "edge", 80, nil)
			w.ready(lb, web)
			fault.Operation = "add-service-to-load-balancer"
			w.sim.Fault(fault)
			moved(w, web, green)
			w.g.Eventually(func() string {
				w.state(web, v1alpha1.ConditionReady)
				return w.message(web, v1alpha1.ConditionReady)
			}).WithTimeout(soon).Should(ContainSubstring("Traffic stays with the instance pool it went to before"))
			w.g.Eventually(w.forwardsTo).WithTimeout(soon).Should(Equal(w.pool.ID))
			w.g.Eventually(func() string {
				w.state(web, v1alpha1.ConditionReady)
				if web.Status.ReplacedAt != nil {
					return "being replaced"
				}
				return w.message(web, v1alpha1.ConditionReady)
			}).WithTimeout(soon).Should(ContainSubstring("Traffic stays"))
			w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}))
		})
	}
}

func TestAPoolThatVanishesInTheGapGivesTheOldOneBackSoon(t *testing.T) {
	t.Parallel()
	for name, operator := range map[string]func(*app.Options){"as the operator knows": nil, "as the API says": slowly} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: operator})
			green := w.addPool("green", 1)
			lb := w.loadBalancer("edge", nil)
			web := w.nlbService("web", "edge", 80, nil)
			w.ready(lb, web)
			w.sim.ResetCalls()
			w.hold()
			moved(w, web, green)
			w.g.Eventually(w.writes).Should(Equal([]string{"delete-load-balancer-service"}))
			w.g.Eventually(func() bool { w.state(web, v1alpha1.ConditionReady); return web.Status.ReplacedAt != nil }).Should(BeTrue())
			w.sim.DeletePool(green.ID)
			w.letEnd()
			w.g.Eventually(func() bool { w.state(web, v1alpha1.ConditionReady); return web.Status.ReplacedAt == nil }).WithTimeout(soon).Should(BeTrue())
			w.g.Expect(w.forwardsTo()).To(Equal(w.pool.ID))
			w.g.Expect(w.state(web, v1alpha1.ConditionReady)).To(HavePrefix("False/"))
			w.g.Expect(w.message(web, v1alpha1.ConditionReady)).To(ContainSubstring(green.ID))
		})
	}
}
