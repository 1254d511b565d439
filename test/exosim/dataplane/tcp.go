package dataplane

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// tcpFront forwards connections.
type tcpFront struct {
	log      *slog.Logger
	listener *net.TCPListener
	routes   *routes
	slots    chan struct{} // one held by each connection

	mu       sync.Mutex
	closed   bool
	sessions map[*session]struct{}
}

func newTCPFront(listener *net.TCPListener, routes *routes, opts Options, log *slog.Logger) *tcpFront {
	return &tcpFront{
		log:      log,
		listener: listener,
		routes:   routes,
		slots:    make(chan struct{}, opts.MaxConnections),
		sessions: map[*session]struct{}{},
	}
}

func (f *tcpFront) serve(ctx context.Context) {
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		client, err := f.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			f.log.Debug("accept failed", "error", err)
			pause(ctx)
			continue
		}
		select {
		case f.slots <- struct{}{}:
			connections.Go(func() {
				defer func() { <-f.slots }()
				f.forward(ctx, client)
			})
		default:
			f.log.Debug("connection refused: too many", "client", client.RemoteAddr(), "limit", cap(f.slots))
			reset(client)
		}
	}
}

// forward serves one connection from its accept to its end.
func (f *tcpFront) forward(ctx context.Context, client *net.TCPConn) {
	backend, target := f.connect(ctx, client)
	if backend == nil {
		reset(client)
		return
	}
	s := &session{client: client, backend: backend, target: target.Addr()}
	if !f.enter(s) {
		s.reset()
		return
	}
	defer f.leave(s)
	s.copyBothWays()
}

// connect reaches the first candidate that answers; nil if none does.
func (f *tcpFront) connect(ctx context.Context, client *net.TCPConn) (*net.TCPConn, netip.AddrPort) {
	from := client.RemoteAddr().(*net.TCPAddr).AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	for _, target := range f.routes.candidates(from) {
		conn, err := dial(ctx, ProtocolTCP, from.Addr(), target)
		if err == nil {
			return conn.(*net.TCPConn), target
		}
		f.log.Debug("connecting to backend failed", "client", from, "backend", target, "error", err)
	}
	return nil, netip.AddrPort{}
}

// enter records a session, unless the front was closed or the backend left
// while it was being connected.
func (f *tcpFront) enter(s *session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || !f.routes.current.Load().hasMember(s.target) {
		return false
	}
	f.sessions[s] = struct{}{}
	return true
}

func (f *tcpFront) leave(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, s)
}

// rerouted resets the sessions whose backend is no longer the service's.
func (f *tcpFront) rerouted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	route := f.routes.current.Load()
	for s := range f.sessions {
		if !route.hasMember(s.target) {
			s.reset()
		}
	}
}

func (f *tcpFront) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.listener.Close()
	for s := range f.sessions {
		s.reset()
	}
}

// session is a client's connection joined with one to a backend.
type session struct {
	client, backend *net.TCPConn
	target          netip.Addr
}

func (s *session) copyBothWays() {
	var upstream sync.WaitGroup
	upstream.Go(func() { s.copyOneWay(s.backend, s.client) })
	s.copyOneWay(s.client, s.backend)
	upstream.Wait()
	s.client.Close()
	s.backend.Close()
}

// copyOneWay passes on the end of the stream as what it was: a close of this
// direction only, or a reset of both.
func (s *session) copyOneWay(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		s.reset()
		return
	}
	if err := to.CloseWrite(); err != nil {
		s.reset()
	}
}

func (s *session) reset() {
	reset(s.client)
	reset(s.backend)
}

// reset closes a connection so that the peer sees at once that it failed.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
