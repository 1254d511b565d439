package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

// pool is a set of members that serve on one port, as an instance pool does
// behind a NodePort, and answer health checks on another.
type pool struct {
	port, checkPort uint16
	members         []*member
}

// member greets each TCP connection with its own and the client's address,
// then echoes; it does the same with each UDP datagram.
type member struct {
	addr    netip.Addr
	healthy atomic.Bool
	probes  atomic.Int64

	listener *net.TCPListener
	socket   *net.UDPConn
	check    *httptest.Server
	serving  sync.WaitGroup
}

func givenPool(t *testing.T, size int) *pool {
	t.Helper()
	p := &pool{port: freePort(t), checkPort: freePort(t)}
	for range size {
		m := &member{addr: givenAddress()}
		m.healthy.Store(true)
		t.Cleanup(m.serving.Wait) // after all that it serves on is closed
		m.serveTCP(t, p.port, greetAndEcho)
		m.serveUDP(t, p.port)
		m.serveChecks(t, p.checkPort)
		p.members = append(p.members, m)
	}
	return p
}

// freePort is one that nobody listens at.
func freePort(t *testing.T) uint16 {
	t.Helper()
	return uint16(ports.Free(t))
}

func (m *member) serveTCP(t *testing.T, port uint16, handle func(*member, *net.TCPConn)) {
	t.Helper()
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(m.addr, port)))
	if err != nil {
		t.Fatal(err)
	}
	m.listener = listener
	t.Cleanup(func() { listener.Close() })
	m.serving.Go(func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			m.serving.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(t.Context(), func() { conn.Close() })() // a failed test doesn't hang
				handle(m, conn)
			})
		}
	})
}

func greetAndEcho(m *member, conn *net.TCPConn) {
	fmt.Fprintln(conn, m.greeting(conn.RemoteAddr()))
	_, _ = io.Copy(conn, conn)
}

func (m *member) greeting(client net.Addr) string {
	return fmt.Sprint(m.addr, " ", netip.MustParseAddrPort(client.String()).Addr())
}

func (m *member) serveUDP(t *testing.T, port uint16) {
	t.Helper()
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(m.addr, port)))
	if err != nil {
		t.Fatal(err)
	}
	m.socket = socket
	t.Cleanup(func() { socket.Close() })
	m.serving.Go(func() {
		datagram := make([]byte, maxDatagram)
		for {
			n, client, err := socket.ReadFromUDP(datagram)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			_, _ = socket.WriteToUDP(append([]byte(m.greeting(client)+"\n"), datagram[:n]...), client)
		}
	})
}

func (m *member) serveChecks(t *testing.T, port uint16) {
	t.Helper()
	listener, err := net.Listen("tcp4", netip.AddrPortFrom(m.addr, port).String())
	if err != nil {
		t.Fatal(err)
	}
	m.check = &httptest.Server{Listener: listener, Config: &http.Server{Handler: m}}
	m.check.Start()
	t.Cleanup(m.check.Close)
}

func (m *member) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.probes.Add(1)
	if !m.healthy.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (p *pool) addrs() []netip.Addr {
	var addrs []netip.Addr
	for _, m := range p.members {
		addrs = append(addrs, m.addr)
	}
	return addrs
}

// service forwards to the pool, on an address of its own.
func (p *pool) service(protocol string) Service {
	return Service{
		ID:          "test-" + protocol + "-" + strconv.Itoa(int(p.port)),
		Address:     givenAddress(),
		Port:        p.port,
		Protocol:    protocol,
		Strategy:    StrategyRoundRobin,
		TargetPort:  p.port,
		Backends:    p.addrs(),
		HealthCheck: HealthCheck{Mode: CheckHTTP, Port: p.checkPort, URI: "/healthz", Interval: 10 * time.Second, Timeout: time.Hour, Retries: 1},
	}
}
