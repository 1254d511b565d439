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

// Of an NLB whose object has lost its status, and is being deleted, nothing tells but
// lists; a first one that lacks it, or fails, is no proof that there is none.
func TestAFirstListThatLacksAnNLBLetsNothingGo(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]exosim.Fault{
		"it lacks the NLB": {Operation: listNLBs, Kind: exosim.FaultLackingObject, Count: 1},
		"it fails":         {Operation: listNLBs, Kind: exosim.FaultStatus, Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			lb := w.loadBalancer("edge", nil)
			w.ready(lb)
			w.stop()
			if fault.Kind == exosim.FaultLackingObject {
				fault.Object = lb.Status.ID
			}
			w.remove(lb)
			w.losesStatus(lb)
			w.sim.ResetCalls()
			end := w.sim.Fault(fault)
			w.start()
			if fault.Count == 0 { // it lasts until it was told
				w.becomes(lb, v1alpha1.ConditionReady, "False/Retrying")
				end()
			}
			w.gone(lb)
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
			w.g.Expect(w.writes()).To(Equal([]string{"delete-load-balancer"}))
		})
	}
}

// losesStatus is what a restored backup does to an object.
func (w *world) losesStatus(object client.Object) {
	w.t.Helper()
	w.g.Expect(w.client.Status().Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))).To(Succeed())
}

// A round in an outage says nothing of the service of an object that has lost its status.
func TestAnOutageIsNoProofThatAnObjectWithoutStatusHasNoService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made, lb := w.attached()
	web := w.nlbService("web", "edge", 80, byHand)
	w.ready(web)
	w.stop()
	w.losesStatus(web)
	end := w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultStatus, Status: 503})
	w.start()
	w.becomes(web, v1alpha1.ConditionReady, "False/Retrying")
	w.stop()
	w.g.Expect(w.client.Patch(t.Context(), lb, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	w.remove(lb)
	w.gone(lb)
	end()
	w.start()
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}

// Nobody has looked for what an invalid object has in the cloud: if its status is lost,
// too, that is done when it is deleted.
func TestAnInvalidObjectWithoutStatusIsSearchedForWhenItGoes(t *testing.T) {
	t.Parallel()
	t.Run("an NLB", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		lb := w.loadBalancer("edge", nil)
		w.ready(lb)
		w.stop()
		spec := `{"spec":{"name":"k8s-0d1a286f-396a-4efa-9a98-65a30016e10a"}}`
		w.g.Expect(w.client.Patch(t.Context(), lb, client.RawPatch("application/merge-patch+json", []byte(spec)))).To(Succeed())
		w.losesStatus(lb)
		w.start()
		w.becomes(lb, v1alpha1.ConditionReady, "False/Invalid")
		w.remove(lb)
		w.gone(lb)
		w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
	})
	t.Run("a service", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		made, lb := w.attached()
		web := w.nlbService("web", "edge", 80, byHand)
		w.ready(web)
		w.stop()
		spec := `{"spec":{"name":"0d1a286f-396a-4efa-9a98-65a30016e10a-80"}}`
		w.g.Expect(w.client.Patch(t.Context(), web, client.RawPatch("application/merge-patch+json", []byte(spec)))).To(Succeed())
		w.losesStatus(web)
		w.start()
		w.becomes(web, v1alpha1.ConditionReady, "False/Invalid")
		w.stop()
		w.g.Expect(w.client.Patch(t.Context(), lb, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		w.remove(lb)
		w.gone(lb)
		w.start()
		w.remove(web)
		w.gone(web)
		w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
	})
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

// A key of another organization shows none of what is ours.
func TestAKeyOfAnotherOrganizationMakesNothing(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int{"many NLBs": 4, "one NLB, and the pools are gone, too": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			var all []client.Object
			ids, addresses := map[string]string{}, map[string]string{}
			for i := range count {
				lb := w.loadBalancer(fmt.Sprintf("edge-%d", i), nil)
				web := w.nlbService(fmt.Sprintf("web-%d", i), lb.Name, 80, nil)
				w.ready(lb, web)
				ids[lb.Name], addresses[lb.Name] = lb.Status.ID, lb.Status.Address
				all = append(all, lb, web)
			}
			w.sim.ResetCalls()
			remove := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
			late := w.loadBalancer("late", nil)
			for _, object := range all {
				if lb, is := object.(*v1alpha1.NetworkLoadBalancer); is {
					w.becomes(lb, v1alpha1.ConditionReady, "Unknown/ManyVanished")
					w.g.Expect(lb.Status.Address).To(Equal(addresses[lb.Name]))
				}
			}
			w.becomes(late, v1alpha1.ConditionReady, "False/ManyVanished")
			gone := all[1].(*v1alpha1.NLBService)
			w.remove(gone)
			w.tells(all[0], "Warning ManyVanished", v1alpha1.AnnotationConfirmVanished)
			w.settles()
			w.g.Expect(w.writes()).To(BeEmpty())
			remove()
			w.gone(gone)
			w.ready(late)
			for _, object := range all[2:] {
				w.ready(object)
			}
			ids["late"] = late.Status.ID
			for _, lb := range w.sim.LoadBalancers("") {
				w.g.Expect(ids).To(ContainElement(lb.ID))
			}
			w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(count + 1))
			w.g.Expect(slices.Compact(slices.Sorted(slices.Values(w.writes())))).To(Equal([]string{"create-load-balancer", delService}))
		})
	}
}

