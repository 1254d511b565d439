//go:build linux

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

// TestOnARealNode is one story: its parts share a node, and follow each other.
func TestOnARealNode(t *testing.T) {
	if whyNot != "" {
		t.Skip(whyNot)
	}
	s := newScene(t)
	s.createNamespace()
	s.part("the Pods run, in a namespace of restricted Pods", (*scene).podsRun)
	s.part("TCP and UDP of one port are carried", (*scene).tcpAndUDPAreCarried)
}

// part of the story. What follows one that failed would fail for the same reason.
func (s *scene) part(name string, tell func(*scene)) {
	if s.Failed() {
		return
	}
	s.Run(name, func(t *testing.T) {
		began := time.Now()
		tell(s.in(t))
		t.Logf("took %.1f s", time.Since(began).Seconds())
	})
	if s.Failed() {
		s.tellEvents()
	}
}

func (s *scene) podsRun() {
	s.createDeployment("game", 2)
	s.eventuallyReady("game", 2)
}

func (s *scene) tcpAndUDPAreCarried() {
	s.createService("both", "game", nil, port("game", corev1.ProtocolUDP), port("lobby", corev1.ProtocolTCP))
	udp, tcp := s.eventuallyHealthy("both", corev1.ProtocolUDP), s.eventuallyHealthy("both", corev1.ProtocolTCP)
	s.Expect(udp.Spec.HealthCheck.Port).To(Equal(tcp.Spec.TargetPort), "the UDP port is probed at its TCP twin")
	s.Expect(udp.Status.Address).To(Equal(tcp.Status.Address))

	s.everybodyAnswers(s.sendDatagrams(udp, 40), 40, 2)
	s.everybodyAnswers(s.sendLines(tcp, 40), 40, 2)
}
