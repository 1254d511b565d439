package dataplane

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
)

func TestTCPRoundRobinSpreadsConnections(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	want := map[string]int{}
	for _, m := range pool.members {
		want[m.addr.String()] = 3
	}
	if diff := cmp.Diff(want, whoAnswers(t, service, 9)); diff != "" {
		t.Errorf("connections by member (-want +got):\n%s", diff)
	}
}

func TestTCPSourceHashKeepsEachClientOnOneBackend(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	service := pool.service(ProtocolTCP)
	service.Strategy = StrategySourceHash
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	used := map[string]bool{}
	for range 20 {
		from := givenAddress()
		first := whenConnected(t, from, service)
		used[first.member] = true
		for range 3 {
			if again := whenConnected(t, from, service); again.member != first.member {
				t.Errorf("%s goes to %s, then to %s", from, first.member, again.member)
			}
		}
	}
	if len(used) != 3 {
		t.Errorf("20 clients use %d of 3 backends", len(used))
	}
}

func TestTheBackendSeesTheClientsIP(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	overTCP, overUDP := pool.service(ProtocolTCP), pool.service(ProtocolUDP)
	whenApplied(t, plane, overTCP, overUDP)
	thenHealthy(t, plane, overTCP, pool.members...)
	thenHealthy(t, plane, overUDP, pool.members...)

	from := givenAddress()
	c := whenConnected(t, from, overTCP)
	if c.seen != from.String() {
		t.Errorf("TCP backend sees %s, want %s", c.seen, from)
	}
	c = whenConnected(t, from, overUDP)
	if _, err := c.exchange("hello", patience); err != nil || c.seen != from.String() {
		t.Errorf("UDP backend sees %q (%v), want %s", c.seen, err, from)
	}
}

func TestTCPTriesTheNextBackendWhenOneRefuses(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	pool.members[1].listener.Close() // its health check still succeeds
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	if got := whoAnswers(t, service, 9); len(got) != 2 || got[pool.members[1].addr.String()] != 0 {
		t.Errorf("connections by member are %v, want all 9 on the two that accept", got)
	}
}

func TestTCPLeavesAnUnhealthyBackendAndComesBack(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 2)
	steady, failing := pool.members[0], pool.members[1]
	service := pool.service(ProtocolTCP)
	service.Strategy = StrategySourceHash
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, steady, failing)
	before := connectionTo(t, service, failing)

	failing.healthy.Store(false)
	thenHealthy(t, plane, service, steady)
	if got := whoAnswers(t, service, 6); got[steady.addr.String()] != 6 {
		t.Errorf("connections by member are %v, want 6 on %s", got, steady.addr)
	}
	if err := before.echo("still there?"); err != nil {
		t.Errorf("the connection made while its backend was healthy: %v", err)
	}

	failing.healthy.Store(true)
	thenHealthy(t, plane, service, steady, failing)
	from := netip.MustParseAddrPort(before.LocalAddr().String()).Addr()
	if again := whenConnected(t, from, service); again.member != before.member {
		t.Errorf("the client goes to %s, want it back on %s", again.member, before.member)
	}
}

// connectionTo connects from one address after another until the member answers.
func connectionTo(t *testing.T, service Service, want *member) *client {
	t.Helper()
	for range 100 {
		if c := whenConnected(t, givenAddress(), service); c.member == want.addr.String() {
			return c
		}
	}
	t.Fatalf("none of 100 clients is sent to %s", want.addr)
	return nil
}

func TestTCPWithoutHealthyBackendIsResetAtOnce(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	pool.members[0].healthy.Store(false)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)

	thenRefused(t, service)
	thenHealthy(t, plane, service)
}

func thenRefused(t *testing.T, service Service) {
	t.Helper()
	c, err := connect(anyClient, service)
	if err == nil {
		c.Close()
		t.Fatalf("connected to %s, want a reset", c.member)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("connecting gives %v, want a reset", err)
	}
}

