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

// operation is an Operation and what is still to happen with it.
type operation struct {
	Operation
	zone *zone
	then change
	// fault is how it is to fail, or to be late; nil if it succeeds in time.
	fault *Fault
	// steps are those to come, in the order of their times.
	steps []step
}

// step is what happens with an operation at a time: it ends, it takes effect, or
// both.
type step struct {
	at        time.Time
	ends, has bool
}

// stepsOf are all steps of an operation that takes until due.
func stepsOf(due time.Time, fault *Fault) []step {
	switch {
	case fault != nil && fault.Kind == FaultOperationPending && fault.done():
		return []step{{at: due, has: true}}
	case fault != nil && fault.Kind == FaultOperationPending:
		return nil
	case fault != nil && fault.Kind == FaultLateEffect:
		return []step{{at: due, ends: true}, {at: due.Add(fault.Late), has: true}}
	default:
		return []step{{at: due, ends: true, has: true}}
	}
}

// isDue tells whether the next step is.
func (op *operation) isDue(now time.Time) bool {
	return len(op.steps) > 0 && !op.steps[0].at.After(now)
}

// isOver tells whether nothing more will happen with it.
func (op *operation) isOver() bool { return len(op.steps) == 0 && op.State != OperationPending }

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
		zone: z, then: then, fault: r.fault,
	}
	due := r.now.Add(c.delay)
	op.steps = stepsOf(due, op.fault)
	z.busy[then.target] = id
	z.change(r.now, then.begin)
	c.operations.add(op)
	answer := op.Operation
	if op.fault != nil && op.fault.Immediate {
		c.finish(op, r.now)
		answer = op.Operation
	}
	for _, step := range op.steps {
		c.wakePlane(step.at.Sub(r.now))
	}
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

// settle does what is due with operations, in the order of the times. It needs
// the mutex.
func (c *Cloud) settle(now time.Time) {
	for {
		var first *operation
		for _, op := range c.operations.pending {
			if op.isDue(now) && (first == nil || op.steps[0].at.Before(first.steps[0].at)) {
				first = op
			}
		}
		if first == nil {
			return
		}
		c.step(first, first.steps[0].at)
	}
}

// step does the next step of an operation. It needs the mutex.
func (c *Cloud) step(op *operation, now time.Time) {
	next := op.steps[0]
	op.steps = op.steps[1:]
	if next.ends {
		op.end()
	}
	if next.has {
		op.take(now)
	}
	if op.isOver() {
		c.operations.pending = slices.DeleteFunc(c.operations.pending, func(p *operation) bool { return p == op })
	}
}

// finish does all that is still to happen with an operation, now. It needs the
// mutex.
func (c *Cloud) finish(op *operation, now time.Time) {
	for len(op.steps) > 0 {
		c.step(op, now)
	}
}

// fails tells whether the operation is to fail.
func (op *operation) fails() bool { return op.fault != nil && op.fault.Kind == FaultOperationFailure }

// end lets the operation end, as it is told.
func (op *operation) end() {
	if !op.fails() {
		op.State = OperationSuccess
		return
	}
	op.State, op.Reason, op.Message = OperationFailure, op.fault.reason(), op.fault.message()
	if op.fault.Timeout {
		op.State = OperationTimeout
	}
}

// take lets the operation take its effect, and frees its object. It needs the
// mutex.
func (op *operation) take(now time.Time) {
	z := op.zone
	if z.busy[op.then.target] == op.ID {
		delete(z.busy, op.then.target)
	}
	switch {
	case !op.fails() || op.fault.Effect == EffectDone:
		z.change(now, op.then.finish)
	case op.fault.Effect == EffectError:
		z.change(now, op.then.spoil)
	default:
		z.change(now, op.then.revert)
	}
}

// EndOperation lets an operation that is pending end now, as success and with its
// effect: the way out of FaultOperationPending.
func (c *Cloud) EndOperation(id string) (found bool) {
	defer c.syncPlane()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opts.Clock.Now()
	c.settle(now)
	i := slices.IndexFunc(c.operations.pending, func(op *operation) bool { return op.ID == id })
	if i < 0 {
		return false
	}
	op := c.operations.pending[i]
	op.steps = []step{{ends: true, has: op.zone.busy[op.then.target] == op.ID}}
	c.finish(op, now)
	return true
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
	if !found || op.zone != r.zone {
		return nil, refuse(http.StatusNotFound, "operation %s not found", id)
	}
	return op.Operation, nil
}
