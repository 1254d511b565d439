package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// modeOf is how kube-proxy is to treat the address of a Service.
func (w *world) modeOf(service *corev1.Service) corev1.LoadBalancerIPMode {
	w.says(service, "")
	if len(service.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return ptr.Deref(service.Status.LoadBalancer.Ingress[0].IPMode, "")
}

// While a port is another's, kube-proxy must not capture it inside the cluster.
func TestASharedPortIsLostAndWon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge := w.loadBalancer("edge", nil)
	first := w.service("first", sharing("edge", 443, 80))
	w.served(first)
	second := w.service("second", sharing("edge", 443, 8443))
	w.g.Eventually(func() corev1.LoadBalancerIPMode { return w.modeOf(second) }).Should(Equal(corev1.LoadBalancerIPModeProxy))
	w.g.Expect(second.Status.LoadBalancer.Ingress[0].Ports).To(ContainElement(
		corev1.PortStatus{Port: 443, Protocol: "TCP", Error: ptr.To("nlb.exoscale.com/PortConflict")}))
	w.g.Expect(addressOf(second)).To(Equal(addressOf(first)))
	w.served(first)
	w.g.Expect(w.modeOf(first)).To(Equal(corev1.LoadBalancerIPModeVIP))
	w.g.Expect(w.onlyNLB().Services).To(HaveLen(3))

	change(w, first, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[1:] })
	w.served(second)
	w.g.Eventually(func() corev1.LoadBalancerIPMode { return w.modeOf(second) }).Should(Equal(corev1.LoadBalancerIPModeVIP))
	w.served(first)

	change(w, first, func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "again", Port: 443})
	})
	w.g.Eventually(func() corev1.LoadBalancerIPMode { return w.modeOf(first) }).Should(Equal(corev1.LoadBalancerIPModeProxy))
	w.served(second)
	w.g.Expect(w.modeOf(second)).To(Equal(corev1.LoadBalancerIPModeVIP))
	w.ready(edge)
}

func TestANamespaceMadeAnewIsNotAdmittedByTheLabelsOfItsFormerSelf(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: selector("tenant", "other")}
	})
	guest := w.guest(other, "edge", 80)
	w.ready(lb, guest)
	w.g.Expect(w.ports()).To(HaveLen(1))

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other}}
	w.remove(namespace)
	w.gone(namespace)
	w.g.Expect(w.ports()).To(BeEmpty(), "what stood on the NLB went with it")
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other}})
	w.g.Eventually(func() error {
		again := w.guestObject(other, "edge", 80)
		return w.client.Create(t.Context(), again)
	}).Should(Succeed())
	again := w.guestObject(other, "edge", 80)
	w.becomes(again, v1alpha1.ConditionReady, "False/NotAllowedNamespace")
	w.settles()
	w.g.Expect(w.ports()).To(BeEmpty())
	host := w.nlbService("host", "edge", 80, nil)
	w.ready(host)
	w.remove(again)
	w.gone(again)
	w.ready(host, lb)
}

// guestObject is an NLBService in another namespace than its NetworkLoadBalancer's.
func (w *world) guestObject(namespace, loadBalancer string, port int32) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "guest"},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Namespace: w.ns, Name: loadBalancer},
			Port:            port, TargetPort: 30000 + port, Target: v1alpha1.Target{InstancePoolID: w.pool.ID},
		},
	}
}

// Created and deleted at once, with the operator's finalizer on it from the
// beginning, an object looks like one that has lost its status: it may clear up
// what is its own, and nothing else.
func TestAnObjectDeletedAtBirthClearsUpNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true, Stopped: true})
	other := w.namespace(nil)
	w.start()
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 443, nil)
	w.ready(lb, web)
	was := w.onlyNLB()
	w.stop()
	w.forget(web) // lost with its status, and not restored yet
	mallory := w.guestObject(other, "edge", 443)
	mallory.Finalizers = []string{v1alpha1.NLBServiceFinalizer}
	w.create(mallory)
	w.remove(mallory)
	w.start()
	w.gone(mallory)
	w.g.Expect(w.onlyNLB()).To(Equal(was))

	web = w.nlbService("web", "edge", 443, nil)
	w.ready(web)
	w.g.Expect(web.Status.ID).To(Equal(was.Services[0].ID))
}

// A Service that has its place on an NLB asks for a port of another's beside, in
// a way that keeps it from being looked at: kube-proxy doesn't read what the
// status tells of single ports.
func TestAPortThatIsNotTheServicesIsNeverCapturedInTheCluster(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(*corev1.Service){
		"beside an annotation that isn't valid": annotated(v1alpha1.AnnotationStrategy, "fastest"),
		"beside a pool that isn't there":        annotated(v1alpha1.AnnotationInstancePoolID, "00000000-0000-4000-8000-000000000000"),
		"beside a field that isn't honoured":    func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} },
		"beside ten others": func(s *corev1.Service) {
			sharing("edge", 8443, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010)(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.loadBalancer("edge", nil)
			first := w.service("first", sharing("edge", 443))
			w.served(first)
			second := w.service("second", sharing("edge", 8443))
			w.served(second)
			change(w, second, func(s *corev1.Service) {
				attack(s)
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "theirs", Port: 443})
			})
			w.g.Eventually(func() corev1.LoadBalancerIPMode { return w.modeOf(second) }).Should(Equal(corev1.LoadBalancerIPModeProxy))
			w.settles()
			w.g.Expect(w.modeOf(second)).To(Equal(corev1.LoadBalancerIPModeProxy))
			w.served(first)
			w.g.Expect(w.modeOf(first)).To(Equal(corev1.LoadBalancerIPModeVIP))
		})
	}
}
