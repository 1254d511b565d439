package integration

import (
	"context"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// cordons the Nodes of a pool.
func (w *world) cordons(pool exosim.InstancePool) {
	w.t.Helper()
	for _, instance := range w.sim.Members(pool.ID) {
		change(w, w.node(w.nodeName(instance)), func(n *corev1.Node) { n.Spec.Unschedulable = true })
	}
}

// leaves: an instance of a pool is gone, and its Node.
func (w *world) leaves(instance exosim.Instance) {
	w.t.Helper()
	w.sim.DeleteInstance(instance.ID)
	w.remove(w.node(w.nodeName(instance)))
}

// An SKS nodepool is replaced: the new one is made, the old one's Nodes go, and
// then it can be deleted, since no NLB forwards to it any more.
func TestAServiceMovesWhenItsNodepoolIsReplaced(t *testing.T) {
	t.Parallel()
	for name, retire := range map[string]func(*world){
		"blue is cordoned, green takes over": func(w *world) { w.cordons(w.pool) },
		"blue's Nodes are gone": func(w *world) {
			for _, instance := range w.sim.Members(w.pool.ID) {
				w.leaves(instance)
			}
		},
		"blue's Nodes may get no traffic": func(w *world) {
			for _, instance := range w.sim.Members(w.pool.ID) {
				change(w, w.node(w.nodeName(instance)), func(n *corev1.Node) { n.Labels[corev1.LabelNodeExcludeBalancers] = "" })
			}
		},
		"blue's Nodes aren't verified any more": func(w *world) {
			for _, instance := range w.sim.Members(w.pool.ID) {
				w.sim.MutateInstance(instance.ID, func(i *exosim.Instance) { i.Name = "renamed-" + i.Name })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", nil)
			w.served(web)
			w.loadBalancer("edge", nil)
			selected := w.nlbService("selected", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) {
				spec.Target = v1alpha1.Target{NodeSelector: selector("world", w.ns)}
			})
			w.ready(selected)
			address := addressOf(web)
			green := w.addPool("green", 2)

			retire(w)
			w.g.Eventually(w.targets).Should(Equal([]string{green.ID, green.ID}))
			w.tells(web, "Normal InstancePoolChanged", green.ID)
			w.tells(selected, "Normal InstancePoolChanged", green.ID)
			w.served(web)
			w.ready(selected)
			w.g.Expect(addressOf(web)).To(Equal(address))
			w.does(func(ctx context.Context) (*v3.Operation, error) {
				return w.somebody().DeleteInstancePool(ctx, v3.UUID(w.pool.ID))
			})
		})
	}
}

// targets are the pools that the services of all NLBs forward to.
func (w *world) targets() []string {
	var pools []string
	for _, lb := range w.sim.LoadBalancers("") {
		for _, service := range lb.Services {
			pools = append(pools, service.InstancePool.ID)
		}
	}
	return pools
}

// A nodepool is cycled, as for an upgrade, and scaled by the cluster autoscaler:
// its members come and go, and the NLB isn't touched.
func TestMembersOfANodepoolComeAndGoWithoutAWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	w.settles()
	w.sim.ResetCalls()
	backends := func() []string { return w.backendsOf(web) }

	t.Log("cycled")
	for _, old := range w.sim.Members(w.pool.ID) {
		w.remove(w.node(w.nodeName(old)))
		fresh := w.sim.ReplaceInstance(old.ID)
		w.g.Eventually(w.identities).Should(And(HaveLen(2), HaveKeyWithValue(fresh.Name, "Unknown/NotJoined")))
		w.addNode(fresh, "workers")
	}
	names := []string{w.member(0).Name, w.member(1).Name}
	w.g.Eventually(backends).Should(ConsistOf(names))
	w.g.Eventually(w.identities).Should(Equal(map[string]string{names[0]: "True/Verified", names[1]: "True/Verified"}))

	t.Log("scaled up")
	w.sim.ScalePool(w.pool.ID, 4)
	for _, fresh := range w.sim.Members(w.pool.ID)[2:] {
		w.addNode(fresh, "workers")
		names = append(names, fresh.Name)
	}
	w.g.Eventually(backends).Should(ConsistOf(names))

	t.Log("scaled down")
	w.leaves(w.member(3))
	w.g.Eventually(backends).Should(ConsistOf(names[:3]))
	w.g.Eventually(w.identities).Should(HaveLen(3))
	w.served(web)
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.targets()).To(Equal([]string{w.pool.ID}))
	for _, name := range names[:3] {
		w.g.Expect(w.events(w.node(name))).NotTo(ContainElement(HavePrefix("Warning")), "a Node that is newer than the list is no liar")
	}
}

// backendsOf are the names of the Nodes that the port of a Service shows.
func (w *world) backendsOf(service *corev1.Service) []string {
	object := &v1alpha1.NLBService{}
	object.Namespace, object.Name = service.Namespace, service.Name+"-80-tcp"
	return w.backends(object)
}

// Two pools are ready to take over: the operator doesn't choose, and says so.
func TestTwoSuccessorsOfACordonedPoolAreNotChosenFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	green, red := w.addPool("green", 1), w.addPool("red", 1)
	w.verified(green, red) // of one that is known alone there is no choice
	w.cordons(w.pool)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/AmbiguousInstancePool"), ContainSubstring(green.ID), ContainSubstring(red.ID)))
	w.g.Consistently(w.targets, 3*syncPeriod, syncPeriod).Should(Equal([]string{w.pool.ID}), "traffic stays meanwhile")
	w.cordons(red)
	w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
}
