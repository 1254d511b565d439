package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	clocks "github.com/exoscale-community/nlb-operator/test/world"
)

// stuck waits until an operation is in flight for an object, and gives its id.
func (w *world) stuck(object client.Object) string {
	w.t.Helper()
	var id string
	w.g.Eventually(func() string {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return ""
		}
		if op := operationOf(object); op != nil {
			id = op.ID
		}
		return id
	}).ShouldNot(BeEmpty())
	return id
}

func operationOf(object client.Object) *v1alpha1.Operation {
	switch object := object.(type) {
	case *v1alpha1.NetworkLoadBalancer:
		return object.Status.Operation
	case *v1alpha1.NLBService:
		return object.Status.Operation
	default:
		return nil
	}
}

// abandon sets the annotation that names an operation.
func (w *world) abandon(object client.Object, id string) {
	w.t.Helper()
	change(w, object, func(o client.Object) {
		o.SetAnnotations(map[string]string{v1alpha1.AnnotationAbandonOperation: id})
	})
}

// saysWhile waits until the condition Ready of an object holds all the texts.
func (w *world) saysWhile(object client.Object, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.g.Eventually(func() string {
			w.state(object, v1alpha1.ConditionReady)
			return w.message(object, v1alpha1.ConditionReady)
		}).Should(ContainSubstring(text))
	}
}

func neverEnds(operation string, effect string) exosim.Fault {
	return exosim.Fault{Operation: operation, Kind: exosim.FaultOperationPending, Effect: effect, Count: 1}
}

// An add that Exoscale never brings to an end holds its NLB. Only the annotation with
// that very operation makes the operator go on, for all that wait on the NLB.
func TestAnOperationThatNeverEndsIsAbandonedByAnnotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.sim.Fault(neverEnds(addService, exosim.EffectDone))
	web := w.nlbService("web", "edge", 80, nil)
	operation := w.stuck(web)
	other := w.nlbService("other", "edge", 443, nil)
	w.becomes(other, v1alpha1.ConditionReady, "False/WaitingForOperation")

	w.abandon(web, "the one that hangs\n"+operation)
	w.saysWhile(web, operation, v1alpha1.AnnotationAbandonOperation, "isn't the id of an operation")
	const another = "11111111-2222-4333-8444-555555555555"
	w.abandon(web, another)
	w.saysWhile(web, operation, v1alpha1.AnnotationAbandonOperation, another)
	w.g.Expect(w.stuck(web)).To(Equal(operation))
	w.g.Expect(w.state(other, v1alpha1.ConditionReady)).To(Equal("False/WaitingForOperation"))

	w.abandon(web, operation)
	w.ready(web, other)
	w.tells(web, "Warning Abandoned", operation)
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→30443", "80/tcp→30080"}))
	w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer", addService, addService}))
}

// Each kind of change that takes its effect and never says so.
func TestWhatAnAbandonedOperationDidIsFound(t *testing.T) {
	t.Parallel()
	t.Run("the create of an NLB", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		w.sim.Fault(neverEnds("create-load-balancer", exosim.EffectDone))
		lb := w.loadBalancer("edge", nil)
		w.abandon(lb, w.stuck(lb))
		w.ready(lb)
		w.g.Expect(lb.Status.ID).To(Equal(w.onlyNLB().ID))
		w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer"}))
	})
	t.Run("the change of an NLB", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		lb := w.loadBalancer("edge", nil)
		w.ready(lb)
		w.sim.Fault(neverEnds("update-load-balancer", exosim.EffectDone))
		change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "new" })
		w.abandon(lb, w.stuck(lb))
		w.ready(lb)
		w.g.Expect(w.onlyNLB().Description).To(Equal("new"))
		w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer", "update-load-balancer"}))
	})
	t.Run("the removal of a service, and then of its NLB", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		lb := w.loadBalancer("edge", nil)
		web := w.nlbService("web", "edge", 80, byHand)
		w.ready(lb, web)
		w.sim.Fault(neverEnds(delService, exosim.EffectDone))
		w.sim.Fault(neverEnds("delete-load-balancer", exosim.EffectDone))
		w.remove(web)
		w.remove(lb)
		w.abandon(web, w.stuck(web))
		w.gone(web)
		w.abandon(lb, w.stuck(lb))
		w.gone(lb)
		w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
		w.g.Expect(w.writes()).To(Equal([]string{"create-load-balancer", addService, delService, "delete-load-balancer"}))
	})
}

// Exoscale goes on showing what hangs there as being created. The operator knows it for
// its own, whatever restarts, and makes nothing twice.
func TestAnAbandonedAddThatStillHangsIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.sim.Fault(neverEnds(addService, exosim.EffectNone))
	web := w.nlbService("web", "edge", 80, byHand)
	operation := w.stuck(web)
	w.abandon(web, operation)
	w.tells(web, "Warning Abandoned", operation)
	w.becomes(web, v1alpha1.ConditionReady, "False/Creating")
	w.g.Expect(operationOf(web)).To(BeNil())
	w.restart()
	w.settles()
	w.becomes(web, v1alpha1.ConditionReady, "False/Creating")
	w.g.Expect(w.sim.EndOperation(operation)).To(BeTrue())
	w.ready(web)
	w.g.Expect(w.onlyNLB().Services).To(HaveLen(1))
	w.g.Expect(web.Status.ID).To(Equal(w.onlyNLB().Services[0].ID))
	w.g.Expect(w.accepted()).To(Equal([]string{"create-load-balancer", addService}))
}

// An abandoned add proves no more than one whose answer was lost.
func TestAnAbandonedAddClaimsNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) {
		o.Clock = clocks.Hurried(10) // what came of an add is waited for for two minutes
	}})
	made, _ := w.attached()
	w.sim.Fault(neverEnds(addService, exosim.EffectNone))
	web := w.nlbService("web", "edge", 80, byHand)
	operation := w.stuck(web)
	w.sim.MutateLoadBalancer(made.ID, func(lb *exosim.LoadBalancer) { lb.Services = nil }) // it comes to nothing
	theirs := w.their(made.ID, notOurs(w, "web", 80))
	w.abandon(web, operation)
	w.becomes(web, v1alpha1.ConditionReady, "False/PortConflict")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB().Services).To(HaveExactElements(HaveField("ID", theirs.ID)))
	w.g.Expect(w.writes()).NotTo(ContainElement(delService))
}
