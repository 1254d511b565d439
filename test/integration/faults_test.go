package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// The tests of this file are named after what must hold where the Exoscale CCM
// is known to fail.

// Fault 1: a changed description is never applied, and every sync sends a PUT.
func TestFault01AChangedDescriptionIsAppliedOnceAndThenNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationDescription, "old"))
	w.served(web)
	w.g.Expect(w.onlyNLB().Description).To(Equal("old"))
	w.sim.ResetCalls()
	change(w, web, annotated(v1alpha1.AnnotationDescription, "new"))
	w.g.Eventually(func() string { return w.onlyNLB().Description }).Should(Equal("new"))
	w.g.Consistently(w.writes, 10*syncPeriod, syncPeriod).Should(Equal([]string{"update-load-balancer"}))
}

// Fault 2: Local keeps mode tcp, so every node looks healthy.
func TestFault02LocalIsProbedByHTTPOnTheHealthCheckNodePort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	local := func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal }
	web := w.service("web", local)
	w.served(web)
	check := w.onlyNLB().Services[0].HealthCheck
	w.g.Expect(check.Mode).To(Equal("http"))
	w.g.Expect(check.URI).To(Equal("/healthz"))
	w.g.Expect(check.Port).To(BeEquivalentTo(web.Spec.HealthCheckNodePort))

	change(w, web, annotated(v1alpha1.AnnotationHealthCheckMode, "tcp", v1alpha1.AnnotationHealthCheckPort, "9000"))
	w.g.Eventually(func() exosim.HealthCheck { return w.onlyNLB().Services[0].HealthCheck }).
		Should(Equal(exosim.HealthCheck{Mode: "tcp", Port: 9000, Interval: 10, Timeout: 5, Retries: 1}), "what is annotated wins")
}

// Fault 5: sks-cluster-name alone sends a request with an empty pool id.
func TestFault05AnSKSClusterWithoutNodepoolIsRefusedInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationSKSClusterName, "prod"))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/Invalid"), ContainSubstring(v1alpha1.AnnotationSKSNodepoolName)))
	w.tells(web, "Warning Invalid", v1alpha1.AnnotationSKSNodepoolName)
	w.g.Expect(w.writes()).To(BeEmpty())

	w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "Blue", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
	change(w, web, annotated(v1alpha1.AnnotationSKSNodepoolName, "blue"))
	w.served(web)
}

// Fault 6: the inferred pool is never looked at again.
func TestFault06TheInferredPoolFollowsTheNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	address := addressOf(web)
	w.g.Expect(w.onlyNLB().Services[0].InstancePool.ID).To(Equal(w.pool.ID))

	green := w.addPool("green", 2)
	w.g.Consistently(func() string { return w.onlyNLB().Services[0].InstancePool.ID }, 3*syncPeriod, syncPeriod).
		Should(Equal(w.pool.ID), "kept while its nodes can take traffic")
	for _, instance := range w.sim.Members(w.pool.ID) {
		node := &corev1.Node{}
		node.Name = w.nodeName(instance)
		change(w, node, func(n *corev1.Node) { n.Spec.Unschedulable = true })
	}
	w.g.Eventually(func() []string {
		var pools []string
		for _, service := range w.onlyNLB().Services {
			pools = append(pools, service.InstancePool.ID)
		}
		return pools
	}).Should(Equal([]string{green.ID}))
	w.tells(web, "InstancePoolChanged", green.ID)
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(address))
}

// Fault 7: one node that is no Exoscale instance aborts every Service.
func TestFault07NodesThatAreNoExoscaleInstanceAreSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.addNode(exosim.Instance{ID: "4c4c4544-0000-4000-8000-000000000001", Name: w.ns + "-bare-metal"}, "none")
	standalone := w.sim.AddInstance("", exosim.Instance{Name: w.ns + "-standalone"})
	w.addNode(standalone, "none")
	web := w.service("web", nil)
	w.served(web)
	w.g.Expect(w.onlyNLB().Services[0].InstancePool.ID).To(Equal(w.pool.ID))
}

// Fault 11: an NLB without an address is published as the string "<nil>".
func TestFault11NoAddressIsPublishedBeforeThereIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.SetAddressless(true)
	web := w.service("web", nil)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/WaitingForAddress"))
	w.g.Expect(web.Status.LoadBalancer.Ingress).To(BeEmpty())
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) { lb.IP = "127.64.77.77" })
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal("127.64.77.77"))
}

// Fault 12: a failed operation is taken for a success; a missing reference panics.
func TestFault12AFailedOperationIsAFailureAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]exosim.Fault{
		"a create that fails later":   {Operation: "create-load-balancer", Kind: exosim.FaultOperationFailure, Reason: "unavailable", Count: 1},
		"a create that fails at once": {Operation: "create-load-balancer", Kind: exosim.FaultOperationFailure, Reason: "unavailable", Count: 1, Immediate: true},
		"an add that fails later":     {Operation: "add-service-to-load-balancer", Kind: exosim.FaultOperationFailure, Reason: "conflict", Count: 1},
		"an add that fails at once":   {Operation: "add-service-to-load-balancer", Kind: exosim.FaultOperationFailure, Reason: "fault", Count: 1, Immediate: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Cloud: exosim.Options{OperationDelay: 50 * time.Millisecond}})
			w.sim.Fault(fault)
			web := w.service("web", nil)
			w.served(web)
			w.g.Expect(w.onlyNLB().Services).To(HaveLen(1))
		})
	}
}

