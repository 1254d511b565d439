package exosim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

const (
	// FaultLatency delays the answer by Latency.
	FaultLatency FaultKind = "latency"
	// FaultStatus answers with Status instead of doing anything.
	FaultStatus FaultKind = "status"
	// FaultResetBefore cuts the connection before anything is done.
	FaultResetBefore FaultKind = "reset-before"
	// FaultResetAfter does what was asked for and cuts the connection then.
	FaultResetAfter FaultKind = "reset-after"
	// FaultOperationFailure lets the operation that a call starts fail with
	// Reason when it ends. Hits calls that change something.
	FaultOperationFailure FaultKind = "operation-failure"
	// FaultStaleRead answers with the state of Age ago, or, if that is 0, the
	// one before the last change. Hits calls that read, but for get-operation:
	// an operation is always told as it is.
	FaultStaleRead FaultKind = "stale-read"
)

// What a failed operation has done.
const (
	// EffectNone undoes what the operation was to do. The default.
	EffectNone = "none"
	// EffectDone does it nevertheless.
	EffectDone = "done"
	// EffectError leaves the NLB or service in state error.
	EffectError = "error"
)

var (
	faultKinds   = []FaultKind{FaultLatency, FaultStatus, FaultResetBefore, FaultResetAfter, FaultOperationFailure, FaultStaleRead}
	faultEffects = []string{"", EffectNone, EffectDone, EffectError}
	faultReasons = []string{
		"", "incorrect", "unknown", "unavailable", "forbidden", "busy", "fault", "partial", "not-found",
		"interrupted", "unsupported", "conflict",
	}
)

// Fault is a rule for what goes wrong. It concerns the calls of Operation that
// Kind can hit, counted from the moment the rule is made:
//
//	Nth 0, Count 0  every one
//	Nth n, Count 0  the n-th one only
//	Nth 0, Count c  the first c
//	Nth n, Count c  c of them from the n-th on
//
// and of those, with a Probability, the ones that chance, seeded with Seed,
// picks. Several rules may hit one call: latencies add up; of each other kind
// the first rule holds, and reset-before goes before status, and that before
// the rest.
type Fault struct {
	// Operation is an operationId; "*" or empty is any.
	Operation string `json:"operation,omitempty"`
	// Zone is the zone concerned; empty is any.
	Zone string    `json:"zone,omitempty"`
	Kind FaultKind `json:"kind"`

	Nth         int     `json:"nth,omitempty"`
	Count       int     `json:"count,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`

	// Latency of FaultLatency.
	Latency time.Duration `json:"-"`
	// Status of FaultStatus (400–599; 0 is 503), and the seconds of its
	// Retry-After (0 sends none).
	Status     int `json:"status,omitempty"`
	RetryAfter int `json:"retry-after,omitempty"`
	// Reason of FaultOperationFailure, one of the API's; empty is unknown.
	Reason string `json:"reason,omitempty"`
	// Effect of FaultOperationFailure: none, done or error.
	Effect string `json:"effect,omitempty"`
	// Timeout lets the operation end as timed out instead of failed.
	Timeout bool `json:"timeout,omitempty"`
	// Immediate lets the operation fail before the call that starts it is
	// answered.
	Immediate bool `json:"immediate,omitempty"`
	// Message of FaultStatus and FaultOperationFailure; there is a default.
	Message string `json:"message,omitempty"`
	// Age of FaultStaleRead.
	Age time.Duration `json:"-"`
}

func (f Fault) validate() error {
	switch {
	case f.Operation != "" && f.Operation != "*" && !isOperation(f.Operation):
		return fmt.Errorf("operation: %q isn't simulated: there are %s", f.Operation, strings.Join(Operations(), ", "))
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("kind: %q is none of %q", f.Kind, faultKinds)
	case f.neverHits():
		return fmt.Errorf("operation, kind: %s never hits %s", f.Kind, f.Operation)
	case f.Nth < 0 || f.Count < 0:
		return fmt.Errorf("nth, count: must not be negative")
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability: must be from 0 to 1, is %g", f.Probability)
	case f.Kind == FaultLatency && f.Latency <= 0:
		return fmt.Errorf("latency: must be positive")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status: must be from 400 to 599, is %d", f.Status)
	case !slices.Contains(faultReasons, f.Reason):
		return fmt.Errorf("reason: %q is none of %q", f.Reason, faultReasons[1:])
	case !slices.Contains(faultEffects, f.Effect):
		return fmt.Errorf("effect: %q is none of %q", f.Effect, faultEffects[1:])
	case f.Age < 0:
		return fmt.Errorf("age: must not be negative")
	}
	return nil
}

