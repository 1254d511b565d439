package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// More of what must hold where the Exoscale CCM is known to fail: whose an NLB and
// its services are.

// idOf is the id annotation of a Service.
func (w *world) idOf(service *corev1.Service) string {
	w.says(service, "")
	return service.Annotations[v1alpha1.AnnotationID]
}

// Fault 3: a lost id annotation makes a second NLB, the first leaks, the address changes.
func TestFault03ALostIDAnnotationIsWrittenBackAndTheNLBStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated("example.com/other", "gone, too"))
	w.served(web)
	was := w.onlyNLB()
	w.g.Eventually(func() string { return w.idOf(web) }).Should(Equal(was.ID))
	w.settles()
	w.sim.ResetCalls()

	change(w, web, func(s *corev1.Service) { s.Annotations = nil }) // as kubectl replace does with the manifest
	w.g.Eventually(func() string { return w.idOf(web) }).Should(Equal(was.ID))
	w.stop()
	change(w, web, func(s *corev1.Service) { s.Annotations, s.Finalizers = nil, nil })
	w.start()
	w.g.Eventually(func() string { return w.idOf(web) }).Should(Equal(was.ID))
	w.served(web)
	w.settles()
	w.g.Expect(w.onlyNLB()).To(Equal(was))
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
	w.g.Expect(w.writes()).To(BeEmpty())
}

// Fault 4: a crash between the create and the writing of the id leaves an orphan.
func TestFault04ACrashBeforeTheIDIsWrittenLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: exosim.Options{OperationDelay: time.Second}})
	w.sim.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultResetAfter, Count: 1}) // nobody hears of the id
	web := w.service("web", nil)
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers("")) }).Should(Equal(1))
	made := w.onlyNLB().ID
	w.restart()
	w.served(web)
	w.g.Expect(w.onlyNLB().ID).To(Equal(made))
	w.g.Eventually(func() string { return w.idOf(web) }).Should(Equal(made))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

// Fault 8: two Services with the same id delete each other's ports.
func TestFault08TwoServicesWithOneIDLeaveEachOthersPortsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	onPort := func(port int32, annotations ...string) func(*corev1.Service) {
		return func(s *corev1.Service) {
			annotated(annotations...)(s)
			s.Spec.Ports[0].Port = port
		}
	}
	t.Log("the NLB of one of them")
	first := w.service("first", onPort(80))
	w.served(first)
	own := w.onlyNLB()
	second := w.service("second", onPort(81, v1alpha1.AnnotationID, own.ID))
	w.refused(second, v1alpha1.ReasonInUseByOther)
	w.served(first)
	w.remove(second)
	w.gone(second)
	w.g.Expect(w.onlyNLB()).To(Equal(own))
	w.remove(first)
	w.gone(first)

	t.Log("an NLB of neither")
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	external := []string{v1alpha1.AnnotationID, made.ID, v1alpha1.AnnotationExternal, "true"}
	first, second = w.service("first", onPort(80, external...)), w.service("second", onPort(81, external...))
	w.served(first, second)
	w.settles()
	w.g.Expect(w.servedPorts(made.IP)).To(ConsistOf(int64(80), int64(81)))
	change(w, first, annotated(v1alpha1.AnnotationStrategy, "source-hash"))
	w.g.Eventually(w.accepted).Should(ContainElement("update-load-balancer-service"))
	w.settles()
	w.g.Expect(w.servedPorts(made.IP)).To(ConsistOf(int64(80), int64(81)))
	w.remove(first)
	w.gone(first)
	w.served(second)
	w.g.Expect(w.servedPorts(made.IP)).To(ConsistOf(int64(81)))
}

// Fault 9: on an external NLB a second Service on a port overwrites the first
// one's, deleting goes by the port alone, and a removed port stays.
func TestFault09OnAnExternalNLBOnlyItsOwnServicesAreChangedOrRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Services: []exosim.Service{notOurs(w, "theirs", 22)}})
	external := annotated(v1alpha1.AnnotationID, made.ID, v1alpha1.AnnotationExternal, "true")
	first := w.service("first", external)
	w.served(first)
	was := w.onlyNLB()
	second := w.service("second", func(s *corev1.Service) {
		external(s)
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "ssh", Port: 22}, corev1.ServicePort{Name: "own", Port: 81})
	})
	w.g.Eventually(func() []int64 { return w.servedPorts(made.IP) }).Should(ConsistOf(int64(22), int64(80), int64(81)))
	w.refused(second, v1alpha1.ReasonPortConflict)
	w.g.Expect(w.onlyNLB().Services[:2]).To(Equal(was.Services), "what was there first")

	change(w, second, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:2] })
	w.g.Eventually(func() []int64 { return w.servedPorts(made.IP) }).Should(ConsistOf(int64(22), int64(80)))
	w.remove(second)
	w.gone(second)
	w.g.Expect(w.onlyNLB()).To(Equal(was))
	w.served(first)
	w.remove(first)
	w.gone(first)
	w.g.Expect(w.servedPorts(made.IP)).To(ConsistOf(int64(22)))
}

