package exoscale

import v3 "github.com/exoscale/egoscale/v3"

// Operation is a change that Exoscale makes: it is started by a call and ends later.
type Operation struct {
	ID    string
	State OperationState
	// Reason is Exoscale's word for why it failed ("busy", "conflict", …; "timeout"
	// if Exoscale gave up); empty unless it failed.
	Reason string
	// Message has Exoscale's own words; may be empty.
	Message string
	// ReferenceID is the NLB that the operation is about, also when it is about
	// one of its services. Empty if Exoscale doesn't say.
	ReferenceID string
}

// OperationState is how far an operation is.
type OperationState string

// The states of an operation.
const (
	Pending OperationState = "Pending"
	Success OperationState = "Success"
	Failure OperationState = "Failure"
)

// Err is the failure as an *Error; nil unless State is Failure.
func (o Operation) Err() error { return resultOf(o).Err() }

func operationOf(o v3.Operation) Operation {
	op := Operation{ID: string(o.ID), Reason: clip(string(o.Reason)), Message: clip(o.Message), State: Pending}
	switch o.State {
	case v3.OperationStateSuccess:
		op.State = Success
	case v3.OperationStateFailure:
		op.State = Failure
	case v3.OperationStateTimeout:
		op.State = Failure
		if op.Reason == "" {
			op.Reason = string(v3.OperationStateTimeout)
		}
	}
	if o.Reference != nil {
		op.ReferenceID = string(o.Reference.ID)
	}
	return op
}
