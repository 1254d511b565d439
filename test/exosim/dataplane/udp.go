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
	// leaving are those that lead elsewhere now. Replies are still under way, which
	// a real NLB has no part in: they go from the backend straight to the client.
	leaving map[*flow]bool

	relays sync.WaitGroup
}

type flow struct {
	client, target netip.AddrPort
	conn           *net.UDPConn
	lastUsed       atomic.Int64 // Unix nanoseconds
	until          time.Time    // its end, once it is leaving; under mu
}

// linger is how long the replies of a flow are awaited that leads elsewhere now: long
// enough for a busy machine.
const linger = 5 * time.Second

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
		leaving:  map[*flow]bool{},
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
// been idle for too long, has left, or was ended. It is up to the health check, not to an
// ICMP refusal, to say that a backend is gone.
func (f *udpFront) relayReplies(fl *flow) {
	datagram := make([]byte, maxDatagram)
	for {
		f.awaitUntilItsEnd(fl)
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

// awaitUntilItsEnd sets under mu by when a reply has to come, so that leave isn't
// undone.
func (f *udpFront) awaitUntilItsEnd(fl *flow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = fl.conn.SetReadDeadline(f.endOf(fl))
}

// endOf needs mu.
func (f *udpFront) endOf(fl *flow) time.Time {
	if f.leaving[fl] {
		return fl.until
	}
	return fl.unusedSince().Add(f.idle)
}

// endIfIdle decides under mu, as flowOf does, so that a flow just chosen for a
// datagram isn't closed under it.
func (f *udpFront) endIfIdle(fl *flow) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	idle := !time.Now().Before(f.endOf(fl))
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
	delete(f.leaving, fl)
	if f.flows[fl.client] == fl {
		delete(f.flows, fl.client)
	}
}

// leave needs mu. The client's next datagram opens another flow.
func (f *udpFront) leave(fl *flow) {
	if len(f.leaving) >= f.maxFlows {
		f.end(fl)
		return
	}
	delete(f.flows, fl.client)
	f.leaving[fl] = true
	fl.until = time.Now().Add(linger)
	_ = fl.conn.SetReadDeadline(fl.until)
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

// rerouted takes leave of the flows that would have to go elsewhere now.
func (f *udpFront) rerouted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	route := f.routes.current.Load()
	for _, fl := range f.flows {
		if !route.leadsTo(fl.target) {
			f.leave(fl)
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
	for fl := range f.leaving {
		f.end(fl)
	}
}
