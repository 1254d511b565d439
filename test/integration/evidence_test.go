package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	clocks "github.com/exoscale-community/nlb-operator/test/world"
)

const (
	listNLBs   = "list-load-balancers"
	getNLB     = "get-load-balancer"
	addService = "add-service-to-load-balancer"
	delService = "delete-load-balancer-service"
)

// byHand names the service of an NLBService as others might.
func byHand(spec *v1alpha1.NLBServiceSpec) { spec.Name = "web" }

// attached is an External NLB of another's, and the object that attaches to it.
func (w *world) attached() (exosim.LoadBalancer, *v1alpha1.NetworkLoadBalancer) {
	w.t.Helper()
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.ID = v1alpha1.External, made.ID
	})
	w.ready(lb)
	return made, lb
}

// their puts a service of another's on an NLB, as it is to stay.
func (w *world) their(id string, service exosim.Service) exosim.Service {
	w.t.Helper()
	w.sim.MutateLoadBalancer(id, func(lb *exosim.LoadBalancer) {
		service.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", service.Port)
		lb.Services = append(lb.Services, service)
	})
	return service
}

// Terraform adds a service before the operator has looked again, of the very name and
// port that an NLBService asks for: it is refused, and nothing is removed.
func TestAServiceThatAppearedBeforeOurAddIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	made, _ := w.attached()
	w.their(made.ID, notOurs(w, "web", 80))
	w.sim.Fault(exosim.Fault{Operation: addService, Kind: exosim.FaultStatus, Status: 503, Count: 1})
	web := w.nlbService("web", "edge", 80, byHand)
	w.becomes(web, v1alpha1.ConditionReady, "False/PortConflict")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(HaveLen(1))
	w.g.Expect(w.writes()).To(BeEmpty(), "nothing had to be tried to see it")
}

// The add of ours had no effect; what appears then is theirs, however alike.
func TestAServiceThatAppearedAfterAFailedAddIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) {
		slowly(o)
		o.Clock = clocks.Hurried(10) // what came of an add is waited for for two minutes
	}})
	made, _ := w.attached()
	w.sim.Fault(exosim.Fault{Operation: addService, Kind: exosim.FaultStatus, Status: 503, Count: 1})
	release := w.sim.Fault(exosim.Fault{Operation: addService, Kind: exosim.FaultStatus, Status: 423, Nth: 2})
	web := w.nlbService("web", "edge", 80, byHand)
	w.g.Eventually(func() []string { return w.writes() }).Should(ContainElement(addService))
	theirs := w.their(made.ID, notOurs(w, "web", 80))
	release()
	w.becomes(web, v1alpha1.ConditionReady, "False/PortConflict")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB().Services).To(HaveExactElements(HaveField("ID", theirs.ID)))
	w.g.Expect(w.writes()).NotTo(ContainElement(delService))
}

// Lists that lack a service for a while are no reason to add it again, to forget it, or
// to let its object go without removing it.
func TestAListThatLacksAServiceStartsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, byHand)
	w.ready(lb, web)
	id := web.Status.ID
	w.sim.ResetCalls()
	w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultLackingService})
	w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] }).Should(BeNumerically(">", 3))
	w.ready(web)
	w.g.Expect(web.Status.ID).To(Equal(id))
	w.g.Expect(w.writes()).To(BeEmpty())
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(BeEmpty())
	w.g.Expect(w.writes()).To(Equal([]string{delService}))
}

// An NLB that a list lacks isn't made again, and one whose list lags isn't leaked.
func TestAListThatLacksAnNLBStartsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	id := lb.Status.ID
	w.sim.ResetCalls()
	w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultLackingObject, Object: id})
	w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] }).Should(BeNumerically(">", 3))
	w.ready(lb)
	w.g.Expect(lb.Status.ID).To(Equal(id))
	w.g.Expect(w.writes()).To(BeEmpty())
	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
	w.g.Expect(w.writes()).To(Equal([]string{"delete-load-balancer"}))
}

