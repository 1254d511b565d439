package dataplane

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestApplyRefusesWhatCannotBeRun(t *testing.T) {
	valid := Service{
		ID: "web", Address: netip.MustParseAddr("127.9.9.9"), Port: 80, Protocol: ProtocolTCP,
		Strategy: StrategyRoundRobin, TargetPort: 30080, Backends: addrs("127.9.9.10"),
		HealthCheck: HealthCheck{Mode: CheckTCP, Port: 30080},
	}
	tests := map[string]struct {
		change func(*Service)
		want   string
	}{
		"no address":               {func(s *Service) { s.Address = netip.Addr{} }, `address "invalid IP" is no IPv4 address`},
		"an IPv6 address":          {func(s *Service) { s.Address = netip.IPv6Loopback() }, `address "::1" is no IPv4 address`},
		"no port":                  {func(s *Service) { s.Port = 0 }, "port is 0"},
		"no target port":           {func(s *Service) { s.TargetPort = 0 }, "target port is 0"},
		"an unknown protocol":      {func(s *Service) { s.Protocol = "sctp" }, `protocol "sctp" is none of ["tcp" "udp"]`},
		"an unknown strategy":      {func(s *Service) { s.Strategy = "random" }, `strategy "random" is none of`},
		"an invalid backend":       {func(s *Service) { s.Backends = []netip.Addr{{}} }, `backend "invalid IP" is no IPv4 address`},
		"itself as backend":        {func(s *Service) { s.Backends = addrs("127.9.9.9"); s.TargetPort = 80 }, "backend 127.9.9.9:80 is the service itself"},
		"an unknown check mode":    {func(s *Service) { s.HealthCheck.Mode = "udp" }, `health check mode "udp" is none of`},
		"no check port":            {func(s *Service) { s.HealthCheck.Port = 0 }, "health check port is 0"},
		"a negative interval":      {func(s *Service) { s.HealthCheck.Interval = -1 }, "health check interval -1ns is negative"},
		"a negative timeout":       {func(s *Service) { s.HealthCheck.Timeout = -1 }, "health check timeout -1ns is negative"},
		"negative retries":         {func(s *Service) { s.HealthCheck.Retries = -1 }, "health check retries -1 is negative"},
		"names the service as web": {func(s *Service) { s.Port = 0 }, `service "web": `},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plane := givenPlane(t, Options{})
			service := valid
			test.change(&service)
			err := plane.Apply([]Service{service})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
			if plane.Health(service.ID) != nil {
				t.Error("the service runs")
			}
		})
	}
}

func TestOneFailingServiceDoesNotStopTheOthers(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	first, taken, invalid, last := pool.service(ProtocolTCP), pool.service(ProtocolTCP), pool.service(ProtocolTCP), pool.service(ProtocolTCP)
	first.ID, taken.ID, invalid.ID, last.ID = "first", "taken", "invalid", "last"
	invalid.Strategy = "random"
	holder, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(taken.listenAddr()))
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()

	err = plane.Apply([]Service{first, taken, invalid, last, last})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error is %v, want an address in use", err)
	}
	for _, want := range []string{`service "taken": listening:`, `service "invalid": strategy`, `service "last": given twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	for _, service := range []Service{first, last} {
		thenHealthy(t, plane, service, pool.members...)
		whoAnswers(t, service, 1)
	}
	if plane.Health(taken.ID) != nil {
		t.Error("the service whose address is taken runs")
	}

	holder.Close()
	whenApplied(t, plane, first, taken, last)
	thenHealthy(t, plane, taken, pool.members...)
	whoAnswers(t, taken, 1)
}

func TestAnInvalidChangeLeavesTheServiceAsItWas(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	before := whenConnected(t, anyClient, service)

	broken := service
	broken.TargetPort = 0
	if err := plane.Apply([]Service{broken}); err == nil {
		t.Error("target port 0 is accepted")
	}
	if err := before.echo("still there?"); err != nil {
		t.Errorf("the connection made before: %v", err)
	}
	whoAnswers(t, service, 1)
}

func TestTCPAndUDPShareAPort(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 1)
	overTCP, overUDP := pool.service(ProtocolTCP), pool.service(ProtocolUDP)
	overUDP.Address, overUDP.Port = overTCP.Address, overTCP.Port
	whenApplied(t, plane, overTCP, overUDP)
	thenHealthy(t, plane, overTCP, pool.members...)
	thenHealthy(t, plane, overUDP, pool.members...)
	whoAnswers(t, overTCP, 1)
	whoAnswers(t, overUDP, 1)

	whenApplied(t, plane, overUDP)
	thenPortFree(t, overTCP)
	whoAnswers(t, overUDP, 1)
}

// thenPortFree doesn't wait: what Apply and Close stop is free when they return.
func thenPortFree(t *testing.T, service Service) {
	t.Helper()
	var socket io.Closer
	var err error
	if service.Protocol == ProtocolUDP {
		socket, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(service.listenAddr()))
	} else {
		socket, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(service.listenAddr()))
	}
	if err != nil {
		t.Errorf("the port isn't free: %v", err)
		return
	}
	socket.Close()
}

func TestServicesMaySwapTheirPorts(t *testing.T) {
	plane := givenPlane(t, Options{})
	left, right := givenPool(t, 1), givenPool(t, 1)
	a, b := left.service(ProtocolTCP), right.service(ProtocolTCP)
	whenApplied(t, plane, a, b)

	a.Address, b.Address = b.Address, a.Address
	a.Port, b.Port = b.Port, a.Port
	whenApplied(t, plane, a, b)
	thenHealthy(t, plane, a, left.members...)
	thenHealthy(t, plane, b, right.members...)
	for member, service := range map[*member]Service{left.members[0]: a, right.members[0]: b} {
		if got := whoAnswers(t, service, 1); got[member.addr.String()] != 1 {
			t.Errorf("%s is answered by %v, want %s", service.ID, got, member.addr)
		}
	}
}

func TestApplyingTheSameAgainChangesNothing(t *testing.T) {
	plane := givenPlane(t, Options{TimeScale: 1}) // the next probe is 10 s away
	pool := givenPool(t, 2)
	service := pool.service(ProtocolTCP)
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	before := whenConnected(t, anyClient, service)

	service.Backends[0], service.Backends[1] = service.Backends[1], service.Backends[0]
	for range 10 {
		whenApplied(t, plane, service)
	}
	thenHealthy(t, plane, service, pool.members...)
	if err := before.echo("still there?"); err != nil {
		t.Errorf("the connection made before: %v", err)
	}
	for _, m := range pool.members {
		if got := m.probes.Load(); got != 1 {
			t.Errorf("%s was probed %d times, want the first probe only", m.addr, got)
		}
	}
}

func TestANewBackendIsProbedAtOnce(t *testing.T) {
	plane := givenPlane(t, Options{TimeScale: 1}) // the next probe is 10 s away
	pool := givenPool(t, 2)
	service := pool.service(ProtocolTCP)
	service.HealthCheck.Interval = time.Hour
	both := service.Backends
	service.Backends = both[:1]
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members[0])

	service.Backends = both
	whenApplied(t, plane, service)
	thenHealthy(t, plane, service, pool.members...)
	if got := pool.members[0].probes.Load(); got != 1 {
		t.Errorf("the backend that was there already was probed %d times, want once", got)
	}
}
