package udptraffic

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

// givenOld are two Pods, on two of three nodes, that the NLB knows.
func (c *cluster) givenOld(edit ...func(*pod)) []*pod {
	c.t.Helper()
	old := []*pod{c.run("old-1", c.nodes[0], inProbeMode, edit...), c.run("old-2", c.nodes[1], inProbeMode, edit...)}
	c.becomesHealthy(c.nodes[0], c.nodes[1])
	return old
}

// whenRolledOut replaces two Pods as a Deployment does: the next new Pod starts
// elsewhere, and when it is ready, an old one is deleted. Clients send all the
// time; preStop is what an old application does before it ends.
func (c *cluster) whenRolledOut(sending *clients, old []*pod, preStop func(*pod), edit ...func(*pod)) {
	c.t.Helper()
	for _, p := range old {
		c.getsTraffic(sending, p)
	}
	for i, n := range []*node{c.nodes[2], c.nodes[0]} {
		fresh := c.run([]string{"new-1", "new-2"}[i], n, inProbeMode, edit...)
		c.becomesReady(fresh, true)
		c.end(old[i], func() { preStop(old[i]) })
	}
	c.becomesHealthy(c.nodes[0], c.nodes[2])
	for _, p := range c.podsOf(c.nodes[2]) {
		c.getsTraffic(sending, p)
	}
	sending.end()
}

func (c *cluster) getsTraffic(sending *clients, p *pod) {
	c.t.Helper()
	NewWithT(c.t).Eventually(sending.answeredBy(p)).WithTimeout(patience).Should(BeTrue(), p.name+"'s getting traffic")
}

// untilTheNLBKnows is an application's preStop hook that lasts as long as the NLB
// takes, which is interval × retries at most from when the node's health check has
// turned bad.
func (c *cluster) untilTheNLBKnows(p *pod) {
	c.t.Helper()
	started := time.Now()
	NewWithT(c.t).Eventually(func() bool { return strings.Contains(c.healthy()+" ", p.node.name+" ") }).
		WithTimeout(patience).WithPolling(5*time.Millisecond).Should(BeFalse(), "the NLB's finding "+p.node.name+" healthy")
	took := time.Since(started) * hurry
	c.t.Logf("%s had to answer for %s more of the NLB's time; interval × retries is %ds", p.name, took.Round(100*time.Millisecond), interval*retries)
}

func TestARollOutLosesNothingIfThePreStopDelayCoversTheProbes(t *testing.T) {
	t.Parallel()
	c := given(t, 3, local)
	old := c.givenOld()
	sending := c.whenSending(8, patience)
	c.whenRolledOut(sending, old, func(p *pod) {
		c.untilTheNLBKnows(p)
		sending.sentByAll(t) // what had been sent to it before, too
	})
	if sent, answered := sending.told(t); sent != answered {
		t.Errorf("of %d datagrams %d were answered", sent, answered)
	}
}

// TestARollOutWithoutDelayLosesDatagrams is what the delay is for, and that the
// test above can fail.
func TestARollOutWithoutDelayLosesDatagrams(t *testing.T) {
	t.Parallel()
	c := given(t, 3, local)
	old := c.givenOld()
	sending := c.whenSending(8, 100*time.Millisecond)
	c.whenRolledOut(sending, old, func(*pod) {})
	if sent, answered := sending.told(t); sent == answered {
		t.Errorf("all of %d datagrams were answered", sent)
	}
}

// TestReadinessMustNotFollowTheDrainAtOnce: a kube-proxy drops what arrives for a Pod
// that is terminating and not serving, however long its application waits. So the
// sidecar lingers, until the NLB knows.
func TestReadinessMustNotFollowTheDrainAtOnce(t *testing.T) {
	t.Parallel()
	c := given(t, 3, local)
	withoutLingering := func(p *pod) {
		p.sidecar = sidecar.Start(t, "--injected", "--target", p.application.Port()+inProbeMode)
	}
	old := c.givenOld(withoutLingering)
	sending := c.whenSending(8, 100*time.Millisecond)
	c.whenRolledOut(sending, old, c.untilTheNLBKnows, withoutLingering)
	if sent, answered := sending.told(t); sent == answered {
		t.Errorf("all of %d datagrams were answered", sent)
	}
}
