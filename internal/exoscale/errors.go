package exoscale

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what a failure means to the caller. Callers branch on the class,
// never on a status or a text.
type Class string

// The classes of failures.
const (
	// NotFound (404, 410): the object that the call named doesn't exist.
	NotFound Class = "NotFound"
	// Invalid (400, 422 and the like): the request will be refused again as it is.
	Invalid Class = "Invalid"
	// InvalidCredentials (401): Exoscale doesn't know the API key, or there is none.
	InvalidCredentials Class = "InvalidCredentials"
	// Forbidden (403): the IAM role of the key doesn't allow the operation.
	Forbidden Class = "Forbidden"
	// Blocked (402, 451): the organisation has to settle something with Exoscale
	// first. Or the API's endpoint is one where nothing is sent.
	Blocked Class = "Blocked"
	// Conflict (409, 412): the state of the cloud contradicts the request, for
	// example a name that is in use.
	Conflict Class = "Conflict"
	// Busy (423, or a 409 that says so): another change of the object has to end first.
	Busy Class = "Busy"
	// QuotaExceeded: the organisation's quota is used up.
	QuotaExceeded Class = "QuotaExceeded"
	// Transient (429, 5xx, timeouts, broken connections): try again later. Of a
	// change it also means that it may have been made all the same.
	Transient Class = "Transient"
	// Oversized: the answer to a read is longer than Options.MaxAnswer, and will be
	// again.
	Oversized Class = "Oversized"
	// UnknownZone: Exoscale has no such zone; the message lists those it has.
	UnknownZone Class = "UnknownZone"
)

// allClasses are all of them.
var allClasses = []Class{
	NotFound, Invalid, InvalidCredentials, Forbidden, Blocked, Conflict, Busy, QuotaExceeded, Transient, Oversized, UnknownZone,
}

// Error is the only kind of error that this package returns.
type Error struct {
	Class Class
	// Operation is the operation's name in Exoscale's API, as IAM policies
	// spell it ("create-load-balancer").
	Operation string
	// Object names what the call was about ("load balancer 0b12…"); may be empty.
	Object string
	Zone   string
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Message has the API's own words, or says why there was no answer.
	Message string
	// RetryAfter is how long the API asked to wait, up to two minutes; 0 if it didn't.
	RetryAfter time.Duration

	cause error
}

// Error reads as a sentence for the person at the terminal.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	if e.Object != "" {
		fmt.Fprintf(&b, " of %s", e.Object)
	}
	if e.Zone != "" {
		fmt.Fprintf(&b, " in zone %s", e.Zone)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	return b.String()
}

// Unwrap gives the cause, so that errors.Is finds context.Canceled and the like.
func (e *Error) Unwrap() error { return e.cause }

// ErrBusy is what Operations.Start returns while another change of the same NLB
// is in flight. The owner is woken when that ends.
var ErrBusy error = &Error{Class: Busy, Message: "another change of this load balancer is in flight"}

// ErrCrowded is what Operations.Start returns while many changes of the zone begin,
// or one that takes long. The owner is woken when there is room.
var ErrCrowded error = &Error{Class: Busy, Message: "enough other changes of this zone wait for Exoscale's answer"}

// ClassOf is the class of an error of this package, wrapped or not. It is empty
// for nil, and Transient for an error of anybody else's.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Transient
}

func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func retryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
