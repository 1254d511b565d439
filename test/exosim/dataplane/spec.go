package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Protocols of a Service.
const (
	ProtocolTCP = "tcp"
	ProtocolUDP = "udp"
)

// Strategies of a Service: how a backend is chosen for a connection or flow.
const (
	StrategyRoundRobin = "round-robin"
	StrategySourceHash = "source-hash"
	StrategyMaglevHash = "maglev-hash"
)

// Modes of a HealthCheck.
const (
	CheckTCP   = "tcp"
	CheckHTTP  = "http"
	CheckHTTPS = "https"
)

// The API's defaults for what a health check leaves out.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultRetries  = 1
)

// Service is one service of an NLB: what comes in on Address:Port goes to
// TargetPort of one of the healthy Backends.
type Service struct {
	// ID tells services apart; it is the key of Health.
	ID string
	// Address is the NLB's own IPv4 address.
	Address netip.Addr
	Port    uint16
	// Protocol is tcp or udp; both may listen on one port.
	Protocol string
	// Strategy is round-robin, source-hash or maglev-hash.
	Strategy   string
	TargetPort uint16
	// Backends are the IPv4 addresses of the pool's members; order and
	// repetition mean nothing.
	Backends    []netip.Addr
	HealthCheck HealthCheck
}

// HealthCheck says how each backend is probed.
type HealthCheck struct {
	// Mode is tcp (connect), http or https (GET that answers 2xx).
	Mode string
	Port uint16
	// URI is the path, with query if any, of an HTTP probe; empty means "/".
	URI string
	// TLSServerName is sent as SNI by https probes; empty sends none.
	TLSServerName string
	// Interval from one probe's start to the next; 0 means 10 s.
	Interval time.Duration
	// Timeout of one probe as a whole; 0 means 2 s.
	Timeout time.Duration
	// Retries is the number of failures in a row that turn a healthy backend
	// unhealthy; 0 means 1.
	Retries int
}

// complete returns the service as the plane runs it (defaults filled in,
// backends sorted and unique, addresses in their shortest form), or every
// reason why it can't be run.
func (s Service) complete() (Service, error) {
	s.Address = s.Address.Unmap()
	s.Backends = slices.Clone(s.Backends)
	for i, backend := range s.Backends {
		s.Backends[i] = backend.Unmap()
	}
	slices.SortFunc(s.Backends, netip.Addr.Compare)
	s.Backends = slices.Compact(s.Backends)
	s.HealthCheck = s.HealthCheck.complete()
	return s, errors.Join(s.faults()...)
}

func (h HealthCheck) complete() HealthCheck {
	if h.Interval == 0 {
		h.Interval = defaultInterval
	}
	if h.Timeout == 0 {
		h.Timeout = defaultTimeout
	}
	if h.Retries == 0 {
		h.Retries = defaultRetries
	}
	if h.URI == "" {
		h.URI = "/"
	}
	return h
}

func (s Service) faults() []error {
	var faults []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	oneOf := func(what, value string, allowed ...string) {
		must(slices.Contains(allowed, value), "%s %q is none of %q", what, value, allowed)
	}
	must(s.Address.Is4(), "address %q is no IPv4 address", s.Address)
	must(s.Port != 0, "port is 0")
	must(s.TargetPort != 0, "target port is 0")
	oneOf("protocol", s.Protocol, ProtocolTCP, ProtocolUDP)
	oneOf("strategy", s.Strategy, StrategyRoundRobin, StrategySourceHash, StrategyMaglevHash)
	for _, backend := range s.Backends {
		must(backend.Is4(), "backend %q is no IPv4 address", backend)
		must(backend != s.Address || s.TargetPort != s.Port, "backend %s:%d is the service itself", backend, s.TargetPort)
	}
	check := s.HealthCheck
	oneOf("health check mode", check.Mode, CheckTCP, CheckHTTP, CheckHTTPS)
	must(check.Port != 0, "health check port is 0")
	must(check.Interval > 0, "health check interval %s is negative", check.Interval)
	must(check.Timeout > 0, "health check timeout %s is negative", check.Timeout)
	must(check.Retries > 0, "health check retries %d is negative", check.Retries)
	return faults
}

func (s Service) sameListener(other Service) bool {
	return s.Address == other.Address && s.Port == other.Port && s.Protocol == other.Protocol
}

func (s Service) equal(other Service) bool {
	return s.sameListener(other) && s.ID == other.ID &&
		s.Strategy == other.Strategy && s.TargetPort == other.TargetPort &&
		s.HealthCheck == other.HealthCheck && slices.Equal(s.Backends, other.Backends)
}

func (s Service) listenAddr() netip.AddrPort {
	return netip.AddrPortFrom(s.Address, s.Port)
}