// Fault 13: more instance-pool fields than the id cause a PUT at every sync.
func TestFault13VerboseAnswersCauseNoWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: exosim.Options{VerboseReferences: true}})
	web := w.service("web", nil)
	w.served(web)
	w.g.Consistently(w.writes, 5*syncPeriod, syncPeriod).Should(Equal([]string{"create-load-balancer", "add-service-to-load-balancer"}))
}

// Fault 14: allocateLoadBalancerNodePorts false sends target port 0.
func TestFault14APortWithoutNodePortIsRefusedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", func(s *corev1.Service) {
		s.Spec.AllocateLoadBalancerNodePorts = ptr.To(false)
		s.Spec.Ports = []corev1.ServicePort{
			{Name: "with", Port: 80, NodePort: 30080, TargetPort: intstr.FromInt32(8080)},
			{Name: "without", Port: 443},
		}
	})
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/Invalid"), ContainSubstring("443"), ContainSubstring("allocateLoadBalancerNodePorts")))
	w.g.Eventually(func() string { w.says(web, v1alpha1.ServiceConditionAccepted); return addressOf(web) }).ShouldNot(BeEmpty())
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}))
	w.g.Expect(web.Status.LoadBalancer.Ingress[0].Ports).To(ConsistOf(
		corev1.PortStatus{Port: 80, Protocol: "TCP"},
		corev1.PortStatus{Port: 443, Protocol: "TCP", Error: ptr.To("nlb.exoscale.com/Invalid")}))
	w.remove(web) // its nodePort is of this cluster
	w.gone(web)
}

// Fault 15: a GET that fails with anything but 404 blocks deletion for good, in silence.
func TestFault15DeletionSaysWhatBlocksItAndGoesOnByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	heal := w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultStatus, Status: 403, Message: "no rights"})
	lb := &v1alpha1.NetworkLoadBalancer{}
	lb.Namespace, lb.Name = w.ns, "web"
	w.becomes(lb, v1alpha1.ConditionProgrammed, "Unknown/Forbidden")
	w.remove(web)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).
		Should(And(ContainSubstring("/Deleting"), ContainSubstring("Waiting until these are gone"), ContainSubstring("no rights")))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(1))
	heal()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

// Fault 16: numbers out of range wrap around, or go out unchecked.
func TestFault16NumbersOutOfRangeAreRefusedAndNothingIsTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	// Two, since one object gets five Events in a minute.
	webs := []*corev1.Service{w.service("web", nil), w.service("web-too", nil)}
	w.served(webs...)
	before, writes := w.sim.LoadBalancers(""), len(w.writes())
	for annotation, value := range map[string]string{
		v1alpha1.AnnotationHealthCheckPort:     "70000",
		v1alpha1.AnnotationHealthCheckInterval: "3s",
		v1alpha1.AnnotationHealthCheckTimeout:  "90s",
		v1alpha1.AnnotationHealthCheckRetries:  "50",
		v1alpha1.AnnotationStrategy:            "fastest",
		v1alpha1.AnnotationHealthCheckMode:     "udp",
	} {
		web := webs[0]
		webs[0], webs[1] = webs[1], webs[0]
		address := addressOf(web)
		change(w, web, annotated(annotation, value))
		w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).
			Should(And(HavePrefix("False/Invalid"), ContainSubstring(annotation), ContainSubstring(`"`+value+`"`)))
		w.tells(web, "Warning Invalid", annotation, `"`+value+`"`)
		w.g.Expect(addressOf(web)).To(Equal(address))
		change(w, web, func(s *corev1.Service) { delete(s.Annotations, annotation) })
		w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
	}
	w.g.Expect(w.writes()).To(HaveLen(writes))
	w.g.Expect(w.sim.LoadBalancers("")).To(ConsistOf(before))
}

// Fault 19: every operation costs at least 3 s of waiting, one Service at a time.
func TestFault19ServicesAreServedSideBySideWhileOperationsRun(t *testing.T) {
	t.Parallel()
	now := clocktesting.NewFakeClock(time.Now()) // operations end when the test says so
	w := newWorld(t, setup{
		Cloud:    exosim.Options{OperationDelay: 2 * time.Second, Clock: now},
		Operator: func(o *app.Options) { o.MaxConcurrentReconciles = 1 }, // a worker that waited would be the only one
	})
	var services []*corev1.Service
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		services = append(services, w.service(name, nil))
	}
	w.g.Eventually(func() int { return len(w.sim.PendingOperations()) }).Should(Equal(6), "all creates run at once")
	w.g.Eventually(func() []string {
		if len(w.sim.PendingOperations()) > 0 {
			now.Step(2 * time.Second)
		}
		return w.ports()
	}).Should(HaveLen(6))
	w.served(services...)
}
