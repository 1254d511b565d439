package dataplane

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// route says where traffic may go at one moment. It never changes; a new one
// takes its place.
type route struct {
	selector   *selector
	targetPort uint16
}

func newRoute(spec Service, healthy func(netip.Addr) bool) *route {
	return &route{
		selector:   newSelector(spec.Strategy, spec.Backends, healthy),
		targetPort: spec.TargetPort,
	}
}

// hasMember tells whether the backend belongs to the service, healthy or not.
func (r *route) hasMember(backend netip.Addr) bool {
	_, found := slices.BinarySearchFunc(r.selector.members, backend, netip.Addr.Compare)
	return found
}

// leadsTo tells whether new traffic may go to exactly this address and port.
func (r *route) leadsTo(target netip.AddrPort) bool {
	_, found := slices.BinarySearchFunc(r.selector.healthy, target.Addr(), netip.Addr.Compare)
	return found && target.Port() == r.targetPort
}

// routes holds the route in force, and whose turn it is.
type routes struct {
	current atomic.Pointer[route]
	turn    atomic.Uint64
}

// candidates lists where to try to send a client, best first; none if no
// backend is healthy.
func (r *routes) candidates(client netip.AddrPort) []netip.AddrPort {
	route := r.current.Load()
	backends := route.selector.candidates(client, r.turn.Add(1)-1)
	targets := make([]netip.AddrPort, len(backends))
	for i, backend := range backends {
		targets[i] = netip.AddrPortFrom(backend, route.targetPort)
	}
	return targets
}
