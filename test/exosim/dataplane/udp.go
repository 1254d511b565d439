package dataplane

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxDatagram is the largest payload that UDP's length field allows.
const maxDatagram = 64 << 10

// udpFront forwards datagrams. UDP has no connections, so the datagrams between
// one client address and port and the service make a flow: it has one backend,
// and a socket of its own, by which the backend's replies are known.
type udpFront struct {
	log      *slog.Logger
	socket   *net.UDPConn
	routes   *routes
	maxFlows int
	idle     time.Duration

	mu     sync.Mutex
	closed bool
	flows  map[netip.AddrPort]*flow // by client

	relays sync.WaitGroup
}

type flow struct {
	client, target netip.AddrPort
	conn           *net.UDPConn
	lastUsed       atomic.Int64 // Unix nanoseconds
}

func (f *flow) touch()                 { f.lastUsed.Store(time.Now().UnixNano()) }
func (f *flow) unusedSince() time.Time { return time.Unix(0, f.lastUsed.Load()) }

func newUDPFront(socket *net.UDPConn, routes *routes, opts Options, log *slog.Logger) *udpFront {
	return &udpFront{
		log:      log,
		socket:   socket,
		routes:   routes,
		maxFlows: opts.MaxFlows,
		idle:     opts.FlowIdleTimeout,
		flows:    map[netip.AddrPort]*flow{},
	}
}

func (f *udpFront) serve(ctx context.Context) {
	defer f.relays.Wait()
	datagram := make([]byte, maxDatagram)
	for {
		n, client, err := f.socket.ReadFromUDPAddrPort(datagram)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			f.log.Debug("receive failed", "error", err)
			pause(ctx)
			continue
		}
		client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
		if flow := f.flowOf(ctx, client); flow != nil {
			flow.send(datagram[:n])
		}
	}
}

// flowOf returns the client's flow, a new one if need be; nil if no backend can
// have it. It holds mu throughout, so that a route that changes meanwhile finds
// the flow in rerouted.
func (f *udpFront) flowOf(ctx context.Context, client netip.AddrPort) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	if known, found := f.flows[client]; found {
		known.touch()
		return known
	}
	for _, target := range f.routes.candidates(client) {
		conn, err := dial(ctx, ProtocolUDP, client.Addr(), target)
		if err != nil {
			f.log.Debug("opening a flow failed", "client", client, "backend", target, "error", err)
			continue
		}
		if len(f.flows) >= f.maxFlows {
			f.end(f.unusedLongest())
		}
		opened := &flow{client: client, target: target, conn: conn.(*net.UDPConn)}
		opened.touch()
		f.flows[client] = opened
		f.relays.Go(func() { f.relayReplies(opened) })
		return opened
	}
	return nil
}

// send drops what the backend can't take. A refusal (ICMP) answers an earlier
// datagram and is reported to this one, which is therefore sent again.
func (f *flow) send(datagram []byte) {
	if _, err := f.conn.Write(datagram); errors.Is(err, syscall.ECONNREFUSED) {
		_, _ = f.conn.Write(datagram)
	}
}

// relayReplies hands the backend's datagrams to the client until the flow has
// been idle for too long or was ended. It is up to the health check, not to an
// ICMP refusal, to say that a backend is gone.
func (f *udpFront) relayReplies(fl *flow) {
	datagram := make([]byte, maxDatagram)
	for {
		_ = fl.conn.SetReadDeadline(fl.unusedSince().Add(f.idle))
		n, err := fl.conn.Read(datagram)
		switch {
		case err == nil:
			fl.touch()
			_, _ = f.socket.WriteToUDPAddrPort(datagram[:n], fl.client)
		case errors.Is(err, syscall.ECONNREFUSED):
		case errors.Is(err, os.ErrDeadlineExceeded) && !f.endIfIdle(fl):
		default:
			f.endLocked(fl)
			return
		}
	}
}

// endIfIdle decides under mu, as flowOf does, so that a flow just chosen for a
// datagram isn't closed under it.
func (f *udpFront) endIfIdle(fl *flow) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	idle := time.Since(fl.unusedSince()) >= f.idle
	if idle {
		f.end(fl)
	}
	return idle
}

func (f *udpFront) endLocked(fl *flow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(fl)
}

// end needs mu. Its client may have another flow by now, which stays.
func (f *udpFront) end(fl *flow) {
	fl.conn.Close()
	if f.flows[fl.client] == fl {
		delete(f.flows, fl.client)
	}
}

// unusedLongest needs mu and at least one flow.
func (f *udpFront) unusedLongest() *flow {
	var oldest *flow
	for _, fl := range f.flows {
		if oldest == nil || fl.lastUsed.Load() < oldest.lastUsed.Load() {
			oldest = fl
		}
	}
	return oldest
}

// rerouted ends the flows that would have to go elsewhere now.
func (f *udpFront) rerouted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	route := f.routes.current.Load()
	for _, fl := range f.flows {
		if !route.leadsTo(fl.target) {
			f.end(fl)
		}
	}
}

func (f *udpFront) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.socket.Close()
	for _, fl := range f.flows {
		f.end(fl)
	}
}
