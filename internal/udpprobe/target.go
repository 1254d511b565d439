package udpprobe

import (
	"strconv"
	"strings"
	"time"
)

// Mode is how a port is checked.
type Mode string

// The modes.
const (
	// ModeSocket: a UDP socket is bound to the port.
	ModeSocket Mode = "socket"
	// ModeProbe: a payload is replied to, as expected.
	ModeProbe Mode = "probe"
	// ModeDNS: a DNS query is answered.
	ModeDNS Mode = "dns"
)

// Limits and defaults.
const (
	MinTimeout, DefaultTimeout, MaxTimeout    = 50 * time.Millisecond, time.Second, 10 * time.Second
	MinInterval, DefaultInterval, MaxInterval = 100 * time.Millisecond, 2 * time.Second, 5 * time.Minute
	// MaxTargets in one text.
	MaxTargets = 32
	// MaxBytes of a payload, and of an expected reply.
	MaxBytes = 1024
	// MaxText is how many bytes a text may have: as many as all annotations of an
	// object.
	MaxText = 256 << 10
	// MaxPattern is how many bytes a regular expression may have.
	MaxPattern = 256
)

// Check is what a port has to pass. Checks can be compared with ==.
type Check struct {
	Mode Mode
	// Payload is what ModeProbe sends; empty is an empty datagram.
	Payload string
	// Expect is what ModeProbe wants to get back.
	Expect Expectation
	// Query is the name that ModeDNS asks for, with a dot at its end. Empty: the
	// root's name servers, and any answer counts.
	Query string
	// Timeout is how long a reply may take; 0 for ModeSocket, which waits for none.
	Timeout time.Duration
	// Interval is the time from the end of a check to the next.
	Interval time.Duration
}

// Expectation is what a reply has to be; the zero value is content with any.
type Expectation struct {
	Kind ExpectationKind
	// Value is the reply itself, or the regular expression.
	Value string
}

// ExpectationKind is how a reply is compared.
type ExpectationKind int

// The kinds of expectations.
const (
	// AnyReply will do.
	AnyReply ExpectationKind = iota
	// ExactReply: the reply is the value, byte by byte.
	ExactReply
	// MatchingReply: the value, a regular expression of RE2, matches somewhere in it.
	MatchingReply
)

// Target is a port, 1-65535, and its check.
type Target struct {
	Port int32
	Check
}

// Spec is a check of ports as annotations name them.
type Spec struct {
	// Port is a number, or the name of a Pod's port; empty: every UDP port.
	Port string
	Check
}

// Default is the Spec that holds where nobody has given one: every UDP port has
// to be bound.
func Default() Spec {
	return Spec{Check: Check{Mode: ModeSocket, Interval: DefaultInterval}}
}

// At is the target that the Spec makes of a port which it means.
func (s Spec) At(port int32) Target { return Target{Port: port, Check: s.Check} }

// String is the target as ParseTargets reads it. Among the arguments of a
// container each $ of it is to be doubled, since Kubernetes expands them.
func (t Target) String() string { return strconv.Itoa(int(t.Port)) + t.Check.String() }

// String is the Spec as ParseAnnotation reads it.
func (s Spec) String() string { return s.Port + s.Check.String() }

// String is what stands behind the port: the mode, and what differs from its
// defaults.
func (c Check) String() string {
	var text strings.Builder
	text.WriteString("/" + string(c.Mode))
	write := func(key, value string) { text.WriteString(";" + key + "=" + escaped(value)) }
	if c.Mode == ModeProbe {
		write("payload", encoded(c.Payload))
	}
	switch c.Expect.Kind {
	case ExactReply:
		write("expect", encoded(c.Expect.Value))
	case MatchingReply:
		write("expect", encodingRE2+":"+c.Expect.Value)
	case AnyReply:
	}
	if c.Query != "" {
		write("query", c.Query)
	}
	if c.Mode != ModeSocket && c.Timeout != DefaultTimeout {
		write("timeout", c.Timeout.String())
	}
	if c.Interval != DefaultInterval {
		write("interval", c.Interval.String())
	}
	return text.String()
}
