package exosim

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What was done all the same, of what the call was to do.
const (
	// EffectNone: nothing; a failed operation is undone. The default.
	EffectNone = "none"
	// EffectDone: all of it.
	EffectDone = "done"
	// EffectError leaves the NLB or service in state error; only of a failed operation.
	EffectError = "error"
)

// The forms of a gateway's answer.
const (
	FormHTML = "html" // the default
	FormJSON = "json"
)

var (
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
// picks. With After it counts from the After-th call on that changes something;
// with For it ends by itself.
// Several rules may hit one call: latencies add up; of each other kind the first
// rule holds. What keeps a call from being handled goes first: hang, then
// reset-before, then status and gateway.
type Fault struct {
	// Operation is an operationId, in which * stands for any characters, or several
	// with commas between; empty is any.
	Operation string `json:"operation,omitempty"`
	// Zone is the zone concerned; empty is any.
	Zone string    `json:"zone,omitempty"`
	Kind FaultKind `json:"kind"`

	Nth   int `json:"nth,omitempty"`
	Count int `json:"count,omitempty"`
	// After is how many calls that change something, of whatever operation, have
	// to come before the rule counts.
	After int `json:"after,omitempty"`
	// For is how long the rule holds in real time, from the first call that it
	// hits; 0 is without an end.
	For         time.Duration `json:"-"`
	Probability float64       `json:"probability,omitempty"`
	Seed        uint64        `json:"seed,omitempty"`

	// Latency of FaultLatency, and the limit of FaultHang.
	Latency time.Duration `json:"-"`
	// Status of FaultStatus (400–599; 0 is 503) and FaultGateway (0 is 502), and
	// the seconds of its Retry-After (0 sends none).
	Status     int `json:"status,omitempty"`
	RetryAfter int `json:"retry-after,omitempty"`
	// Form of FaultGateway: html or json; empty is html.
	Form string `json:"form,omitempty"`
	// Body of FaultAnswer, as it is sent; empty sends none.
	Body string `json:"body,omitempty"`
	// Object of FaultLackingObject, FaultLackingService and FaultIncomplete is an
	// id or a name, in which * stands for any characters.
	Object string `json:"object,omitempty"`
	// Fields of FaultIncomplete, as paths: services.healthcheck.interval.
	Fields []string `json:"fields,omitempty"`
	// Absent leaves the Fields out instead of making them null.
	Absent bool `json:"absent,omitempty"`
	// Organization of FaultOtherOrganization; empty is DefaultOtherOrganization.
	Organization string `json:"organization,omitempty"`
	// Reason of FaultOperationFailure, one of the API's; empty is unknown.
	Reason string `json:"reason,omitempty"`
	// Effect of FaultOperationFailure: none, done or error. Of FaultStatus,
	// FaultGateway, FaultHang and FaultOperationPending: none or done.
	Effect string `json:"effect,omitempty"`
	// Timeout lets the operation end as timed out instead of failed.
	Timeout bool `json:"timeout,omitempty"`
	// Immediate lets the operation fail before the call that starts it is
	// answered.
	Immediate bool `json:"immediate,omitempty"`
	// Message of FaultStatus, FaultGateway and FaultOperationFailure; there is a
	// default.
	Message string `json:"message,omitempty"`
	// Age of FaultStaleRead.
	Age time.Duration `json:"-"`
	// Late of FaultLateEffect.
	Late time.Duration `json:"-"`
}

func (f Fault) validate() error {
	switch {
	case f.Operation != "" && !slices.ContainsFunc(routes, f.means):
		return fmt.Errorf("operation: %q isn't simulated: there are %s", f.Operation, strings.Join(Operations(), ", "))
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("kind: %q is none of %q", f.Kind, FaultKinds())
	case f.neverHits():
		return fmt.Errorf("operation, kind: %s never hits %s", f.Kind, f.Operation)
	case f.Nth < 0 || f.Count < 0:
		return fmt.Errorf("nth, count: must not be negative")
	case f.After < 0:
		return fmt.Errorf("after: must not be negative")
	case f.For < 0:
		return fmt.Errorf("for: must not be negative")
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
	default:
		return f.validateKind()
	}
}

// validateKind checks what only some kinds have.
func (f Fault) validateKind() error {
	switch {
	case f.Kind == FaultLateEffect && f.Late <= 0:
		return fmt.Errorf("late: must be positive")
	case f.Latency < 0:
		return fmt.Errorf("latency: must not be negative")
	case f.Form != "" && f.Form != FormHTML && f.Form != FormJSON:
		return fmt.Errorf("form: must be %s or %s, is %q", FormHTML, FormJSON, f.Form)
	case f.Effect != "" && !slices.Contains(effectsOf(f.Kind), f.Effect):
		return fmt.Errorf("effect: of %s it must be one of %q, is %q", f.Kind, effectsOf(f.Kind), f.Effect)
	case f.Kind == FaultIncomplete && len(f.Fields) == 0 && !slices.ContainsFunc(routes, func(r route) bool { return f.means(r) && r.showsServices() }):
		return fmt.Errorf("fields: must be given, chance knows only those of load balancers")
	}
	return nil
}

// effectsOf are the effects that a kind of fault may have.
func effectsOf(kind FaultKind) []string {
	switch kind {
	case FaultOperationFailure:
		return []string{EffectNone, EffectDone, EffectError}
	case FaultStatus, FaultGateway, FaultHang, FaultOperationPending:
		return []string{EffectNone, EffectDone}
	default:
		return nil
	}
}

// done tells whether what was asked for is done all the same.
func (f *Fault) done() bool { return f.Effect == EffectDone }

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
	if f.Kind == FaultGateway {
		status := cmp.Or(f.Status, http.StatusBadGateway)
		answer := f.gatewayAnswer(status)
		return &refusal{status: status, message: http.StatusText(status), retryAfter: f.RetryAfter, body: &answer}
	}
	return &refusal{status: cmp.Or(f.Status, http.StatusServiceUnavailable), message: f.message(), retryAfter: f.RetryAfter}
}

