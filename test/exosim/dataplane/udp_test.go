package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// openFlows looks inside: how many flows there are shows in no other way.
func openFlows(plane *Plane, service Service) int {
	plane.mu.Lock()
	defer plane.mu.Unlock()
	front := plane.running[service.ID].front.(*udpFront)
	front.mu.Lock()
	defer front.mu.Unlock()
	return len(front.flows)
}

// thenAnswers sends datagrams until the wanted member answers one.
func thenAnswers(t *testing.T, c *client, want *member) {
	t.Helper()
	NewWithT(t).Eventually(func() (string, error) {
		_, err := c.exchange("hello", 200*time.Millisecond)
		return c.member, err
	}).WithTimeout(patience).WithPolling(5 * time.Millisecond).Should(Equal(want.addr.String()))
}

func TestUDPRepliesComeBack(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	c := whenConnected(t, anyClient, service)
	for _, payload := range []string{"", "hello", strings.Repeat("x", 60000)} {
		if got, err := c.exchange(payload, patience); err != nil || got != payload {
			t.Errorf("reply to %d bytes has %d (%v)", len(payload), len(got), err)
		}
	}
}

func TestUDPFlowsAreSpreadAndStay(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	used := map[string]int{}
	for range 6 {
		c := whenConnected(t, anyClient, service)
		first := ""
		for range 5 {
			if _, err := c.exchange("hello", patience); err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = c.member
				used[first]++
			}
			if c.member != first {
				t.Errorf("a flow on %s was answered by %s", first, c.member)
			}
		}
	}
	for _, m := range pool.members {
		if used[m.addr.String()] != 2 {
			t.Errorf("flows by member are %v, want 2 each", used)
		}
	}
}

func TestUDPFlowMovesWhenItsBackendTurnsUnhealthy(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 2)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	staying, moving := flowTo(t, service, pool.members[0]), flowTo(t, service, pool.members[1])

	pool.members[1].healthy.Store(false)
	thenHealthy(t, plane, service, pool.members[0])
	thenAnswers(t, moving, pool.members[0])

	pool.members[1].healthy.Store(true)
	thenHealthy(t, plane, service, pool.members...)
	thenAnswers(t, staying, pool.members[0])
	thenAnswers(t, moving, pool.members[0])
}

// TestUDPRepliesUnderWayArrive although the flow leads elsewhere by then.
func TestUDPRepliesUnderWayArrive(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 2)
	service := pool.service(ProtocolUDP)
	slow, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(pool.members[1].addr, freePort(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	service.TargetPort = slow.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	service.Backends = []netip.Addr{pool.members[1].addr}
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members[1])

	client := whenConnected(t, anyClient, service)
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	datagram := make([]byte, maxDatagram)
	_, from, err := slow.ReadFromUDP(datagram)
	if err != nil {
		t.Fatal(err)
	}
	service.Backends = []netip.Addr{pool.members[0].addr}
	whenApplied(t, plane, service)
	if n := openFlows(plane, service); n != 0 {
		t.Fatalf("%d flows lead to a backend that is none any more", n)
	}
	if _, err := slow.WriteToUDP([]byte("late"), from); err != nil {
		t.Fatal(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(patience))
	if n, err := client.Read(datagram); err != nil || string(datagram[:n]) != "late" {
		t.Errorf("the client receives %q (%v)", datagram[:n], err)
	}
	front := plane.running[service.ID].front.(*udpFront)
	NewWithT(t).Eventually(func() int {
		front.mu.Lock()
		defer front.mu.Unlock()
		return len(front.leaving)
	}).WithTimeout(patience).Should(BeZero(), "flows that are leaving")
}

func flowTo(t *testing.T, service Service, want *member) *client {
	t.Helper()
	for range 10 {
		c := whenConnected(t, anyClient, service)
		if _, err := c.exchange("hello", patience); err != nil {
			t.Fatal(err)
		}
		if c.member == want.addr.String() {
			return c
		}
	}
	t.Fatalf("none of 10 flows is sent to %s", want.addr)
	return nil
}

func TestUDPWithoutHealthyBackendIsDropped(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	pool.members[0].healthy.Store(false)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)

	c := whenConnected(t, anyClient, service)
	if _, err := c.exchange("hello", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a datagram gives %v, want no answer at all", err)
	}
	pool.members[0].healthy.Store(true)
	thenAnswers(t, c, pool.members[0])
}