// Fault 10: deleting looks at the ports as they are now, so that a service which
// isn't in the spec any more keeps the NLB alive.
func TestFault10DeletingGoesByWhatIsRecordedNotByThePortsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", twoPorts)
	w.served(web)
	w.stop()
	change(w, web, func(s *corev1.Service) { s.Spec.Ports = []corev1.ServicePort{{Name: "new", Port: 8080}} })
	w.remove(web)
	w.start()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

// Fault 17: drift stays until the Service changes; the workers of nodes and those
// of Services race on one NLB.
func TestFault17DriftIsRepairedByItselfAndOneChangeAtATimeReachesAnNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: exosim.Options{OperationDelay: 100 * time.Millisecond}})
	web := w.service("web", twoPorts)
	w.served(web)
	w.settles()
	generation := web.Generation
	target := w.onlyNLB().Services[0].TargetPort
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) { lb.Services[0].TargetPort = 1 })
	w.g.Eventually(func() int64 { return w.onlyNLB().Services[0].TargetPort }).Should(Equal(target))
	w.settles()
	w.says(web, "")
	w.g.Expect(web.Generation).To(Equal(generation), "nobody had to touch the Service")

	green := w.addPool("green", 2)
	for _, instance := range w.sim.Members(w.pool.ID) {
		node := &corev1.Node{}
		node.Name = w.nodeName(instance)
		change(w, node, func(n *corev1.Node) { n.Spec.Unschedulable = true })
	}
	change(w, web, func(s *corev1.Service) {
		annotated(v1alpha1.AnnotationDescription, "both at once", v1alpha1.AnnotationStrategy, "source-hash")(s)
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "third", Port: 8080})
	})
	w.g.Eventually(func(g Gomega) {
		lb := w.onlyNLB()
		g.Expect(lb.Description).To(Equal("both at once"))
		g.Expect(lb.Services).To(HaveLen(3))
		for _, service := range lb.Services {
			g.Expect(service.Strategy).To(Equal("source-hash"))
			g.Expect(service.InstancePool.ID).To(Equal(green.ID))
		}
	}).Should(Succeed())
	w.served(web)
	w.g.Expect(w.accepted()).To(Equal(w.writes()), "Exoscale refuses a change while another is under way on the NLB")
}

// Fault 18: fields are ignored in silence; no class, ipMode, Events or health.
func TestFault18WhatAnNLBCanNotDoIsSaidAndWhatItDoesIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", func(s *corev1.Service) {
		s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
		s.Spec.LoadBalancerIP = "192.0.2.7"
		s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	})
	w.served(web)
	for _, texts := range [][]string{
		{"spec.loadBalancerSourceRanges", "192.0.2.0/24", "OPEN TO EVERYONE", "security groups"},
		{"spec.loadBalancerIP", "192.0.2.7", "can't be chosen"},
		{"spec.sessionAffinity", v1alpha1.AnnotationStrategy + " to source-hash"},
	} {
		condition := w.says(web, v1alpha1.ServiceConditionAllFieldsHonored)
		w.g.Expect(condition).To(HavePrefix("False/"))
		for _, text := range texts {
			w.g.Expect(condition).To(ContainSubstring(text))
		}
		w.tells(web, append([]string{"Warning"}, texts...)...)
	}
	w.tells(web, "Normal Programmed", addressOf(web))
	w.g.Expect(web.Status.LoadBalancer.Ingress[0].IPMode).To(Equal(ptr.To(corev1.LoadBalancerIPModeVIP)))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionBackendsHealthy) }).Should(HavePrefix("True/"))

	change(w, web, func(s *corev1.Service) {
		s.Spec.LoadBalancerSourceRanges, s.Spec.LoadBalancerIP = nil, ""
		annotated(v1alpha1.AnnotationStrategy, "source-hash")(s)
	})
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAllFieldsHonored) }).Should(HavePrefix("True/"))

	class := "example.com/another"
	others := w.service("others", func(s *corev1.Service) { s.Spec.LoadBalancerClass = &class })
	w.settles()
	w.says(others, "")
	w.g.Expect(others.Finalizers).To(BeEmpty(), "another's class")
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(1))
}