func (f *Fault) reason() string {
	if f.Reason == "" {
		return "unknown"
	}
	return f.Reason
}

func (f *Fault) message() string {
	if f.Message == "" {
		return "simulated failure"
	}
	return f.Message
}

func (f *Fault) refusal() error {
	status := f.Status
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	return &refusal{status: status, message: f.message(), retryAfter: f.RetryAfter}
}

// concerns tells whether a call is one of those that the rule counts.
func (f *Fault) concerns(zone string, route route) bool {
	if f.Operation != "" && f.Operation != "*" && f.Operation != route.operation || f.Zone != "" && f.Zone != zone {
		return false
	}
	return f.Kind.hits(route)
}

func (k FaultKind) hits(route route) bool {
	switch k {
	case FaultOperationFailure:
		return route.writes()
	case FaultStaleRead:
		return !route.writes() && route.operation != "get-operation"
	default:
		return true
	}
}

// neverHits tells whether the rule is for an operation that its kind can't hit.
func (f *Fault) neverHits() bool {
	return slices.ContainsFunc(routes, func(r route) bool { return r.operation == f.Operation && !f.Kind.hits(r) })
}

// armed is a rule at work.
type armed struct {
	Fault
	id     int
	seen   int
	chance *rand.Rand
}

// hits counts a call and tells whether it is to go wrong.
func (a *armed) hits() bool {
	a.seen++
	first, last := max(a.Nth, 1), 0
	switch {
	case a.Count > 0:
		last = first + a.Count - 1
	case a.Nth > 0:
		last = first
	}
	if a.seen < first || last > 0 && a.seen > last {
		return false
	}
	return a.Probability == 0 || a.chance.Float64() < a.Probability
}

// faultBook holds the rules. It is safe for concurrent use.
type faultBook struct {
	mu    sync.Mutex
	last  int
	rules []*armed
}

func (b *faultBook) add(f Fault) (id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.rules = append(b.rules, &armed{Fault: f, id: b.last, chance: rand.New(rand.NewPCG(f.Seed, 0))}) //nolint:gosec // chance that can be repeated
	return b.last
}

func (b *faultBook) remove(id int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.rules)
	b.rules = slices.DeleteFunc(b.rules, func(a *armed) bool { return a.id == id })
	return len(b.rules) < before
}

func (b *faultBook) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = nil
}

func (b *faultBook) strike(zone string, route route) struck {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s struck
	for _, rule := range b.rules {
		if !rule.concerns(zone, route) || !rule.hits() {
			continue
		}
		if rule.Kind == FaultLatency {
			s.latency += rule.Latency
			continue
		}
		s.faults = append(s.faults, &rule.Fault)
	}
	return s
}

// struck is what goes wrong with one call.
type struck struct {
	latency time.Duration
	faults  []*Fault
}

func (s struck) of(kind FaultKind) *Fault {
	i := slices.IndexFunc(s.faults, func(f *Fault) bool { return f.Kind == kind })
	if i < 0 {
		return nil
	}
	return s.faults[i]
}

func (s struck) has(kind FaultKind) bool { return s.of(kind) != nil }

// Fault makes something go wrong, until the function it returns is called. It
// panics if the rule makes no sense.
func (c *Cloud) Fault(f Fault) (remove func()) {
	if err := f.validate(); err != nil {
		panic("exosim: fault: " + err.Error())
	}
	if _, known := c.zones[f.Zone]; f.Zone != "" && !known {
		panic(fmt.Sprintf("exosim: fault: there is no zone %q", f.Zone))
	}
	id := c.faults.add(f)
	return func() { c.faults.remove(id) }
}

// ClearFaults removes all faults.
func (c *Cloud) ClearFaults() { c.faults.clear() }
