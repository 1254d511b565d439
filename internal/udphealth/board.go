package udphealth

import (
	"fmt"
	"sync"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// State of a target.
type State string

// The states. Unknown is that of a target that has yet to be checked.
const (
	Unknown   State = "unknown"
	Healthy   State = "healthy"
	Unhealthy State = "unhealthy"
)

// Status is what a Board knows, as /healthz tells it.
type Status struct {
	// Healthy: the health port is to be open. Ready, and not Draining.
	Healthy bool `json:"healthy"`
	// Ready: every target is healthy.
	Ready bool `json:"ready"`
	// Draining: the Pod is to end; there is no way back.
	Draining bool `json:"draining"`
	// ConfigurationError is why there are no targets to check.
	ConfigurationError string         `json:"configurationError,omitempty"`
	HealthPort         PortStatus     `json:"healthPort"`
	Targets            []TargetStatus `json:"targets"`
}

// PortStatus is what became of the health port.
type PortStatus struct {
	Open bool `json:"open"`
	// Error is why it isn't, although all is healthy.
	Error string `json:"error,omitempty"`
}

// TargetStatus is the state of a target, and since when.
type TargetStatus struct {
	// Name is the port and the mode; what is sent may be a secret.
	Name  string    `json:"target"`
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Checks and Failures since the start.
	Checks   uint64 `json:"checks"`
	Failures uint64 `json:"failures"`
	// LastError stays when the target is healthy again.
	LastError     string     `json:"lastError,omitempty"`
	LastErrorTime *time.Time `json:"lastErrorTime,omitempty"`
}

// Board holds what is known. Its methods may be called at once.
type Board struct {
	changed chan struct{}

	mu     sync.Mutex
	status Status
}

// NewBoard is that of targets, none of which has been checked. A configurationError
// keeps it from ever being healthy.
func NewBoard(targets []udpprobe.Target, configurationError error, now time.Time) *Board {
	b := &Board{changed: make(chan struct{}, 1)}
	if configurationError != nil {
		b.status.ConfigurationError = configurationError.Error()
	}
	b.status.Targets = []TargetStatus{}
	taken := map[string]int{}
	for _, target := range targets {
		name := nameOf(target)
		taken[name]++
		if n := taken[name]; n > 1 {
			name = fmt.Sprintf("%s#%d", name, n)
		}
		b.status.Targets = append(b.status.Targets, TargetStatus{Name: name, State: Unknown, Since: now})
	}
	return b
}

func nameOf(target udpprobe.Target) string {
	name := fmt.Sprintf("%d/%s", target.Port, target.Mode)
	if target.Query != "" {
		name += ";query=" + target.Query
	}
	return name
}

// Changed has something in it after Status.Healthy may have changed.
func (b *Board) Changed() <-chan struct{} { return b.changed }

// Record is the outcome of a check of a target, by its number. It tells whether
// the state has changed, and what it is.
func (b *Board) Record(target int, outcome error, now time.Time) (changed bool, status TargetStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	is, state := &b.status.Targets[target], Healthy
	is.Checks++
	if outcome != nil {
		state = Unhealthy
		is.Failures++
		when := now
		is.LastError, is.LastErrorTime = outcome.Error(), &when
	}
	if changed = is.State != state; changed {
		is.State, is.Since = state, now
		b.conclude()
	}
	return changed, *is
}

// Drain makes the health bad for good; Status.Ready stays as it is. It tells
// whether it was the first to do so.
func (b *Board) Drain() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := !b.status.Draining
	b.status.Draining = true
	b.conclude()
	return first
}

// SetHealthPort tells what became of the health port.
func (b *Board) SetHealthPort(status PortStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.HealthPort = status
}

// Status is what is known now.
func (b *Board) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	status := b.status
	status.Targets = append([]TargetStatus{}, status.Targets...)
	return status
}

// conclude needs mu.
func (b *Board) conclude() {
	ready := b.status.ConfigurationError == "" && len(b.status.Targets) > 0
	for _, target := range b.status.Targets {
		ready = ready && target.State == Healthy
	}
	b.status.Ready, b.status.Healthy = ready, ready && !b.status.Draining
	select {
	case b.changed <- struct{}{}:
	default: // who looks next sees this, too
	}
}
