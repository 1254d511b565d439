package dataplane

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

func TestCloseLeavesNothing(t *testing.T) {
	plane := givenPlane(t, Options{}) // which also counts the goroutines
	pool := givenPool(t, 2)
	overTCP, overUDP, hanging := pool.service(ProtocolTCP), pool.service(ProtocolUDP), pool.service(ProtocolTCP)
	hanging.ID, hanging.HealthCheck.Mode = "hanging", CheckHTTPS
	hanging.HealthCheck.Port, hanging.HealthCheck.Timeout = givenSilentPort(t, pool), time.Hour
	whenApplied(t, plane, overTCP, overUDP, hanging)
	thenHealthy(t, plane, overTCP, pool.members...)
	thenHealthy(t, plane, overUDP, pool.members...)
	c := whenConnected(t, anyClient, overTCP)
	flowTo(t, overUDP, pool.members[0])

	if err := plane.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	thenNothingRuns(t)
	for _, service := range []Service{overTCP, overUDP, hanging} {
		thenPortFree(t, service)
		if plane.Health(service.ID) != nil {
			t.Errorf("%s still has a health", service.ID)
		}
	}
	if err := c.echo("hello"); err == nil {
		t.Error("a connection still works")
	}
	if err := plane.Apply([]Service{overTCP}); !errors.Is(err, ErrClosed) {
		t.Errorf("applying to a closed plane gives %v, want ErrClosed", err)
	}
	if err := plane.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// thenNothingRuns doesn't wait, unlike the count at the end of every test, which
// includes goroutines that are not the plane's.
func thenNothingRuns(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, running := range []string{"dataplane.(*tcpFront)", "dataplane.(*udpFront)", "dataplane.(*session)", "dataplane.probeEvery"} {
		if bytes.Contains(stacks, []byte(running)) {
			t.Errorf("%s still runs:\n%s", running, stacks)
		}
	}
}

// givenSilentPort accepts connections to every member and says nothing.
func givenSilentPort(t *testing.T, p *pool) uint16 {
	t.Helper()
	port := freePort(t)
	for _, m := range p.members {
		listener, err := net.Listen("tcp4", netip.AddrPortFrom(m.addr, port).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
	}
	return port
}
