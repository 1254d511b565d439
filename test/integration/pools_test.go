package integration

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// foreignPool makes an instance pool of one instance that is no Node here.
func (w *world) foreignPool(name string) exosim.InstancePool {
	w.t.Helper()
	return w.sim.AddPool("", exosim.InstancePool{Name: name, Size: 1, InstancePrefix: name})
}

// refusesPool waits until an NLBService tells that it may not forward to a pool.
func (w *world) refusesPool(object *v1alpha1.NLBService, pool exosim.InstancePool) {
	w.t.Helper()
	w.becomes(object, v1alpha1.ConditionAccepted, "False/NotAllowedInstancePool")
	w.g.Expect(w.message(object, v1alpha1.ConditionAccepted)).To(And(
		ContainSubstring(pool.Name), ContainSubstring(pool.ID), ContainSubstring("--allowed-pools"), ContainSubstring("Node of the pool")))
}

func TestNobodyForwardsToAPoolWithoutANodeOfThisCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	victim := w.foreignPool("victim")
	w.sim.AddCluster("", exosim.SKSCluster{Name: "theirs", Nodepools: []exosim.SKSNodepool{{Name: "blue", InstancePool: exosim.Ref{ID: victim.ID}}}})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	for name, target := range map[string]v1alpha1.Target{
		"by-id":       {InstancePoolID: victim.ID},
		"by-name":     {InstancePoolName: "victim"},
		"by-nodepool": {SKSNodepool: &v1alpha1.SKSNodepoolReference{Cluster: "theirs", Nodepool: "blue"}},
	} {
		object := w.nlbService(name, "edge", int32(len(name))*100, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = target })
		w.refusesPool(object, victim)
		w.tells(object, "Warning NotAllowedInstancePool", victim.ID)
	}
	for name, annotations := range map[string][]string{
		"web": {v1alpha1.AnnotationInstancePoolID, victim.ID},
		"api": {v1alpha1.AnnotationSKSClusterName, "theirs", v1alpha1.AnnotationSKSNodepoolName, "blue"},
	} {
		service := w.service(name, annotated(annotations...))
		w.g.Eventually(func() string { return w.says(service, v1alpha1.ServiceConditionAccepted) }).
			Should(And(HavePrefix("False/NotAllowedInstancePool"), ContainSubstring(victim.ID)))
		w.g.Expect(addressOf(service)).To(BeEmpty())
	}
	w.g.Consistently(w.ports, 5*syncPeriod, syncPeriod).Should(BeEmpty())
	w.g.Expect(w.writes()).To(HaveEach("create-load-balancer"), "nothing pins the pool")
}

func TestARunningServiceStaysWithItsPoolWhenAnotherIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	victim := w.foreignPool("victim")
	web := w.service("web", nil)
	w.served(web)
	address := addressOf(web)
	w.sim.ResetCalls()
	change(w, web, annotated(v1alpha1.AnnotationInstancePoolID, victim.ID))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/NotAllowedInstancePool"))
	w.g.Consistently(w.forwardsTo, 5*syncPeriod, syncPeriod).Should(Equal(w.pool.ID))
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(addressOf(web)).To(Equal(address))
	change(w, web, annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
	w.served(web)
	w.g.Expect(w.writes()).To(BeEmpty())
}

func TestWhoeverRunsTheOperatorAllowsPools(t *testing.T) {
	t.Parallel()
	for name, allow := range map[string]func(*app.Options, exosim.InstancePool){
		"by id":              func(o *app.Options, p exosim.InstancePool) { o.AllowedPools = []string{"other", p.ID} },
		"by name":            func(o *app.Options, _ exosim.InstancePool) { o.AllowedPools = []string{"allowed"} },
		"all":                func(o *app.Options, _ exosim.InstancePool) { o.AllowedPools = []string{"*"} },
		"as default by id":   func(o *app.Options, p exosim.InstancePool) { o.DefaultInstancePool = p.ID },
		"as default by name": func(o *app.Options, _ exosim.InstancePool) { o.DefaultInstancePool = "allowed" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var allowed exosim.InstancePool
			w := newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) { allow(o, allowed) }})
			allowed = w.foreignPool("allowed")
			victim := w.foreignPool("victim")
			w.start()
			lb := w.loadBalancer("edge", nil)
			web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: allowed.ID} })
			w.ready(lb, web)
			other := w.nlbService("other", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: victim.ID} })
			if name == "all" {
				w.ready(other)
				return
			}
			w.refusesPool(other, victim)
		})
	}
	t.Run("for Services that name none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) { o.DefaultInstancePool = "allowed" }})
		allowed := w.foreignPool("allowed")
		w.start()
		w.served(w.service("web", nil))
		w.g.Expect(w.forwardsTo()).To(Equal(allowed.ID))
	})
}

func TestAPoolIsAllowedOnceANodeOfItJoins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	pool := w.foreignPool("late")
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: pool.ID} })
	w.ready(lb)
	w.refusesPool(web, pool)
	w.addNode(w.sim.Members(pool.ID)[0], "late")
	w.soonReady(web)
	w.g.Expect(w.forwardsTo()).To(Equal(pool.ID))
}

// The Nodes may go before the pool does: it is scaled to zero, drained for an
// upgrade, or its kubelets have lost their certificates.
func TestAServiceKeepsItsPoolWithoutAnyNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 1})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.removeNodes()
	w.sim.ScalePool(w.pool.ID, 0)

	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30081 })
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30081"}))
	w.ready(web)
	w.restart()
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30082 })
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30082"}))
	w.ready(web)

	t.Log("removed by hand, it comes back")
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.g.Eventually(w.forwardsTo).Should(Equal(w.pool.ID))
	w.ready(web)

	t.Log("another may not begin with it")
	w.refusesPool(w.nlbService("api", "edge", 81, nil), w.pool)
}

// removeNodes deletes the Nodes of the world's pools.
func (w *world) removeNodes() {
	w.t.Helper()
	w.g.Expect(w.client.DeleteAllOf(context.Background(), &corev1.Node{}, client.MatchingLabels{"world": w.ns})).To(Succeed())
}
