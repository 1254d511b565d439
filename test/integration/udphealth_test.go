package integration

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// watchedUDP is a Service of one UDP port whose Pods are to have the sidecar.
func watchedUDP(service *corev1.Service) {
	annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar)(service)
	service.Spec.Ports = []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(5353)}}
}

func withPolicy(policy corev1.ServiceExternalTrafficPolicy) func(*corev1.Service) {
	return func(service *corev1.Service) { service.Spec.ExternalTrafficPolicy = policy }
}

func (w *world) companion(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name + "-udp-health"}}
}

// udpPort is the NLBService of UDP port 53 of a Service.
func (w *world) udpPort(name string) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name + "-53-udp"}}
}

// probes waits until the one cloud service is probed as it is to be.
func (w *world) probes(want func() string) {
	w.t.Helper()
	w.g.Eventually(func(g Gomega) {
		var got []string
		for _, lb := range w.sim.LoadBalancers("") {
			for _, service := range lb.Services {
				got = append(got, fmt.Sprintf("%s %d %s", service.HealthCheck.Mode, service.HealthCheck.Port, service.HealthCheck.URI))
			}
		}
		g.Expect(got).To(Equal([]string{want()}))
	}).Should(Succeed())
}

// atCompanion is a probe at the nodePort of a companion.
func (w *world) atCompanion(companion *corev1.Service) func() string {
	return func() string {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(companion), companion); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("tcp %d ", companion.Spec.Ports[0].NodePort)
	}
}

func atKubeProxy() string { return "http 10256 /healthz" }

func TestAUDPPortIsProbedAtTheSidecarsOfItsPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	dns, companion := w.service("dns", watchedUDP), w.companion("dns")
	w.served(dns)
	w.probes(w.atCompanion(companion))
	w.g.Expect(companion.Spec.Type).To(Equal(corev1.ServiceTypeNodePort))
	w.g.Expect(companion.Spec.Selector).To(Equal(dns.Spec.Selector))
	w.g.Expect(companion.Spec.Ports[0].TargetPort.String()).To(Equal("udp-health"))
	w.g.Expect(metav1.IsControlledBy(companion, dns)).To(BeTrue())
	w.becomes(w.udpPort("dns"), v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
	port := w.udpPort("dns")
	w.g.Eventually(func() string {
		w.state(port, v1alpha1.ConditionBackendsHealthy)
		return w.message(port, v1alpha1.ConditionBackendsHealthy)
	}).Should(ContainSubstring("probed by TCP at port %d, the nodePort of Service dns-udp-health", companion.Spec.Ports[0].NodePort))
	w.settles()

	t.Run("it follows the selector, and nobody else's hands", func(*testing.T) {
		change(w, dns, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "green"} })
		selects := func() map[string]string {
			w.atCompanion(companion)()
			return companion.Spec.Selector
		}
		w.g.Eventually(selects).Should(HaveKeyWithValue("app", "green"))
		change(w, companion, func(s *corev1.Service) {
			s.Spec.PublishNotReadyAddresses, s.Spec.Selector = true, map[string]string{"app": "mine"}
		})
		w.g.Eventually(selects).Should(HaveKeyWithValue("app", "green"))
		w.g.Expect(companion.Spec.PublishNotReadyAddresses).To(BeFalse())
	})
	t.Run("deleted, it is made anew and probed there", func(*testing.T) {
		before := companion.Spec.Ports[0].NodePort
		w.remove(companion)
		w.g.Eventually(func(g Gomega) {
			g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(companion), companion)).To(Succeed())
			g.Expect(companion.DeletionTimestamp).To(BeNil())
		}).Should(Succeed())
		w.g.Expect(companion.Spec.Ports[0].NodePort).NotTo(Equal(before), "the same one would prove nothing")
		w.probes(w.atCompanion(companion))
	})
	w.settles()
}

func TestTheCompanionGoesWhenNothingIsProbedThereAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	dns, companion := w.service("dns", watchedUDP), w.companion("dns")
	w.probes(w.atCompanion(companion))

	change(w, dns, withPolicy(corev1.ServiceExternalTrafficPolicyLocal))
	w.probes(func() string { return fmt.Sprintf("http %d /healthz", dns.Spec.HealthCheckNodePort) })
	w.gone(companion)
	w.becomes(w.udpPort("dns"), v1alpha1.ConditionSidecarsInjected, "Unknown/NoEndpoints")

	change(w, dns, withPolicy(corev1.ServiceExternalTrafficPolicyCluster))
	w.probes(w.atCompanion(companion))

	change(w, dns, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationUDPHealthCheck) })
	w.probes(atKubeProxy)
	w.gone(companion)
	w.becomes(w.udpPort("dns"), v1alpha1.ConditionSidecarsInjected, "none")

	change(w, dns, watchedUDP)
	w.probes(w.atCompanion(companion))
	change(w, dns, func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil })
	w.gone(companion)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())

	again := w.service("again", watchedUDP)
	w.probes(w.atCompanion(w.companion("again")))
	w.remove(again)
	w.gone(again)
	w.gone(w.companion("again"))
}

func TestACompanionsNameThatIsTakenIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	theirs := w.service("dns-udp-health", func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil })
	version := theirs.ResourceVersion
	dns := w.service("dns", func(s *corev1.Service) {
		watchedUDP(s)
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "http", Port: 80})
	})
	w.g.Eventually(func() string { return w.says(dns, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/InUseByOther"), ContainSubstring(w.ns+"/dns-udp-health")))
	w.g.Eventually(w.ports).Should(ConsistOf(HavePrefix("80/tcp")))
	w.settles()
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs)).To(Succeed())
	w.g.Expect(theirs.ResourceVersion).To(Equal(version))

	w.remove(theirs)
	w.served(dns)
	w.g.Expect(w.ports()).To(HaveLen(2))
}

func TestASidecarWithoutASelectorIsAProblemInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	dns := w.service("dns", func(s *corev1.Service) {
		watchedUDP(s)
		delete(s.Annotations, v1alpha1.AnnotationUDPHealthCheck)
		s.Spec.Selector = nil
	})
	w.served(dns)
	change(w, dns, annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar))
	w.g.Eventually(func() string { return w.says(dns, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/Invalid"), ContainSubstring("no selector")))
	w.probes(atKubeProxy) // as before
}

func TestTheCompanionStaysWhereAServiceIsHandedOver(t *testing.T) {
	t.Parallel()
	claimed := true
	w := newWorld(t, setup{Operator: claimsIf(&claimed)})
	dns, companion := w.service("dns", func(s *corev1.Service) { watchedUDP(s); classless(s) }), w.companion("dns")
	w.served(dns)
	w.probes(w.atCompanion(companion))
	claimed = false
	w.restart()
	change(w, dns, func(s *corev1.Service) { // as the CCM does when it takes a Service
		annotated(v1alpha1.AnnotationDeletionPolicy, "Retain")(s)
		controllerutil.AddFinalizer(s, ccmFinalizer)
	})
	w.g.Eventually(func() []string { w.says(dns, ""); return dns.Finalizers }).Should(Equal([]string{ccmFinalizer}))
	w.g.Expect(w.children()).To(BeEmpty())
	w.probes(w.atCompanion(companion))
	w.g.Expect(companion.DeletionTimestamp).To(BeNil(), "the NLB goes on probing there")
}
