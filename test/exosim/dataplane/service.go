package dataplane

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// front is the side of a service that clients see.
type front interface {
	// serve forwards traffic until the front is closed, and returns when all
	// that it started has ended.
	serve(ctx context.Context)
	// rerouted ends what the route now in force no longer allows.
	rerouted()
	// close closes every socket; it doesn't wait.
	close()
}

// service is one running Service: a front, a prober for each backend, and the
// route that the probers' verdicts make.
type service struct {
	log    *slog.Logger
	pace   pace
	routes *routes
	front  front

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup // the front and the probers

	// spec is written under mu, and only by the Plane, which reads it without.
	mu       sync.Mutex
	spec     Service
	backends map[netip.Addr]*backend
}

type backend struct {
	verdict verdict
	// stop ends the prober. It is called under the service's mu, and results
	// are taken under it, so that a stopped prober changes nothing any more.
	stop context.CancelFunc
}

// startService listens and begins to probe. The error is about the listener.
func startService(want Service, opts Options) (*service, error) {
	s := &service{
		log:      opts.Log.With("service", want.ID, "listen", want.listenAddr(), "protocol", want.Protocol),
		pace:     pace(opts.TimeScale),
		routes:   &routes{},
		backends: map[netip.Addr]*backend{},
	}
	var err error
	if s.front, err = listen(want, opts, s.routes, s.log); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.update(want)
	s.work.Go(func() { s.front.serve(s.ctx) })
	return s, nil
}

func listen(want Service, opts Options, routes *routes, log *slog.Logger) (front, error) {
	if want.Protocol == ProtocolUDP {
		socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(want.listenAddr()))
		if err != nil {
			return nil, err
		}
		return newUDPFront(socket, routes, opts, log), nil
	}
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(want.listenAddr()))
	if err != nil {
		return nil, err
	}
	return newTCPFront(listener, routes, opts, log), nil
}

// update takes over all that may differ without a new listener.
func (s *service) update(want Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want.equal(s.spec) {
		return // spares a Maglev table for each service that didn't change
	}
	newCheck := want.HealthCheck != s.spec.HealthCheck
	s.spec = want
	for addr, known := range s.backends {
		if !slices.Contains(want.Backends, addr) {
			known.stop()
			delete(s.backends, addr)
		}
	}
	for _, addr := range want.Backends {
		known, found := s.backends[addr]
		switch {
		case !found:
			s.backends[addr] = &backend{stop: s.startProber(addr)}
		case newCheck:
			known.stop()
			known.verdict.failures = 0
			known.stop = s.startProber(addr)
		}
	}
	s.reroute()
}

// startProber needs mu.
func (s *service) startProber(addr netip.Addr) context.CancelFunc {
	ctx, stop := context.WithCancel(s.ctx)
	probe := newProbe(s.spec.HealthCheck, addr)
	interval, timeout := s.pace.interval(s.spec.HealthCheck), s.pace.timeout(s.spec.HealthCheck)
	s.work.Go(func() {
		probeEvery(ctx, interval, timeout, probe, func(err error) { s.observe(ctx, addr, err) })
	})
	return stop
}

// observe takes the result of one probe.
func (s *service) observe(ctx context.Context, addr netip.Addr, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if failure != nil {
		s.log.Debug("probe failed", "backend", addr, "error", failure)
	}
	backend := s.backends[addr]
	before := backend.verdict
	backend.verdict = before.after(failure == nil, s.spec.HealthCheck.Retries)
	if backend.verdict.healthy == before.healthy {
		return
	}
	if failure == nil {
		s.log.Info("backend is healthy", "backend", addr)
	} else {
		s.log.Info("backend is unhealthy", "backend", addr, "why", failure)
	}
	s.reroute()
}

// reroute needs mu. The new route is in force before the front ends what it no
// longer allows: whoever got in by the old one is seen there.
func (s *service) reroute() {
	healthy := func(addr netip.Addr) bool { return s.backends[addr].verdict.healthy }
	s.routes.current.Store(newRoute(s.spec, healthy))
	s.front.rerouted()
}

func (s *service) health() map[netip.Addr]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	health := make(map[netip.Addr]bool, len(s.backends))
	for addr, backend := range s.backends {
		health[addr] = backend.verdict.healthy
	}
	return health
}

func (s *service) stop() {
	s.cancel()
	s.front.close()
}

func (s *service) wait() { s.work.Wait() }
