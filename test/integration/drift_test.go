package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestAnUpdateIsWrittenInPlaceAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.Description, spec.Labels = "old", map[string]string{"gone": "soon", "stays": "yes"}
	})
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	was := w.onlyNLB()
	w.sim.MutateLoadBalancer(was.ID, func(lb *exosim.LoadBalancer) { lb.Labels["theirs"] = "untouched" })
	w.sim.ResetCalls()

	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Spec.Name, lb.Spec.Description = "renamed", "new"
		lb.Spec.Labels = map[string]string{"stays": "yes", "added": "too"}
	})
	w.ready(lb)
	change(w, web, func(s *v1alpha1.NLBService) {
		s.Spec.TargetPort, s.Spec.Strategy, s.Spec.Description = 31000, v1alpha1.StrategySourceHash, "the web"
		s.Spec.HealthCheck.Mode, s.Spec.HealthCheck.Path = v1alpha1.HealthCheckHTTP, "/ok"
	})
	w.ready(web)

	is := w.onlyNLB()
	w.g.Expect(is.ID).To(Equal(was.ID))
	w.g.Expect(is.IP).To(Equal(was.IP))
	w.g.Expect(is.Name).To(Equal("renamed"))
	w.g.Expect(is.Description).To(Equal("new"))
	w.g.Expect(is.Labels).To(HaveKeyWithValue("added", "too"))
	w.g.Expect(is.Labels).To(HaveKeyWithValue("theirs", "untouched"))
	w.g.Expect(is.Labels).NotTo(HaveKey("gone"))
	service := is.Services[0]
	w.g.Expect(service.ID).To(Equal(was.Services[0].ID))
	w.g.Expect(service.TargetPort).To(BeEquivalentTo(31000))
	w.g.Expect(service.Strategy).To(Equal("source-hash"))
	w.g.Expect(service.HealthCheck).To(Equal(exosim.HealthCheck{Mode: "http", Port: 31000, URI: "/ok", Interval: 10, Timeout: 5, Retries: 1}))
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer", "update-load-balancer-service"}))
}

func TestADescriptionCanBeCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Description = "old" })
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Description = "old" })
	w.ready(lb, web)
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "" })
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Description = "" })
	w.ready(lb, web)
	w.g.Expect(w.onlyNLB().Description).To(BeEmpty())
	w.g.Expect(unmarked(w.onlyNLB().Services[0]).Description).To(BeEmpty())
}

func TestWhatForeignHandsChangedIsPutRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	was := w.onlyNLB()

	w.sim.MutateLoadBalancer(was.ID, func(lb *exosim.LoadBalancer) {
		lb.Description = "somebody was here"
		delete(lb.Labels, v1alpha1.CloudLabelOwnerUID)
		lb.Services[0].TargetPort = 1
	})
	w.g.Eventually(func(g Gomega) {
		is := w.onlyNLB()
		g.Expect(is.Description).To(BeEmpty())
		g.Expect(is.Labels).To(Equal(was.Labels))
		g.Expect(is.Services[0].TargetPort).To(BeEquivalentTo(30080))
	}).Should(Succeed())
	w.tells(lb, "Normal DriftCorrected", was.ID)
	w.tells(web, "Normal DriftCorrected")

	w.sim.MutateLoadBalancer(was.ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30080"}))
	w.tells(web, "Warning Recreated")
}

func TestAnNLBThatVanishedIsMadeAnewWithItsServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	was := w.onlyNLB()

	w.sim.DeleteLoadBalancer(was.ID)
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30080"}))
	is := w.onlyNLB()
	w.g.Expect(is.ID).NotTo(Equal(was.ID))
	w.tells(lb, "Warning Recreated", was.ID, was.IP)
	w.g.Eventually(func() string {
		w.state(web, v1alpha1.ConditionReady)
		return web.Status.Address
	}).Should(Equal(is.IP))
	w.ready(lb, web)
}

func TestHealthFollowsTheCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	members := w.sim.Members(w.pool.ID)

	w.sim.SetHealth(members[0].ID, false)
	health := func() string {
		w.state(web, v1alpha1.ConditionReady)
		return web.Status.Health
	}
	w.g.Eventually(health).Should(Equal("1/2"))
	w.becomes(web, v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
	w.g.Expect(w.message(web, v1alpha1.ConditionBackendsHealthy)).To(ContainSubstring("failing: " + w.nodeName(members[0])))
	w.sim.SetHealth(members[1].ID, false)
	w.g.Eventually(health).Should(Equal("0/2"))
	w.becomes(web, v1alpha1.ConditionBackendsHealthy, "False/NoHealthyBackends")
	w.g.Expect(w.message(web, v1alpha1.ConditionBackendsHealthy)).To(And(
		ContainSubstring("port 30080"), ContainSubstring("public-nlb-healthcheck-sources")))
	w.tells(web, "Warning NoHealthyBackends", "port 30080")
	w.becomes(web, v1alpha1.ConditionReady, "True/Ready") // health informs; it isn't readiness

	w.sim.ScalePool(w.pool.ID, 3)
	w.g.Eventually(health).Should(Equal("1/3"))
	w.tells(web, "Normal BackendsHealthy", "1/3")
}

func TestAServiceWithoutHealthyNodesSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	for _, instance := range w.sim.Members(w.pool.ID) {
		w.sim.SetHealth(instance.ID, false)
	}
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionBackendsHealthy) }).
		Should(And(HavePrefix("False/NoHealthyBackends"), ContainSubstring("port 80/TCP"), ContainSubstring("public-nlb-healthcheck-sources")))
	w.tells(web, "Warning NoHealthyBackends")
	w.g.Expect(w.says(web, v1alpha1.ServiceConditionProgrammed)).To(HavePrefix("True/"))
}
