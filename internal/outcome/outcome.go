// Package outcome holds what a reconcile round came to, and is the one place
// that turns it into conditions and into a controller-runtime result.
//
//	Done      nothing to do; looked at again when something changes
//	Waiting   on an event that wakes us; the delay is only a safety net
//	Invalid   somebody has to edit the object
//	Blocked   somebody has to act elsewhere (credentials, quota, another holder)
//	Retry     a passing fault; tried again with a growing delay
package outcome

import (
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Kind is one of the five ends of a round.
type Kind string

// The five ends of a round.
const (
	KindDone    Kind = "Done"
	KindWaiting Kind = "Waiting"
	KindInvalid Kind = "Invalid"
	KindBlocked Kind = "Blocked"
	KindRetry   Kind = "Retry"
)

// The delays after which a round is repeated though no event woke it.
const (
	// WaitingNet backs up the event that a Waiting object waits for.
	WaitingNet = 30 * time.Second
	// BlockedNet is how often a blocked object looks whether its cause is gone,
	// if nothing says so earlier.
	BlockedNet = time.Minute
	// busyNet is how soon to look again when the cloud is busy with, or not as
	// we thought of, the object.
	busyNet = 5 * time.Second
)

// Outcome is what a round came to.
type Outcome struct {
	Kind Kind
	// Reason is one of the closed vocabulary of package v1alpha1.
	Reason string
	// Message is a sentence for the person at the terminal.
	Message string
	// NotAccepted is true if the spec itself, or what it refers to, is the
	// cause: Accepted is False, not only Programmed.
	NotAccepted bool
	// After overrides the delay until the next look; 0 is the kind's own.
	After time.Duration
	// Quiet is true if nothing was found out yet, which is no news: what the
	// conditions say of this generation stays.
	Quiet bool
	// Err is the cause of a Retry, returned to the work queue for its backoff.
	Err error
}

// Done says that the cloud matches the spec.
func Done() Outcome {
	return Outcome{Kind: KindDone, Reason: v1alpha1.ReasonProgrammed}
}

// Waiting says that something is under way and an event will wake us.
func Waiting(reason, message string) Outcome {
	return Outcome{Kind: KindWaiting, Reason: reason, Message: message, After: WaitingNet}
}

// Invalid says that the spec can't be accepted as it is.
func Invalid(reason, message string) Outcome {
	return Outcome{Kind: KindInvalid, Reason: reason, Message: message, NotAccepted: true}
}

// Blocked says that the spec is fine, but something outside stands in the way.
func Blocked(reason, message string) Outcome {
	return Outcome{Kind: KindBlocked, Reason: reason, Message: message, After: BlockedNet}
}

// Unresolved says that a reference of the spec doesn't resolve, or isn't
// allowed, for now: the spec isn't accepted until that changes.
func Unresolved(reason, message string) Outcome {
	return Outcome{Kind: KindBlocked, Reason: reason, Message: message, NotAccepted: true, After: BlockedNet}
}

// Retry says that a passing fault stopped the round.
func Retry(reason, message string, err error) Outcome {
	return Outcome{Kind: KindRetry, Reason: reason, Message: message, Err: err}
}

// Within looks again after d at the latest, if something has to change first.
func (o Outcome) Within(d time.Duration) Outcome {
	if o.After > d {
		o.After = d
	}
	return o
}

// Again looks again after d at the latest, whatever happens; 0 leaves it open.
func (o Outcome) Again(d time.Duration) Outcome {
	if d > 0 && (o.After == 0 || o.After > d) {
		o.After = d
	}
	return o
}

// resyncs is how many sync periods a converged object is left alone, if nothing
// wakes it; looking again costs no call of the cloud.
const resyncs = 10

// Paced sets the delays that depend on the sync period.
func (o Outcome) Paced(syncPeriod time.Duration) Outcome {
	if o.Kind == KindDone {
		if rest := resyncs * syncPeriod; o.After == 0 || o.After > rest {
			o.After = rest
		}
		return o
	}
	return o.Within(syncPeriod)
}