// A delete that a gateway swallows, and a gateway's 404 after it, prove nothing. No list
// is read in between that would show what is still there.
func TestA404ByAGatewayLetsNothingGo(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]exosim.Fault{
		"in its own form":    {Operation: getNLB, Kind: exosim.FaultGateway, Status: 404, Count: 1, After: 1},
		"as the API's would": {Operation: getNLB, Kind: exosim.FaultStatus, Status: 404, Count: 1, After: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: slowly})
			lb := w.loadBalancer("edge", nil)
			web := w.nlbService("web", "edge", 80, nil)
			w.ready(lb, web)
			w.sim.Fault(exosim.Fault{Operation: delService, Kind: exosim.FaultGateway, Status: 502, Count: 1})
			w.sim.Fault(gone)
			w.remove(web)
			w.gone(web)
			w.g.Expect(w.ports()).To(BeEmpty())
			w.sim.Fault(exosim.Fault{Operation: "delete-load-balancer", Kind: exosim.FaultGateway, Status: 502, Count: 1})
			w.sim.Fault(gone)
			w.remove(lb)
			w.gone(lb)
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
		})
	}
}

// The first list after a start lacks the service of an object that is being deleted.
func TestAnOperatorThatStartsLooksTwiceBeforeItLetsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, byHand)
	w.ready(lb, web)
	w.stop()
	w.g.Expect(w.client.Delete(t.Context(), web)).To(Succeed())
	w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultLackingService, Count: 1})
	w.start()
	w.gone(web)
	w.g.Expect(w.ports()).To(BeEmpty())
}

// What an answer leaves out is unknown: no service is replaced, and no NLB deleted.
func TestAnAnswerThatLeavesSomethingOutStartsNothing(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"services.instance-pool", "services.healthcheck", "services.healthcheck.interval", "services"} {
		for _, absent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, absent: %t", field, absent), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				lb := w.loadBalancer("edge", nil)
				web := w.nlbService("web", "edge", 80, nil)
				w.ready(lb, web)
				id := web.Status.ID
				w.sim.ResetCalls()
				remove := w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultIncomplete, Fields: []string{field}, Absent: absent})
				w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] }).Should(BeNumerically(">", 3))
				w.g.Expect(w.writes()).To(BeEmpty())
				remove()
				w.ready(lb, web)
				w.g.Expect(web.Status.ID).To(Equal(id))
				w.g.Expect(w.writes()).To(BeEmpty())
			})
		}
	}
}

// A foreign service that came since the last list keeps its NLB.
func TestAnNLBIsReadBeforeItIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	theirs := w.their(lb.Status.ID, notOurs(w, "theirs", 443))
	w.remove(lb)
	w.becomes(lb, v1alpha1.ConditionReady, "False/ForeignServices")
	w.g.Expect(w.onlyNLB().Services).To(HaveExactElements(HaveField("ID", theirs.ID)))
	w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer"}))
}

// A name in use is seen in memory: objects that wait for it cost no calls.
func TestObjectsWhoseNameIsTakenCostNoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	var blocked []*v1alpha1.NetworkLoadBalancer
	for i := range 10 {
		name := fmt.Sprintf("taken-%d", i)
		w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: name})
		blocked = append(blocked, w.loadBalancer(name, func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = name }))
	}
	for _, lb := range blocked {
		w.becomes(lb, v1alpha1.ConditionReady, "False/InUseByOther")
	}
	w.settles()
	began := time.Now()
	w.sim.ResetCalls()
	w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] }).Should(BeNumerically(">=", 10))
	periods := int(time.Since(began)/syncPeriod) + 1
	w.g.Expect(w.sim.Calls().Operations[listNLBs]).To(BeNumerically("<=", 2*periods+2))
	w.g.Expect(w.sim.Calls().Operations[getNLB]).To(BeZero())
}

// The answer to a create was lost, and the name changed: until it is known what came
// of the first, there is no second NLB.
func TestALostCreateAndAnotherNameMakeOneNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.hold()
	w.sim.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultResetAfter, Count: 1})
	w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultStaleRead, Age: 5 * time.Second})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "first" })
	w.g.Eventually(w.writes).Should(ContainElement("create-load-balancer"))
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"name":"second"}}`))
	w.g.Expect(w.client.Patch(t.Context(), lb, patch)).To(Succeed())
	before := w.sim.Calls().Operations[listNLBs]
	w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] }).Should(BeNumerically(">", before+2))
	w.letEnd()
	w.ready(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(HaveField("Name", "second")))
	creates := slices.DeleteFunc(w.writes(), func(operation string) bool { return operation != "create-load-balancer" })
	w.g.Expect(creates).To(HaveLen(1))
}
