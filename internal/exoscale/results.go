package exoscale

import (
	"fmt"
	"time"

	"k8s.io/utils/clock"
)

// What is known of an operation besides Pending, Success and Failure.
const (
	// Unknown: never heard of, or forgotten. Resume follows it.
	Unknown OperationState = "Unknown"
	// Gone: Exoscale doesn't know the operation any more; look at the NLB itself.
	Gone OperationState = "Gone"
)

// Result is what is known of an operation.
type Result struct {
	State OperationState
	// Class and Message tell why it failed, or, while it is Pending, why the
	// cloud can't be asked about it; empty if all is well.
	Class   Class
	Message string
	// Reason is Exoscale's word for why it failed ("busy", "conflict", …).
	Reason string
	// ReferenceID is the NLB that it is about; may be empty.
	ReferenceID string
}

func resultOf(op Operation) Result {
	result := Result{State: op.State, ReferenceID: op.ReferenceID}
	if op.State == Failure {
		result.Class = classOfReason(op.Reason, op.Message)
		result.Reason, result.Message = op.Reason, op.Message
	}
	return result
}

func pendingResult(t *tracked) Result {
	result := Result{State: Pending, ReferenceID: t.op.ReferenceID}
	if t.trouble != nil {
		result.Class, result.Message = ClassOf(t.trouble), t.trouble.Error()
	}
	return result
}

// Err is the failure as an *Error; nil unless State is Failure.
func (r Result) Err() error {
	if r.State != Failure {
		return nil
	}
	message := "the operation failed"
	if r.Reason != "" {
		message += fmt.Sprintf(" (%s)", r.Reason)
	}
	if r.Message != "" {
		message += ": " + r.Message
	}
	return &Error{Class: r.Class, Message: message}
}

// results keeps how operations ended, for a time and up to a number: an owner
// that never asks must not fill the memory.
type results struct {
	keep  time.Duration
	most  int
	clock clock.PassiveClock

	byID  map[resultKey]kept
	order []resultKey // oldest first; holds forgotten ones too
}

type resultKey struct{ zone, id string }

type kept struct {
	result Result
	at     time.Time
}

func (r *results) put(zone, id string, result Result) {
	if r.byID == nil {
		r.byID = map[resultKey]kept{}
	}
	key := resultKey{zone, id}
	if _, again := r.byID[key]; !again {
		r.order = append(r.order, key)
	}
	r.byID[key] = kept{result: result, at: r.clock.Now()}
	for len(r.order) > 0 {
		oldest, is := r.byID[r.order[0]]
		if is && len(r.byID) <= r.most && len(r.order) <= 2*r.most && r.clock.Since(oldest.at) < r.keep {
			break
		}
		delete(r.byID, r.order[0])
		r.order = r.order[1:]
	}
}

func (r *results) get(zone, id string) (Result, bool) {
	k, is := r.byID[resultKey{zone, id}]
	if !is || r.clock.Since(k.at) >= r.keep {
		return Result{}, false
	}
	return k.result, true
}

func (r *results) forget(zone, id string) {
	delete(r.byID, resultKey{zone, id})
}