func TestTCPPassesOnAHalfCloseOfTheClient(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	other := freePort(t)
	pool.members[0].serveTCP(t, other, func(_ *member, conn *net.TCPConn) {
		fmt.Fprintln(conn, "greeting")
		request, _ := io.ReadAll(conn) // ends with the client's FIN
		fmt.Fprintf(conn, "%d bytes", len(request))
	})
	service := pool.service(ProtocolTCP)
	service.TargetPort = other
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	c := whenConnected(t, anyClient, service)
	if _, err := io.Copy(c, strings.NewReader(strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(c.lines); err != nil || string(answer) != "1048576 bytes" {
		t.Errorf("answer is %q (%v), want \"1048576 bytes\"", answer, err)
	}
}

func TestTCPPassesOnAHalfCloseOfTheBackend(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	other, received := freePort(t), make(chan string, 1)
	pool.members[0].serveTCP(t, other, func(_ *member, conn *net.TCPConn) {
		fmt.Fprintln(conn, "greeting")
		_ = conn.CloseWrite()
		request, _ := io.ReadAll(conn)
		received <- string(request)
	})
	service := pool.service(ProtocolTCP)
	service.TargetPort = other
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	c := whenConnected(t, anyClient, service)
	if rest, err := io.ReadAll(c.lines); err != nil || len(rest) > 0 {
		t.Fatalf("after the greeting come %q (%v), want the end", rest, err)
	}
	if _, err := io.WriteString(c, "sent after the backend's FIN"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	NewWithT(t).Eventually(received).WithTimeout(patience).Should(Receive(Equal("sent after the backend's FIN")))
}

func TestTCPPassesOnAReset(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	other, ended := freePort(t), make(chan error, 1)
	pool.members[0].serveTCP(t, other, func(_ *member, conn *net.TCPConn) {
		fmt.Fprintln(conn, "greeting")
		_, err := io.ReadAll(conn)
		ended <- err
	})
	service := pool.service(ProtocolTCP)
	service.TargetPort = other
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	reset(whenConnected(t, anyClient, service).Conn.(*net.TCPConn))
	NewWithT(t).Eventually(ended).WithTimeout(patience).Should(Receive(MatchError(syscall.ECONNRESET)))
}

func TestTCPConnectionsAreBounded(t *testing.T) {
	plane := givenPlane(t, Options{MaxConnections: 2})
	pool := givenPool(t, 1)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)

	first, second := whenConnected(t, anyClient, service), whenConnected(t, anyClient, service)
	thenRefused(t, service)
	if err := errors.Join(first.echo("first"), second.echo("second")); err != nil {
		t.Errorf("connections below the limit: %v", err)
	}

	first.Close()
	NewWithT(t).Eventually(func() error {
		c, err := connect(anyClient, service)
		if err == nil {
			c.Close()
		}
		return err
	}).WithTimeout(patience).WithPolling(5 * time.Millisecond).Should(Succeed())
}

func TestTCPResetsTheConnectionsOfABackendThatLeaves(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 2)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	onStaying, onLeaving := connectionTo(t, service, pool.members[0]), connectionTo(t, service, pool.members[1])

	service.Backends = service.Backends[:1]
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members[0])
	if err := onLeaving.echo("gone"); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the connection to the backend that left gives %v, want a reset", err)
	}
	if err := onStaying.echo("here"); err != nil {
		t.Errorf("the connection to the backend that stays: %v", err)
	}
}

func TestTCPChangesTakeEffectInPlace(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	other := freePort(t)
	for _, m := range pool.members {
		m.serveTCP(t, other, func(m *member, conn *net.TCPConn) {
			fmt.Fprintln(conn, m.addr, "other-port")
			_, _ = io.Copy(conn, conn)
		})
	}
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	before := whenConnected(t, anyClient, service)

	service.TargetPort = other
	whenApplied(t, plane, service)
	if c := whenConnected(t, anyClient, service); c.seen != "other-port" {
		t.Error("a new connection goes to the old target port")
	}

	service.Strategy = StrategySourceHash
	whenApplied(t, plane, service)
	if got := whoAnswers(t, service, 6); len(got) != 1 {
		t.Errorf("with source-hash, connections of one client are spread: %v", got)
	}

	service.HealthCheck = HealthCheck{Mode: CheckTCP, Port: freePort(t)} // nothing listens there
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service)
	if err := before.echo("still there?"); err != nil {
		t.Errorf("the connection made before the changes: %v", err)
	}
}
