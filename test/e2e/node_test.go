//go:build linux

package e2e

import (
	"testing"
	"time"
)

// TestOnARealNode is one story: its parts share a node, and follow each other.
func TestOnARealNode(t *testing.T) {
	if whyNot != "" {
		t.Skip(whyNot)
	}
	s := newScene(t)
	s.createNamespace()
	s.part("Pods with the sidecar run in a namespace of restricted Pods", (*scene).podsRun)
	s.part("TCP and UDP of one port are carried", (*scene).tcpAndUDPAreCarried)
	s.part("the NLB probes the sidecars, and carries datagrams", (*scene).sidecarsAreProbed)
	s.part("a Pod that hangs gets no more datagrams, and its NLB service stays healthy", (*scene).oneHangs)
	s.part("when all hang the node is taken out, and comes back with them", (*scene).allHang)
	s.part("a Pod that ends is unhealthy before its application ends", (*scene).onePodEnds)
	s.part("the end of a Pod without a delay of its own", (*scene).aHastyPodEnds)
	s.part("a rolling restart isn't felt", (*scene).aRollingRestartIsntFelt)
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
