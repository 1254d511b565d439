package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func selector(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func TestEveryFormOfTargetIsResolved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "Blue", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
	w.loadBalancer("edge", nil)
	for name, target := range map[string]v1alpha1.Target{
		"by-id":       {InstancePoolID: w.pool.ID},
		"by-name":     {InstancePoolName: "workers"},
		"by-nodepool": {SKSNodepool: &v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: "blue"}},
		"by-nodes":    {NodeSelector: selector("world", w.ns)},
	} {
		object := w.nlbService(name, "edge", int32(len(name))*100, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = target })
		w.ready(object)
		w.g.Expect(object.Status.InstancePoolID).To(Equal(w.pool.ID), name)
		w.g.Expect(object.Status.InstancePoolName).To(Equal("workers"), name)
	}
}

func TestATargetThatDoesNotResolveSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.verified(w.pool, w.addPool("twin", 1), w.addPool("twin", 1))
	w.loadBalancer("edge", nil)
	const nobody = "00000000-0000-4000-8000-000000000000"
	for name, want := range map[string]struct {
		target v1alpha1.Target
		reason string
		says   string
	}{
		"no-id":       {v1alpha1.Target{InstancePoolID: nobody}, "NotFound", nobody},
		"no-name":     {v1alpha1.Target{InstancePoolName: "nobody"}, "NotFound", `"nobody"`},
		"two-of-name": {v1alpha1.Target{InstancePoolName: "twin"}, "AmbiguousInstancePool", "instancePoolID"},
		"no-nodepool": {v1alpha1.Target{SKSNodepool: &v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: "blue"}}, "NotFound", `"blue"`},
		"no-nodes":    {v1alpha1.Target{NodeSelector: selector("world", "none")}, "NoEligibleNodes", "nodeSelector"},
		"two-pools":   {v1alpha1.Target{NodeSelector: selector("world", w.ns)}, "AmbiguousInstancePool", "workers"},
	} {
		object := w.nlbService(name, "edge", int32(len(name))*100, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = want.target })
		w.becomes(object, v1alpha1.ConditionAccepted, "False/"+want.reason)
		w.g.Expect(w.message(object, v1alpha1.ConditionAccepted)).To(ContainSubstring(want.says))
	}
	w.g.Expect(w.ports()).To(BeEmpty())

	// It is looked at again by itself.
	late := w.nlbService("late", "edge", 99, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolName: "late"} })
	w.becomes(late, v1alpha1.ConditionAccepted, "False/NotFound")
	w.addPool("late", 1)
	w.ready(late)
}

func TestAnotherPoolReplacesTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.AllowedPools = []string{"empty"} }})
	empty, green := w.addPool("empty", -1), w.addPool("green", 1)
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	was := w.onlyNLB().Services[0]
	w.sim.ResetCalls()

	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: empty.ID} })
	w.becomes(web, v1alpha1.ConditionReady, "False/NoEligibleNodes")
	w.g.Expect(w.onlyNLB().Services[0].ID).To(Equal(was.ID), "an empty pool takes no traffic over")

	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: green.ID} })
	w.ready(web)
	is := w.onlyNLB().Services[0]
	w.g.Expect(is.InstancePool.ID).To(Equal(green.ID))
	w.g.Expect(is.Name).To(Equal(was.Name))
	w.g.Expect(web.Status.ReplacedAt).To(BeNil())
	w.g.Expect(w.writes()).To(Equal([]string{"delete-load-balancer-service", "add-service-to-load-balancer"}))
	w.tells(web, "InstancePoolChanged", green.ID, "away for")
}

func TestARefusedPoolGivesTheOldOneBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	green := w.addPool("green", 1)
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 400, Count: 1, Message: "this pool won't do"})

	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: green.ID} })
	w.g.Eventually(func() string { return w.state(web, v1alpha1.ConditionReady) + w.message(web, v1alpha1.ConditionReady) }).
		Should(And(HavePrefix("False/CloudError"), ContainSubstring("this pool won't do"), ContainSubstring("Traffic stays")))
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30080"}))
	w.g.Expect(w.onlyNLB().Services[0].InstancePool.ID).To(Equal(w.pool.ID))
	writes := len(w.writes())
	w.g.Consistently(func() int { return len(w.writes()) }, 10*syncPeriod, syncPeriod).Should(Equal(writes), "it isn't tried again for the same spec")
}