func TestUDPFlowsEndWhenIdle(t *testing.T) {
	plane := givenPlane(t, Options{FlowIdleTimeout: 50 * time.Millisecond})
	pool := givenPool(t, 1)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	c := whenConnected(t, anyClient, service)
	thenAnswers(t, c, pool.members[0])
	NewWithT(t).Eventually(func() int { return openFlows(plane, service) }).WithTimeout(patience).Should(BeZero())
	thenAnswers(t, c, pool.members[0])
}

func TestUDPFlowsAreBounded(t *testing.T) {
	plane := givenPlane(t, Options{MaxFlows: 2})
	pool := givenPool(t, 3) // round-robin would give a flow opened anew to another one
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	oldest := whenConnected(t, anyClient, service)
	used := flowTo(t, service, pool.members[1])
	for range 20 {
		if _, err := whenConnected(t, anyClient, service).exchange("hello", patience); err != nil {
			t.Fatalf("a new client gets no answer: %v", err)
		}
		if got := openFlows(plane, service); got > 2 {
			t.Fatalf("%d flows, want at most 2", got)
		}
		if _, err := used.exchange("hello", patience); err != nil || used.member != pool.members[1].addr.String() {
			t.Fatalf("the flow in use is answered by %q (%v), want it to stay on %s", used.member, err, pool.members[1].addr)
		}
	}
	if _, err := oldest.exchange("hello", patience); err != nil {
		t.Errorf("a client whose flow was replaced gets no answer: %v", err)
	}
}

func TestUDPSurvivesABackendThatRefuses(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 2)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	onSteady, onRefusing := flowTo(t, service, pool.members[0]), flowTo(t, service, pool.members[1])

	pool.members[1].socket.Close() // its health check still succeeds
	for range 5 {
		if _, err := onRefusing.exchange("hello", 20*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a refused datagram gives %v, want no answer", err)
		}
		thenAnswers(t, onSteady, pool.members[0])
	}

	pool.members[1].serveUDP(t, pool.port)
	if _, err := onRefusing.exchange("hello", patience); err != nil || onRefusing.member != pool.members[1].addr.String() {
		t.Errorf("back in service, the flow is answered by %q (%v), want the first datagram to reach %s", onRefusing.member, err, pool.members[1].addr)
	}
}

func TestUDPResendsTheDatagramThatMeetsAnEarlierRefusal(t *testing.T) {
	backend := net.UDPAddrFromAddrPort(netip.AddrPortFrom(givenAddress(), freePort(t)))
	conn, err := net.DialUDP("udp4", nil, backend)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("refused")); err != nil {
		t.Fatal(err)
	}
	listening, err := net.ListenUDP("udp4", backend)
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()

	(&flow{conn: conn}).send([]byte("hello"))
	_ = listening.SetReadDeadline(time.Now().Add(patience))
	datagram := make([]byte, maxDatagram)
	if n, _, err := listening.ReadFromUDP(datagram); err != nil || string(datagram[:n]) != "hello" {
		t.Errorf("the backend receives %q (%v), want \"hello\"", datagram[:n], err)
	}
}

func TestUDPDatagramsKeepAFlowThatIsNeverAnswered(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	silent, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(pool.members[0].addr, freePort(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	service := pool.service(ProtocolUDP)
	service.TargetPort = silent.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	front := plane.running[service.ID].front.(*udpFront)
	client := netip.AddrPortFrom(givenAddress(), 4242)
	opened := front.flowOf(t.Context(), client)
	opened.lastUsed.Store(time.Now().Add(-DefaultFlowIdleTimeout).UnixNano())
	if again := front.flowOf(t.Context(), client); again != opened {
		t.Error("the next datagram opens another flow")
	}
	if front.endIfIdle(opened) {
		t.Error("the flow ends although it was just used")
	}
	opened.lastUsed.Store(time.Now().Add(-DefaultFlowIdleTimeout).UnixNano())
	if !front.endIfIdle(opened) {
		t.Error("the flow doesn't end although it wasn't used for the idle timeout")
	}
}

func TestUDPFlowsFollowTheTargetPort(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool, elsewhere := givenPool(t, 1), freePort(t)
	service := pool.service(ProtocolUDP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	c := whenConnected(t, anyClient, service)
	thenAnswers(t, c, pool.members[0])

	pool.members[0].socket.Close()
	pool.members[0].serveUDP(t, elsewhere)
	service.TargetPort = elsewhere
	whenApplied(t, plane, service)
	thenAnswers(t, c, pool.members[0])
}
