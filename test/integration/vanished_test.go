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

// The NetworkLoadBalancer of a service may be gone before it: its NLB counts all the
// same, or the service would be taken for gone, and left behind.
func TestAServiceWithoutLoadBalancerIsNotLetGoByAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made, lb := w.attached()
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(web)
	w.remove(lb)
	w.gone(lb)
	remove := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
	w.remove(web)
	w.becomes(web, v1alpha1.ConditionReady, "False/ManyVanished")
	remove()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}

// An NLB that was made while the key changed is the other organization's. That it is
// shown there doesn't prove that ours are gone.
func TestAnNLBThatWasMadeByAnotherKeyDoesNotVouchForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made, lb := w.attached()
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(web)
	end := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
	late := w.loadBalancer("late", nil)
	w.confirms(late, exosim.DefaultZone) // as if it had been made right after the last look
	w.ready(late)
	w.remove(web)
	w.g.Eventually(func() string { return w.state(web, v1alpha1.ConditionReady) }).Should(HaveSuffix("/ManyVanished"))
	end()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(ContainElement(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}

// awayBetweenLooks starts an operator that looks for NLBs with another organization's
// key, and gets the answer about the pools when the key is ours again.
func (w *world) awayBetweenLooks() {
	w.t.Helper()
	const away = 2 * time.Second
	w.sim.ResetCalls()
	w.sim.Fault(exosim.Fault{Operation: "get-load-balancer,list-load-balancers", Kind: exosim.FaultOtherOrganization, For: away})
	end := w.sim.Fault(exosim.Fault{Operation: "list-instance-pools", Kind: exosim.FaultLatency, Latency: away + time.Second})
	w.t.Cleanup(end)
	w.start()
}

// The key may be another organization's during the look for the NLB, and ours when the
// pools are read. Then the operator looks for the NLB once more.
func TestAKeyThatComesBackBetweenTwoLooksMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(lb, web)
	w.stop()
	w.losesStatus(lb)
	w.g.Expect(w.client.Status().Patch(t.Context(), web, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"loadBalancerID":null}}`)))).To(Succeed())
	w.awayBetweenLooks()
	w.g.Eventually(func() int { return w.sim.Calls().Operations["list-instance-pools"] }).Should(BeNumerically(">", 1))
	w.ready(lb, web)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", lb.Status.ID), HaveField("Services", HaveLen(1)))))
}

func TestAKeyThatComesBackBetweenTwoLooksLetsNothingGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made, lb := w.attached()
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(web)
	w.stop()
	w.tornAway(lb)
	w.remove(web)
	w.awayBetweenLooks()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(And(HaveField("ID", made.ID), HaveField("Services", BeEmpty()))))
}

// confirms is what a person does about ManyVanished.
func (w *world) confirms(object client.Object, id string) {
	w.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationConfirmVanished, id)
	w.g.Expect(w.client.Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

// What a person confirms on an NLBService counts only once no NetworkLoadBalancer is left
// to say it: a tenant doesn't speak for all.
func TestAnNLBServiceConfirmsOnlyWithoutLoadBalancer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	_, lb := w.attached()
	web := w.nlbService("web", lb.Name, 80, nil)
	w.ready(web)
	end := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
	defer end()
	w.confirms(web, web.Status.LoadBalancerID)
	w.becomes(lb, v1alpha1.ConditionReady, "Unknown/ManyVanished")
	w.remove(web)
	stays := HaveSuffix("/ManyVanished") // Unknown, unless a look before has shown the NLB
	w.g.Eventually(func() string { return w.state(web, v1alpha1.ConditionReady) }).Should(stays)
	w.settles()
	w.g.Eventually(func() string { return w.state(web, v1alpha1.ConditionReady) }).Should(stays)
	w.tornAway(lb)
	w.gone(web)
}

// Who takes a cluster down may delete its pools first. What the operator itself deletes
// afterwards hasn't vanished.
func TestWhatIsDeletedAfterAllPoolsHasNotVanished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", lb.Name, 80, nil)
	own := w.service("own", nil)
	w.ready(lb, web)
	w.served(own)
	w.sim.DeletePool(web.Status.InstancePoolID)
	w.remove(own)
	w.remove(lb)
	w.gone(own)
	w.gone(lb)
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

// An operation that creates an NLB can't be read any more with a key of another
// organization. The object that is deleted meanwhile isn't let go.
func TestADeletedObjectWhoseNLBIsBeingMadeIsNotLetGoByAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) {
		o.Clock = clocks.Hurried(20) // what came of a create is waited for for two minutes
	}})
	edge := w.loadBalancer("edge", nil)
	web := w.nlbService("web", edge.Name, 80, nil)
	w.ready(edge, web)
	w.remove(web)
	w.gone(web)
	w.remove(edge)
	w.gone(edge)
	w.hold()
	late := w.loadBalancer("late", nil)
	w.stuck(late)
	end := w.sim.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization})
	w.remove(late)
	w.becomes(late, v1alpha1.ConditionReady, "False/ManyVanished")
	w.tells(late, "Warning ManyVanished", "Exoscale shows no instance pool of this cluster in zone "+exosim.DefaultZone)
	w.letEnd()
	end()
	w.gone(late)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
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
	w.losesStatus(lb)
	w.g.Expect(w.client.Status().Patch(t.Context(), web, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"loadBalancerID":null}}`)))).To(Succeed())
	w.sim.ResetCalls()
	w.start()
	w.becomes(lb, v1alpha1.ConditionReady, "False/ManyVanished")
	w.tells(lb, "Warning ManyVanished", "Exoscale shows no instance pool of this cluster in zone "+exosim.DefaultZone, v1alpha1.AnnotationConfirmVanished+": "+exosim.DefaultZone)
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
		w.confirms(lb, lb.Status.ID)
	}
	for _, lb := range all {
		w.ready(lb)
	}
	w.g.Expect(all[0].Status.ID).NotTo(Equal(was))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
}
