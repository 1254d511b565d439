package exosim

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim/dataplane"
)

// plane keeps the data plane in step with the zones.
type plane struct {
	lease     net.Listener
	dataplane *dataplane.Plane

	// mu is held from reading the zones to applying them, so that an older set
	// never follows a newer one.
	mu      sync.Mutex
	applied map[string]*zoneState
	failure error // of the last Apply
	stopped bool

	// timersMu is apart since it is taken with the Cloud's mutex held.
	timersMu sync.Mutex
	timers   map[*time.Timer]bool // nil once stopped
}

func (c *Cloud) startPlane() error {
	nlbs, instances, lease, err := leaseBlocks()
	if err != nil {
		return err
	}
	c.nlbIPs, c.instanceIPs = nlbs, instances
	c.plane = &plane{
		lease:     lease,
		dataplane: dataplane.New(dataplane.Options{Log: c.opts.Log, TimeScale: c.opts.ProbeTimeScale}),
		applied:   map[string]*zoneState{},
		timers:    map[*time.Timer]bool{},
	}
	return nil
}

func (p *plane) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.stopTimers()
	err := p.dataplane.Close()
	if closing := p.lease.Close(); err == nil {
		err = closing
	}
	return err
}

func (p *plane) stopTimers() {
	p.timersMu.Lock()
	defer p.timersMu.Unlock()
	for timer := range p.timers {
		timer.Stop()
	}
	p.timers = nil
}

// trouble is what the data plane couldn't do, e.g. listen at a port below 1024;
// "" if all is well.
func (p *plane) trouble() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		return ""
	}
	return p.failure.Error()
}

// healthy is what the probes say of a backend.
func (p *plane) healthy(service, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && p.dataplane.Health(service)[addr]
}

// wakePlane brings the data plane up to date when an operation has ended, even
// if nobody looks then. It goes by the real time, which is what a data plane
// runs by.
func (c *Cloud) wakePlane(after time.Duration) {
	p := c.plane
	if p == nil || after <= 0 {
		return
	}
	p.timersMu.Lock()
	defer p.timersMu.Unlock()
	if p.timers == nil {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		p.timersMu.Lock()
		delete(p.timers, timer)
		p.timersMu.Unlock()
		c.syncPlane()
	})
	p.timers[timer] = true
}

// syncPlane makes the data plane run what the zones hold now. It mustn't be
// called with the Cloud's mutex held.
func (c *Cloud) syncPlane() {
	p := c.plane
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	states := map[string]*zoneState{}
	c.mu.Lock()
	c.settle(c.opts.Clock.Now())
	changed := false
	for name, z := range c.zones {
		states[name] = z.state
		changed = changed || p.applied[name] != z.state
	}
	c.mu.Unlock()
	if !changed {
		return
	}
	var services []dataplane.Service
	for _, state := range states {
		services = append(services, state.forwarding()...)
	}
	if p.failure = p.dataplane.Apply(services); p.failure != nil {
		c.opts.Log.Error("data plane", "error", p.failure)
	}
	p.applied = states
}

// forwarding is what the data plane is to do for a zone.
func (s *zoneState) forwarding() []dataplane.Service {
	var services []dataplane.Service
	for _, lb := range s.loadBalancers {
		address, err := netip.ParseAddr(lb.IP)
		if err != nil {
			continue // none yet
		}
		for _, service := range lb.Services {
			if service.State != StateCreating && service.State != StateError {
				services = append(services, s.forward(address, service))
			}
		}
	}
	return services
}

// forward leaves out what doesn't run: nobody can make the process that stands
// for a stopped instance refuse traffic, so that is done here.
func (s *zoneState) forward(address netip.Addr, service Service) dataplane.Service {
	check := service.HealthCheck
	forward := dataplane.Service{
		ID: service.ID, Address: address, Port: uint16(service.Port), Protocol: service.Protocol, //nolint:gosec // validated
		Strategy: service.Strategy, TargetPort: uint16(service.TargetPort), //nolint:gosec // validated
		HealthCheck: dataplane.HealthCheck{
			Mode: check.Mode, Port: uint16(check.Port), URI: check.URI, TLSServerName: check.TLSSNI, //nolint:gosec // validated
			Interval: time.Duration(check.Interval) * time.Second,
			Timeout:  time.Duration(check.Timeout) * time.Second,
			Retries:  int(check.Retries),
		},
	}
	for _, instance := range s.members(service.InstancePool.ID) {
		backend, err := netip.ParseAddr(instance.PublicIP)
		marked := s.unhealthy[backendKey{instance: instance.ID}] || s.unhealthy[backendKey{instance: instance.ID, service: service.ID}]
		if err == nil && instance.State == StateRunning && !marked {
			forward.Backends = append(forward.Backends, backend)
		}
	}
	return forward
}