// Where no NLB is recorded, the pools tell whose account it is: an object that lost its
// status makes no second NLB with another organization's key.
func TestNoFirstNLBIsMadeWhereThePoolsAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(lb, web)
	id := lb.Status.ID
	w.stop()
	remove := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
	w.g.Expect(emptied["emptied"](w, lb)).To(Succeed())
	w.sim.ResetCalls()
	w.start()
	w.becomes(lb, v1alpha1.ConditionReady, "False/ManyVanished")
	w.tells(lb, "Warning ManyVanished", "None of the 1 instance pools", v1alpha1.AnnotationConfirmVanished+": "+exosim.DefaultZone)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	remove()
	w.ready(lb)
	w.g.Expect(lb.Status.ID).To(Equal(id))
}

// NLBs that were really deleted, all at once: a person says so.
func TestAPersonConfirmsThatManyNLBsAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	var all []*v1alpha1.NetworkLoadBalancer
	for i := range 3 {
		all = append(all, w.loadBalancer(fmt.Sprintf("edge-%d", i), nil))
		w.ready(all[i])
	}
	for _, lb := range all {
		w.sim.DeleteLoadBalancer(lb.Status.ID)
	}
	for _, lb := range all {
		w.becomes(lb, v1alpha1.ConditionReady, "Unknown/ManyVanished")
	}
	was := all[0].Status.ID
	for _, lb := range all {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationConfirmVanished, lb.Status.ID)
		w.g.Expect(w.client.Patch(t.Context(), lb, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
	}
	for _, lb := range all {
		w.ready(lb)
	}
	w.g.Expect(all[0].Status.ID).NotTo(Equal(was))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
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

// The NLBService has lost its status, and its NetworkLoadBalancer is gone before the
// operator looks again: its service is found all the same.
func TestAnObjectWithoutStatusAndLoadBalancerFindsItsService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made, lb := w.attached()
	web := w.nlbService("web", "edge", 80, byHand)
	w.ready(web)
	w.stop()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`))
	w.g.Expect(w.client.Status().Patch(t.Context(), web, patch)).To(Succeed())
	w.g.Expect(w.client.Patch(t.Context(), lb, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	w.remove(lb)
	w.gone(lb)
	w.start()
	w.becomes(web, v1alpha1.ConditionReady, "False/NotFound")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}
