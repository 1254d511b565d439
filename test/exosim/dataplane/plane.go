package dataplane

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// ErrClosed is what Apply returns after Close.
var ErrClosed = errors.New("data plane is closed")

// Defaults of Options, per service.
const (
	DefaultMaxConnections  = 1024
	DefaultMaxFlows        = 1024
	DefaultFlowIdleTimeout = 30 * time.Second
)

// Options of a Plane; the zero value is what a demo wants.
type Options struct {
	// Log gets health transitions (Info) and trouble with single connections
	// (Debug); nil logs nothing.
	Log *slog.Logger
	// TimeScale is how many seconds of health checking pass in one real second:
	// 1 (also for 0 and less) is real time, 100 probes every 100 ms where the
	// service says 10 s. Probe timeouts shrink likewise, but not below 1 s,
	// so that a busy machine doesn't make backends fail.
	TimeScale float64
	// MaxConnections bounds the TCP connections of a service; 0 means 1024.
	MaxConnections int
	// MaxFlows bounds the UDP flows of a service; 0 means 1024.
	MaxFlows int
	// FlowIdleTimeout ends a UDP flow without a datagram in either direction,
	// in real time; 0 means 30 s.
	FlowIdleTimeout time.Duration
}

func (o Options) complete() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TimeScale <= 0 {
		o.TimeScale = 1
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = DefaultMaxConnections
	}
	if o.MaxFlows <= 0 {
		o.MaxFlows = DefaultMaxFlows
	}
	if o.FlowIdleTimeout <= 0 {
		o.FlowIdleTimeout = DefaultFlowIdleTimeout
	}
	return o
}

// Plane runs a set of services. It is safe for concurrent use.
type Plane struct {
	opts Options

	mu      sync.Mutex
	closed  bool
	running map[string]*service
}

// New returns a plane that runs nothing yet.
func New(opts Options) *Plane {
	return &Plane{opts: opts.complete(), running: map[string]*service{}}
}

// Apply makes the plane run exactly the given services: it starts, changes in
// place and stops what differs from the last call, the stopping first, so that
// an address freed by one service can be taken by another in the same call.
//
// A service that can't be run doesn't stop the others; the errors are joined,
// each naming its service. An invalid service leaves the one that already runs
// under its ID as it is. A service whose address is in use isn't running
// afterwards; the next Apply tries it again.
func (p *Plane) Apply(services []Service) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	want, kept, errs := sortOut(services)
	p.stopAllBut(want, kept)
	for _, spec := range want {
		if err := p.run(spec); err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", spec.ID, err))
		}
	}
	return errors.Join(errs...)
}

// sortOut splits what was asked for into services that can be run, and the IDs
// of those that can't, with the reasons.
func sortOut(services []Service) (want []Service, invalid map[string]bool, errs []error) {
	seen, invalid := map[string]bool{}, map[string]bool{}
	for _, given := range services {
		if seen[given.ID] {
			errs = append(errs, fmt.Errorf("service %q: given twice, the second is left out", given.ID))
			continue
		}
		seen[given.ID] = true
		complete, err := given.complete()
		if err != nil {
			invalid[given.ID] = true
			errs = append(errs, fmt.Errorf("service %q: %w", given.ID, err))
			continue
		}
		want = append(want, complete)
	}
	return want, invalid, errs
}

// stopAllBut stops what is neither wanted where it listens nor to be kept. All
// sockets are closed before the first wait, so that the time doesn't add up.
func (p *Plane) stopAllBut(want []Service, kept map[string]bool) {
	wanted := map[string]Service{}
	for _, spec := range want {
		wanted[spec.ID] = spec
	}
	var stopped []*service
	for id, running := range p.running {
		spec, found := wanted[id]
		if kept[id] || found && spec.sameListener(running.spec) {
			continue
		}
		running.stop()
		stopped = append(stopped, running)
		delete(p.running, id)
	}
	for _, ended := range stopped {
		ended.wait()
	}
}

func (p *Plane) run(want Service) error {
	if running, found := p.running[want.ID]; found {
		running.update(want)
		return nil
	}
	started, err := startService(want, p.opts)
	if err != nil {
		return err
	}
	p.running[want.ID] = started
	return nil
}

// Health tells for each backend of a service whether it gets traffic now; nil
// if no such service runs.
func (p *Plane) Health(serviceID string) map[netip.Addr]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	running, found := p.running[serviceID]
	if !found {
		return nil
	}
	return running.health()
}

// Close stops every service and returns when its sockets are closed and its
// goroutines have ended; their connections are reset. Closing twice is fine.
func (p *Plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.stopAllBut(nil, nil)
	return nil
}
