package integration

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// soonGone waits until objects are, for less long than the clock would take.
func (w *world) soonGone(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.g.Eventually(func() error { return w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object) }).
			WithTimeout(soon).Should(MatchError(ContainSubstring("not found")))
	}
}

// Only the name in the recorded intent proves whose a service of a chosen name is.
func TestAnAddThatFailedButWasDoneIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.sim.Fault(exosim.Fault{
		Operation: "add-service-to-load-balancer", Kind: exosim.FaultOperationFailure, Reason: "unknown", Effect: exosim.EffectDone, Count: 1,
	})
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "by-hand" })
	w.ready(web)
	w.g.Expect(web.Status.ID).To(Equal(w.onlyNLB().Services[0].ID))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(BeEmpty())
	w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer", "add-service-to-load-balancer", "delete-load-balancer-service"}))
	w.remove(lb)
	w.gone(lb)
}

func TestAnObjectDeletedAfterALostCreateLeaksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultResetAfter, Count: 1})
	w.sim.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStaleRead, Age: 2 * time.Second})
	lb := w.loadBalancer("edge", nil)
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers("")) }).Should(Equal(1))
	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
	w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer", "delete-load-balancer"}))
}

// The operation of which nobody knows is still under way when the operator looks
// first, and ends without waking anybody.
func TestALostAnswerCostsSecondsNotTheSyncPeriod(t *testing.T) {
	t.Parallel()
	operations := []string{"add-service-to-load-balancer", "delete-load-balancer-service", "delete-load-balancer"}
	type story struct {
		*world
		lb  *v1alpha1.NetworkLoadBalancer
		web *v1alpha1.NLBService
	}
	stories := map[string]*story{} // side by side, since most of each is waiting
	for _, operation := range operations {
		w := newWorld(t, setup{Operator: slowly})
		s := &story{world: w, lb: w.loadBalancer("edge", nil)}
		w.ready(s.lb)
		if operation == "delete-load-balancer-service" {
			s.web = w.nlbService("web", "edge", 80, nil)
			w.ready(s.web)
		}
		w.sim.SetOperationDelay(6 * time.Second)
		w.sim.Fault(exosim.Fault{Operation: operation, Kind: exosim.FaultResetAfter, Count: 1})
		stories[operation] = s
	}
	adds, removes, deletes := stories[operations[0]], stories[operations[1]], stories[operations[2]]
	adds.web = adds.nlbService("web", "edge", 80, nil)
	removes.remove(removes.web)
	deletes.remove(deletes.lb)
	adds.soonReady(adds.web)
	removes.soonGone(removes.web)
	deletes.soonGone(deletes.lb)

	adds.g.Expect(adds.ports()).To(Equal([]string{"80/tcp→30080"}))
	removes.g.Expect(removes.ports()).To(BeEmpty())
	deletes.g.Expect(deletes.sim.LoadBalancers("")).To(BeEmpty())
}

// An endpoint that doesn't know the zone, such as one of a simulator or of
// another installation, says nothing about what is there.
func TestNothingIsLetGoWhileTheZoneIsUnknown(t *testing.T) {
	t.Parallel()
	elsewhere := ""
	w := newWorld(t, setup{Operator: func(o *app.Options) {
		if elsewhere != "" {
			o.APIEndpoint = elsewhere
		}
	}})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.stop()
	elsewhere = exosim.StartTestServer(t, exosim.Options{Zones: []string{"de-fra-1"}}).Endpoint
	w.remove(web)
	w.remove(lb)
	w.start()
	w.becomes(web, v1alpha1.ConditionReady, "False/UnknownZone")
	w.becomes(lb, v1alpha1.ConditionReady, "False/UnknownZone")
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(ContainSubstring(exosim.DefaultZone))

	elsewhere = ""
	w.restart()
	w.gone(web)
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

func TestReadsThatLagCauseOneUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.sim.ResetCalls()
	const lag = 1500 * time.Millisecond
	readySince := time.Now()
	w.g.Eventually(time.Now).Should(BeTemporally(">", readySince.Add(lag)), "reads from before would be of another story")
	for _, operation := range []string{"get-load-balancer", "list-load-balancers"} {
		w.sim.Fault(exosim.Fault{Operation: operation, Kind: exosim.FaultStaleRead, Age: lag})
	}
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 31000 })
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "new" })
	w.ready(lb, web)
	w.g.Expect(w.writes()).To(ConsistOf("update-load-balancer-service", "update-load-balancer"))
}

func TestAnUpdateThatDoesNotTakeIsNoStreamOfWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.sim.ResetCalls()
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Description = "trailing blank " })
	trimmed := func() int {
		w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) {
			lb.Services[0].Description = strings.TrimSpace(lb.Services[0].Description)
		})
		return len(w.writes())
	}
	w.g.Eventually(trimmed).WithPolling(5 * time.Millisecond).Should(BeNumerically(">", 0))
	w.g.Consistently(trimmed, 3*time.Second, 5*time.Millisecond).Should(BeNumerically("<=", 3))
}

func TestAReadThatFailsKeepsTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	address := lb.Status.Address
	heal := w.sim.Fault(exosim.Fault{Operation: "get-load-balancer", Kind: exosim.FaultStatus, Status: 500})
	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) { delete(lb.Labels, v1alpha1.CloudLabelOwner) })
	w.becomes(lb, v1alpha1.ConditionReady, "Unknown/Retrying")
	w.g.Expect(lb.Status.Address).To(Equal(address))
	heal()
	w.ready(lb)
	w.g.Expect(lb.Status.Address).To(Equal(address))
}

func TestARecreationIsToldOnceHoweverOftenItFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	was := lb.Status.ID
	w.sim.ResetCalls()
	w.sim.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultStatus, Status: 503, Count: 2})
	w.sim.DeleteLoadBalancer(was)
	w.g.Eventually(func() bool { w.state(lb, v1alpha1.ConditionReady); return lb.Status.ID != was && lb.Status.ID != "" }).Should(BeTrue())
	w.ready(lb)
	w.g.Expect(len(w.writes())).To(BeNumerically(">", 2))
	w.tells(lb, "Warning Recreated", was)
	told := 0
	for _, event := range w.events(lb) {
		if strings.HasPrefix(event, "Warning Recreated") {
			told++
		}
	}
	w.g.Expect(told).To(Equal(1), "%q", w.events(lb))
}