// means tells whether the rule is for an operation.
func (f *Fault) means(route route) bool {
	return f.Operation == "" || slices.ContainsFunc(strings.Split(f.Operation, ","), func(pattern string) bool {
		return fits(strings.TrimSpace(pattern), route.operation)
	})
}

// fits tells whether a text fits a pattern, in which * stands for any characters.
func fits(pattern, text string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == text
	}
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(text)
}

// concerns tells whether a call is one of those that the rule counts.
func (f *Fault) concerns(zone string, route route) bool {
	if !f.means(route) || f.Zone != "" && f.Zone != zone {
		return false
	}
	if f.Kind == FaultIncomplete && len(f.Fields) == 0 && !route.showsServices() {
		return false // chance knows only fields of NLBs
	}
	return f.Kind.hits(route)
}

// neverHits tells whether the rule is for an operation that its kind can't hit.
func (f *Fault) neverHits() bool {
	return !slices.ContainsFunc(routes, func(r route) bool { return f.means(r) && f.Kind.hits(r) })
}

// Fault makes something go wrong, until the function it returns is called. It
// panics if the rule makes no sense.
func (c *Cloud) Fault(f Fault) (remove func()) {
	if err := c.checkFault(f); err != nil {
		panic("exosim: fault: " + err.Error())
	}
	id := c.faults.add(f)
	return func() { c.faults.remove(id) }
}

func (c *Cloud) checkFault(f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	if f.Zone != "" && !slices.Contains(c.order, f.Zone) {
		return fmt.Errorf("there is no zone %q", f.Zone)
	}
	return nil
}

// checkFaults checks those of the Options.
func (c *Cloud) checkFaults() error {
	for _, fault := range c.opts.Faults {
		if err := c.checkFault(fault); err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
	return nil
}

// FaultHits is how many calls were hit by the rules that are there.
func (c *Cloud) FaultHits() int { return c.faults.hits() }

// ClearFaults removes all faults.
func (c *Cloud) ClearFaults() { c.faults.clear() }

// resetFaults leaves those of the Options, counted anew.
func (c *Cloud) resetFaults() {
	c.faults.clear()
	for _, fault := range c.opts.Faults {
		c.faults.add(fault)
	}
}
