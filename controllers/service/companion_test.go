package service_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// watched is a Service of UDP port 53 whose Pods are to have the sidecar.
func watched(service *corev1.Service) {
	annotate(service, v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar)
	service.Spec.Ports = []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}}
}

// companion waits for the companion of a Service.
func (s *scene) companion(name string) *corev1.Service {
	s.t.Helper()
	return awaited(s, &corev1.Service{}, name+"-udp-health")
}

// serves plays the controller of the NLBService: it has a service on the NLB, as
// the spec says.
func (s *scene) serves(name string) {
	s.t.Helper()
	s.say(name, metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
	s.Eventually(func() error {
		child := s.nlbService(name)
		child.Status.ID = "bbbbbbbb-0000-4000-8000-000000000001"
		return s.Status().Update(s.t.Context(), child)
	}).Should(Succeed())
}

func (s *scene) isProbedBy(name, choice string) {
	s.t.Helper()
	s.Eventually(func() string { return s.nlbService(name).Annotations[v1alpha1.AnnotationHealthCheckChoice] }).Should(Equal(choice))
}

// The companion is probed until the NLB is changed: gone before, no node would be
// healthy in between.
func TestTheCompanionStaysUntilTheNLBProbesElsewhere(t *testing.T) {
	s := newScene(t, nil)
	dns := s.service("dns", nil, watched)
	companion := s.companion("dns")
	s.runLoadBalancer("dns")
	s.serves("dns-53-udp")
	s.isProbedBy("dns-53-udp", v1alpha1.ChoiceSidecar)
	s.published("dns")

	change(s, dns, func(service *corev1.Service) { delete(service.Annotations, v1alpha1.AnnotationUDPHealthCheck) })
	s.isProbedBy("dns-53-udp", v1alpha1.ChoiceKubeProxy)
	s.round("dns") // whatever it is to do with the companion it has done now
	s.Expect(s.Get(t.Context(), client.ObjectKeyFromObject(companion), companion)).To(Succeed())
	s.Expect(companion.DeletionTimestamp).To(BeNil())

	s.serves("dns-53-udp")
	s.gone(companion)
}

func TestAPortWhoseCompanionAQuotaRefusesIsSaidAndTheOthersGoOn(t *testing.T) {
	s := newScene(t, nil)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "nodeports"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceServicesNodePorts: resource.MustParse("3")}},
	}
	s.Expect(s.Create(t.Context(), quota)).To(Succeed())
	quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{corev1.ResourceServicesNodePorts: resource.MustParse("0")}}
	s.Expect(s.Status().Update(t.Context(), quota)).To(Succeed())
	s.Eventually(func() error { // the admission plugin knows of it a moment later
		return s.Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "probe"}, Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Ports: []corev1.ServicePort{{Name: "a", Port: 1}, {Name: "b", Port: 2}, {Name: "c", Port: 3}, {Name: "d", Port: 4}},
		}}, client.DryRunAll)
	}).Should(MatchError(ContainSubstring("exceeded quota")))

	s.service("dns", nil, func(service *corev1.Service) {
		watched(service)
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "http", Port: 80}, corev1.ServicePort{Name: "https", Port: 443})
	})
	s.Expect(s.shows("dns", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonForbidden)).
		To(And(ContainSubstring("port 53/UDP"), ContainSubstring("Service dns-udp-health"), ContainSubstring("exceeded quota")))
	s.nlbService("dns-443-tcp")

	s.Expect(s.Delete(t.Context(), quota)).To(Succeed())
	s.Eventually(func() error {
		s.round("dns")
		return s.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "dns-53-udp"}, &v1alpha1.NLBService{})
	}).Should(Succeed())
	s.shows("dns", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}
