package udptraffic

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

func TestLocalTakesAHungApplicationOutInProbeMode(t *testing.T) {
	t.Parallel()
	c := given(t, 2, local)
	a, b := c.run("a", c.nodes[0], inProbeMode), c.run("b", c.nodes[1], inProbeMode)
	c.becomesHealthy(c.nodes...)
	g := NewWithT(t)
	g.Expect(c.asked(4)).To(Equal(map[string]int{"a": 2, "b": 2}))

	a.application.Hang()
	c.becomesReady(a, false)
	c.becomesHealthy(c.nodes[1])
	g.Expect(c.asked(4)).To(Equal(map[string]int{"b": 4}))
	b.application.Hang()
	c.becomesHealthy()
	g.Expect(c.asked(2)).To(Equal(map[string]int{"": 2}))

	a.application.Recover()
	b.application.Recover()
	c.becomesHealthy(c.nodes...)
	g.Expect(c.asked(4)).To(Equal(map[string]int{"a": 2, "b": 2}))
}

// TestSocketModeDoesntSeeThatAnApplicationHangs: that is what the other mode is for.
func TestSocketModeDoesntSeeThatAnApplicationHangs(t *testing.T) {
	t.Parallel()
	c := given(t, 2, local)
	a := c.run("a", c.nodes[0], inSocketMode)
	c.run("b", c.nodes[1], inSocketMode)
	c.becomesHealthy(c.nodes...)

	a.application.Hang()
	checks := func() uint64 {
		status, err := a.sidecar.Status()
		if err != nil {
			return 0
		}
		return status.Targets[0].Checks
	}
	before := checks()
	g := NewWithT(t)
	g.Eventually(checks).WithTimeout(patience).Should(BeNumerically(">", before+2))
	g.Expect(c.asked(4)).To(Equal(map[string]int{"": 2, "b": 2}))
	c.becomesHealthy(c.nodes...)
}

func TestLocalTakesACrashedApplicationOutInBothModes(t *testing.T) {
	for name, mode := range map[string]string{"probe": inProbeMode, "socket": inSocketMode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := given(t, 2, local)
			a := c.run("a", c.nodes[0], mode)
			c.run("b", c.nodes[1], mode)
			c.becomesHealthy(c.nodes...)

			a.application.Crash()
			c.becomesHealthy(c.nodes[1])
			g := NewWithT(t)
			g.Expect(c.asked(4)).To(Equal(map[string]int{"b": 4}))

			a.application.Restart()
			c.becomesHealthy(c.nodes...)
			g.Expect(c.asked(4)).To(Equal(map[string]int{"a": 2, "b": 2}))
		})
	}
}

// TestClusterProbesTheSidecarItself: the companion's nodePort leads to the health
// port of a ready Pod. Here it is that of the only one, at every node: the program
// listens at all addresses, and so at the nodes', too.
func TestClusterProbesTheSidecarItself(t *testing.T) {
	for name, mode := range map[string]string{"probe": inProbeMode, "socket": inSocketMode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			healthPort := ports.Free(t)
			c := given(t, 2, exosim.HealthCheck{Mode: "tcp", Port: int64(healthPort)})
			a := c.run("a", c.nodes[0], mode, func(p *pod) {
				p.sidecar = sidecar.Start(t, "--target", p.application.Port()+mode, "--health-port", fmt.Sprint(healthPort))
				p.sidecar.HealthPort = healthPort
			})
			c.becomesHealthy(c.nodes...)

			a.application.Crash()
			c.becomesHealthy()
			a.application.Restart()
			c.becomesHealthy(c.nodes...)

			if mode == inProbeMode {
				a.application.Hang()
				c.becomesHealthy()
				a.application.Recover()
				c.becomesHealthy(c.nodes...)
			}
			c.end(a, func() { c.becomesHealthy() })
		})
	}
}

// TestTCPAndUDPShareAPort of the NLB and of the nodes, and leave a node together.
func TestTCPAndUDPShareAPort(t *testing.T) {
	t.Parallel()
	c := given(t, 2, local)
	a, b := c.run("a", c.nodes[0], inProbeMode), c.run("b", c.nodes[1], inProbeMode)
	for _, p := range []*pod{a, b} {
		greetOverTCP(t, p)
	}
	c.becomesHealthy(c.nodes...)
	g := NewWithT(t)
	overTCP := func() map[string]int {
		answers := map[string]int{}
		for range 4 {
			answers[greeted(c.address)]++
		}
		return answers
	}
	g.Eventually(overTCP).WithTimeout(patience).Should(Equal(map[string]int{"a": 2, "b": 2}))
	g.Expect(c.asked(4)).To(Equal(map[string]int{"a": 2, "b": 2}))

	b.application.Hang()
	c.becomesHealthy(c.nodes[0])
	g.Eventually(overTCP).WithTimeout(patience).Should(Equal(map[string]int{"a": 4}))
	g.Expect(c.asked(4)).To(Equal(map[string]int{"a": 4}))
}

// greetOverTCP lets a Pod tell its name at the same port over TCP.
func greetOverTCP(t *testing.T, p *pod) {
	t.Helper()
	listener, err := net.Listen("tcp4", p.application.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, p.name)
			conn.Close()
		}
	}()
}

// greeted is whose name comes over TCP.
func greeted(address string) string {
	conn, err := net.Dial("tcp4", net.JoinHostPort(address, port))
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	name, _ := bufio.NewReader(conn).ReadString('\n')
	return name[:max(0, len(name)-1)]
}
