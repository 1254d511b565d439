package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestEveryAnnotationReachesTheCloudAndItsRemovalRestoresTheDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "Blue", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
	web := w.service("web", nil)
	w.served(web)
	plain := w.onlyNLB()

	for _, c := range []struct {
		pairs []string
		got   func(exosim.LoadBalancer) any
		want  any
	}{
		{[]string{v1alpha1.AnnotationName, "renamed"}, func(lb exosim.LoadBalancer) any { return lb.Name }, "renamed"},
		{[]string{v1alpha1.AnnotationDescription, "the web"}, func(lb exosim.LoadBalancer) any { return lb.Description }, "the web"},
		{[]string{v1alpha1.AnnotationServiceName, "web-http"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].Name }, "web-http"},
		{[]string{v1alpha1.AnnotationServiceDescription, "its port"}, func(lb exosim.LoadBalancer) any { return unmarked(lb.Services[0]).Description }, "its port"},
		{[]string{v1alpha1.AnnotationStrategy, "source-hash"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].Strategy }, "source-hash"},
		{[]string{v1alpha1.AnnotationStrategy, "maglev-hash"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].Strategy }, "maglev-hash"},
		{[]string{v1alpha1.AnnotationHealthCheckMode, "http"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Mode }, "http"},
		{[]string{v1alpha1.AnnotationHealthCheckMode, "https"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Mode }, "https"},
		{[]string{v1alpha1.AnnotationHealthCheckPort, "10256"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Port }, int64(10256)},
		{[]string{v1alpha1.AnnotationHealthCheckMode, "http", v1alpha1.AnnotationHealthCheckURI, "/live"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.URI }, "/live"},
		{[]string{v1alpha1.AnnotationHealthCheckInterval, "1m"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Interval }, int64(60)},
		{[]string{v1alpha1.AnnotationHealthCheckTimeout, "3s"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Timeout }, int64(3)},
		{[]string{v1alpha1.AnnotationHealthCheckRetries, "7"}, func(lb exosim.LoadBalancer) any { return lb.Services[0].HealthCheck.Retries }, int64(7)},
	} {
		change(w, web, annotated(c.pairs...))
		w.g.Eventually(func() any { return c.got(w.onlyNLB()) }).Should(Equal(c.want), "%v", c.pairs)
		change(w, web, func(s *corev1.Service) {
			for i := 0; i < len(c.pairs); i += 2 {
				delete(s.Annotations, c.pairs[i])
			}
		})
		w.g.Eventually(func() any { return c.got(w.onlyNLB()) }).Should(Equal(c.got(plain)), "without %v", c.pairs)
	}
	w.g.Eventually(w.onlyNLB).Should(Equal(plain))
	w.served(web)

	// The targets all name the pool that the Nodes are in, so nothing moves.
	for _, pairs := range [][]string{
		{v1alpha1.AnnotationInstancePoolID, w.pool.ID},
		{v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "blue"},
		{v1alpha1.AnnotationNodeSelector, "world=" + w.ns},
		{v1alpha1.AnnotationID, plain.ID},
	} {
		change(w, web, annotated(pairs...))
		w.settles()
		w.served(web)
		change(w, web, func(s *corev1.Service) {
			for i := 0; i < len(pairs); i += 2 {
				delete(s.Annotations, pairs[i])
			}
		})
		w.settles()
		w.served(web)
		w.g.Expect(w.onlyNLB()).To(Equal(plain), "%v", pairs)
	}
}

func TestOnePortOnlyAnnotationsAreToldWithSeveralPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", func(s *corev1.Service) {
		twoPorts(s)
		annotated(v1alpha1.AnnotationServiceName, "named", v1alpha1.AnnotationServiceDescription, "described")(s)
	})
	w.served(web)
	for _, service := range w.onlyNLB().Services {
		w.g.Expect(service.Name).To(HavePrefix(string(web.UID)))
		w.g.Expect(unmarked(service).Description).To(BeEmpty())
	}
	w.g.Expect(w.says(web, v1alpha1.ServiceConditionAllFieldsHonored)).To(And(
		HavePrefix("False/NotSupported"), ContainSubstring(v1alpha1.AnnotationServiceName), ContainSubstring(v1alpha1.AnnotationServiceDescription)))
	w.tells(web, "Warning NotSupported", v1alpha1.AnnotationServiceName)
}

func TestABadAnnotationOfANewServiceMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationHealthCheckRetries, "many", v1alpha1.AnnotationStrategy, "random"))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Invalid"), ContainSubstring(`"many"`), ContainSubstring("1"), ContainSubstring("20"),
		ContainSubstring(v1alpha1.AnnotationStrategy), ContainSubstring("source-hash")))
	w.tells(web, "Warning Invalid", v1alpha1.AnnotationHealthCheckRetries, v1alpha1.AnnotationStrategy)
	w.g.Consistently(w.writes, 3*syncPeriod, syncPeriod).Should(BeEmpty())
	w.remove(web)
	w.gone(web)
}

// A Service that the CCM made its NLB for: taken over where it stands.
func TestTheNLBThatTheCCMMadeIsTakenOverWithItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) { o.ClaimClasslessServices = true }})
	web := w.service("web", func(s *corev1.Service) {
		s.Spec.LoadBalancerClass = nil
		s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"}
	})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "k8s-" + string(web.UID), Services: []exosim.Service{{
		Name: string(web.UID) + "-80", Port: 80, TargetPort: int64(web.Spec.Ports[0].NodePort), Protocol: "tcp", Strategy: "round-robin",
		InstancePool: exosim.PoolRef{ID: w.pool.ID},
		HealthCheck:  exosim.HealthCheck{Mode: "tcp", Port: int64(web.Spec.Ports[0].NodePort), Interval: 10, Timeout: 5, Retries: 1},
	}}})
	change(w, web, annotated(v1alpha1.AnnotationID, made.ID))
	w.start()
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(made.IP))
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}), "the labels of ownership, and nothing else")
	w.g.Expect(w.onlyNLB().Services[0].ID).To(Equal(made.Services[0].ID))
	w.g.Expect(web.Finalizers).To(Equal([]string{v1alpha1.ServiceFinalizer}))
}
