package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Only lists show the NLB of an object that has lost its status and is being deleted. A
// first list that lacks the NLB, or fails, doesn't prove that there is none.
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

// tornAway deletes an object without the operator's leave.
func (w *world) tornAway(object client.Object) {
	w.t.Helper()
	w.g.Expect(w.client.Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	w.remove(object)
	w.gone(object)
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
	w.tornAway(lb)
	end()
	w.start()
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}

// The operator doesn't look for what an invalid object has in the cloud. If the object
// has lost its status as well, the operator looks when the object is deleted.
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
		w.tornAway(lb)
		w.start()
		w.remove(web)
		w.gone(web)
		w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
	})
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
	w.losesStatus(web)
	w.tornAway(lb)
	w.start()
	w.becomes(web, v1alpha1.ConditionReady, "False/NotFound")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}
