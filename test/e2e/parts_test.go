//go:build linux

package e2e

import (
	"net/http"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// game is the Deployment, of so many Pods, hasty one that doesn't delay its end. Of
// the Services of game both has a TCP port
// beside the UDP port; wide has the externalTrafficPolicy Cluster and near Local.
const (
	game, hasty      = "game", "hasty"
	pods             = 2
	both, wide, near = "both", "wide", "near"
)

// podsRun makes the Services first, which tell what the Pods' sidecars are to do.
func (s *scene) podsRun() {
	s.createService(both, probed, port("game", corev1.ProtocolUDP), port("lobby", corev1.ProtocolTCP))
	s.createService(wide, probed, port("game", corev1.ProtocolUDP))
	s.createService(near, func(service *corev1.Service) {
		probed(service)
		service.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	}, port("game", corev1.ProtocolUDP))
	s.eventuallyInjects()
	s.createDeployment(game, pods, nil)
	for _, pod := range s.eventuallyReady(game, pods) {
		s.Expect(pod.Status.InitContainerStatuses).To(HaveLen(1))
		status := pod.Status.InitContainerStatuses[0]
		s.Expect(status.Name).To(Equal(v1alpha1.SidecarContainer))
		s.Expect(status.State.Running).NotTo(BeNil(), "it runs beside the application, as a native sidecar: %v", status.State)
		s.Logf("Pod %s runs with the sidecar %s", pod.Name, pod.Spec.InitContainers[0].Args)
	}
}

func (s *scene) tcpAndUDPAreCarried() {
	udp, tcp := s.eventually(healthy, both, corev1.ProtocolUDP), s.eventually(healthy, both, corev1.ProtocolTCP)
	s.isProbed(udp, v1alpha1.ChoiceTCPTwin, v1alpha1.HealthCheckTCP, tcp.Spec.TargetPort)
	s.Expect(udp.Status.Address).To(Equal(tcp.Status.Address))
	s.answersAllOver(udp, pods)
	s.answersAllOver(tcp, pods)
}

func (s *scene) sidecarsAreProbed() {
	ofWide, ofNear := s.eventually(healthy, wide, corev1.ProtocolUDP), s.eventually(healthy, near, corev1.ProtocolUDP)
	s.isProbed(ofWide, v1alpha1.ChoiceSidecar, v1alpha1.HealthCheckTCP, s.nodePortOfCompanion(wide))
	s.isProbed(ofNear, v1alpha1.ChoiceLocal, v1alpha1.HealthCheckHTTP, s.service(near).Spec.HealthCheckNodePort)
	s.answersAllOver(ofWide, pods)
	s.answersAllOver(ofNear, pods)
}

func (s *scene) isProbed(is *v1alpha1.NLBService, choice string, mode v1alpha1.HealthCheckMode, port int32) {
	s.Helper()
	s.Expect(is.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationHealthCheckChoice, choice))
	s.Expect(is.Spec.HealthCheck).To(And(HaveField("Mode", mode), HaveField("Port", port)))
}

func (s *scene) oneHangs() {
	ready := s.eventuallyReady(game, pods)
	hung, other := ready[0], ready[1]
	s.staysHealthy(wide, func(to *v1alpha1.NLBService) {
		s.tells(hung, "hang")
		s.eventuallyHasEndpoints(wide, other)
		s.Eventually(func() answers { return s.send(to, 20) }).Should(Equal(answers{other.Name: 20}))
	})
	s.tells(hung, "resume")
	s.eventuallyHasEndpoints(wide, ready...)
}

// allHang also shows why a node with the policy Local isn't probed by TCP: its
// kube-proxy listens whether or not it has an endpoint, and says no by HTTP alone.
func (s *scene) allHang() {
	ready := s.eventuallyReady(game, pods)
	for _, pod := range ready {
		s.tells(pod, "hang")
	}
	for _, service := range []string{wide, near} {
		s.eventually(unhealthy, service, corev1.ProtocolUDP)
		s.eventuallyHasEndpoints(service)
	}
	healthz := s.urlOfHealthCheck(near)
	s.Expect(s.statusOf(healthz)).To(Equal(http.StatusServiceUnavailable))
	s.Logf("with no ready endpoint, GET %s answers 503, and the TCP connection before it succeeds", healthz)

	for _, pod := range ready {
		s.tells(pod, "resume")
	}
	for _, service := range []string{wide, near} {
		s.answersAllOver(s.eventually(healthy, service, corev1.ProtocolUDP), pods)
	}
	s.Expect(s.statusOf(healthz)).To(Equal(http.StatusOK))
}
