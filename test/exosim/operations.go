package exosim

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// maxOperations bounds how many ended operations are remembered; the oldest are
// forgotten, and asked for they are 404.
const maxOperations = 10000

// operations are those of all zones. Guarded by the Cloud's mutex.
type operations struct {
	byID    map[string]*operation
	order   []string
	pending []*operation
}

func newOperations() operations {
	return operations{byID: map[string]*operation{}}
}

// operation is an Operation and what happens when it ends.
type operation struct {
	Operation
	zone string
	due  time.Time
	then change
	// fault is how it is to fail; nil if it succeeds.
	fault *Fault
}

// change is what a mutation does to a zone. begin happens at once, and then one
// of the others: finish if the operation succeeds, revert if it fails without
// effect, spoil if it leaves its object in state error. Each must be able to
// bear that its objects are gone. Those that are nil do nothing.
type change struct {
	kind, target  string // of the object that is busy meanwhile
	begin, finish func(*zoneState)
	revert, spoil func(*zoneState)
}

// start starts an operation. It needs the Cloud's mutex.
func (r *request) start(then change) (Operation, error) {
	c, z := r.cloud, r.zone
	if err := r.refuseIfBusy(then.kind, then.target); err != nil {
		return Operation{}, err
	}
	id := uuid.NewString()
	op := &operation{
		Operation: Operation{
			ID:    id,
			State: OperationPending,
			Reference: Reference{
				ID: then.target, Command: r.operation,
				Link: "/v2/" + then.kind + "/" + then.target,
			},
		},
		zone: z.name, due: r.now.Add(c.delay), then: then, fault: r.fault,
	}
	z.busy[then.target] = id
	z.change(r.now, then.begin)
	c.operations.add(op)
	answer := op.Operation
	if op.fault != nil && op.fault.Immediate {
		c.end(op, r.now)
		c.operations.pending = slices.DeleteFunc(c.operations.pending, func(p *operation) bool { return p == op })
		answer = op.Operation
	}
	c.wakePlane(op.due.Sub(r.now))
	return answer, nil
}

// refuseIfBusy refuses a change of what an operation works on.
func (r *request) refuseIfBusy(kind, id string) error {
	running, busy := r.zone.busy[id]
	if !busy || r.cloud.opts.AllowConcurrentChanges {
		return nil
	}
	return conflict("%s %s is busy: operation %s hasn't ended", kind, id, running)
}

// settle ends what is due, in the order of the ends. It needs the mutex.
func (c *Cloud) settle(now time.Time) {
	due := func(op *operation) bool { return !op.due.After(now) }
	if !slices.ContainsFunc(c.operations.pending, due) {
		return
	}
	slices.SortStableFunc(c.operations.pending, func(a, b *operation) int { return a.due.Compare(b.due) })
	for len(c.operations.pending) > 0 && due(c.operations.pending[0]) {
		op := c.operations.pending[0]
		c.operations.pending = c.operations.pending[1:]
		c.end(op, op.due)
	}
}

// end ends an operation. It needs the mutex.
func (c *Cloud) end(op *operation, now time.Time) {
	z := c.zones[op.zone]
	if z.busy[op.then.target] == op.ID {
		delete(z.busy, op.then.target)
	}
	if op.fault == nil {
		op.State = OperationSuccess
		z.change(now, op.then.finish)
		return
	}
	op.State, op.Reason, op.Message = OperationFailure, op.fault.reason(), op.fault.message()
	if op.fault.Timeout {
		op.State = OperationTimeout
	}
	switch op.fault.Effect {
	case EffectDone:
		z.change(now, op.then.finish)
	case EffectError:
		z.change(now, op.then.spoil)
	default:
		z.change(now, op.then.revert)
	}
}

func (o *operations) add(op *operation) {
	o.byID[op.ID] = op
	o.order = append(o.order, op.ID)
	o.pending = append(o.pending, op)
	for len(o.order) > maxOperations && o.byID[o.order[0]].State != OperationPending {
		delete(o.byID, o.order[0])
		o.order = o.order[1:]
	}
}

func getOperation(r *request) (any, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	op, found := r.cloud.operations.byID[id]
	if !found || op.zone != r.zone.name {
		return nil, refuse(http.StatusNotFound, "operation %s not found", id)
	}
	return op.Operation, nil
}
