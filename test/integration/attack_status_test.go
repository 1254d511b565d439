package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// forges writes the status of an object, as only those can whom RBAC lets.
func forges[T client.Object](w *world, object T, edit func(T)) {
	w.t.Helper()
	w.g.Eventually(func() error {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		edit(object)
		return w.client.Status().Update(w.t.Context(), object)
	}).Should(Succeed())
}

func readyNow(generation int64) []metav1.Condition {
	var all []metav1.Condition
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed} {
		all = append(all, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: generation, LastTransitionTime: metav1.Now(),
		})
	}
	return all
}

// records has the status of a NetworkLoadBalancer say that it holds an NLB.
func records(id, zone string) func(*v1alpha1.NetworkLoadBalancer) {
	return func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Status = v1alpha1.NetworkLoadBalancerStatus{
			ObservedGeneration: lb.Generation, ID: id, Zone: zone, Address: "192.0.2.1", Name: "forged", State: "running",
			AppliedLabelKeys: []string{v1alpha1.CloudLabelCluster, v1alpha1.CloudLabelOwner, v1alpha1.CloudLabelOwnerUID},
			Conditions:       readyNow(lb.Generation),
		}
	}
}

// The status is the operator's memory, and nobody else is to write it; who can
// nevertheless gets nothing that labels or another's memory say isn't theirs.
func TestAForgedStatusOfANetworkLoadBalancerTakesNoLabelledNLB(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{})
	for name, running := range map[string]bool{"while the operator looks": true, "while it is away": false} {
		t.Run(name, func(t *testing.T) {
			w := v.attacker(t)
			mallory := w.loadBalancer("mallory", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.DeletionPolicy = v1alpha1.DeletionDelete })
			w.ready(mallory)
			w.settles()
			own := mallory.Status.ID
			if !running {
				v.stop()
			}
			forges(w, mallory, records(v.edge.Status.ID, v.edge.Status.Zone))
			port := w.nlbService("port", "mallory", 444, nil)
			if !running {
				v.start()
			}
			w.g.Eventually(func() string { return w.state(port, v1alpha1.ConditionReady) }).
				Should(BeElementOf("False/InUseByOther", "False/WaitingForLoadBalancer"))
			change(w, mallory, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "mine now" })
			w.becomes(mallory, v1alpha1.ConditionReady, "False/InUseByOther")
			w.becomes(port, v1alpha1.ConditionReady, "False/WaitingForLoadBalancer")
			w.g.Expect(mallory.Status.Address).To(BeEmpty())
			v.same(t)
			w.remove(port)
			w.gone(port)
			w.remove(mallory)
			w.gone(mallory)
			v.same(t)
			w.sim.DeleteLoadBalancer(own) // whoever overwrote what was known of it has leaked it
		})
	}
	v.was, v.writes = v.sim.LoadBalancers(""), len(v.world.writes())
	v.unharmed(t)
	v.obeys()
}

// The NLBService of the attacker records the victim's service as its own.
func TestAForgedStatusOfAnNLBServiceTakesNoServiceThatAnotherHolds(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{Own: true})
	w := v.attacker(t)
	own := w.loadBalancer("own", nil)
	w.ready(own)
	older := w.nlbService("older", "own", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = frontName })
	w.ready(older)
	ofShop := &v1alpha1.NLBService{}
	ofShop.Namespace, ofShop.Name = v.ns, "shop-443-tcp"
	w.ready(ofShop)
	for name, target := range map[string]*v1alpha1.NLBService{"front": v.front, "shop": ofShop} {
		forged := func(s *v1alpha1.NLBService) {
			s.Status.LoadBalancerID, s.Status.ID, s.Status.Zone = target.Status.LoadBalancerID, target.Status.ID, target.Status.Zone
		}
		forgedWhileAway := func(w *world, object *v1alpha1.NLBService, then func()) {
			v.stop()
			forges(w, object, forged)
			then()
			v.start()
		}
		t.Run("alive it goes back to its own NLB, from "+name, func(t *testing.T) {
			w := v.attacker(t)
			port := w.nlbService("alive-"+name, "own", 444, nil)
			w.ready(port)
			forgedWhileAway(w, port, func() {})
			w.g.Eventually(func() string { w.state(port, v1alpha1.ConditionReady); return port.Status.LoadBalancerID }).Should(Equal(own.Status.ID))
			w.ready(port)
			v.same(t)
			w.remove(port)
			w.gone(port)
			v.same(t)
		})
		t.Run("deleted it removes nothing of "+name, func(t *testing.T) {
			w := v.attacker(t)
			port := w.nlbService("deleted-"+name, "own", 445, nil)
			w.ready(port)
			forgedWhileAway(w, port, func() { w.remove(port) })
			w.gone(port)
			v.same(t)
		})
		t.Run("with an operation it adds nothing beside "+name, func(t *testing.T) {
			w := v.attacker(t)
			port := w.nlbService("adding-"+name, "own", 446, nil)
			w.ready(port)
			forgedWhileAway(w, port, func() {
				forges(w, port, func(s *v1alpha1.NLBService) {
					s.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: target.Status.Name, StartedAt: metav1.NewTime(time.Now().Add(-time.Hour))}
				})
				w.remove(port)
			})
			w.gone(port)
			v.same(t)
		})
	}
	w.remove(older)
	w.gone(older)
	w.remove(own)
	w.gone(own)
	v.same(t)
	v.obeys()
}

// same holds that the victim's NLBs are as they were, whatever others stand beside them.
func (v *victim) same(t *testing.T) {
	t.Helper()
	w := v.in(t)
	w.settles()
	for _, was := range v.was {
		is, _ := w.sim.LoadBalancer(was.ID)
		w.g.Expect(is).To(Equal(was))
	}
}
