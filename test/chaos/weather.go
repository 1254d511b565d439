package main

import (
	"math/rand/v2"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// faultStep lets a fault come, or go.
func (r *run) faultStep() {
	if n := len(r.faults); n > 0 && r.chance.IntN(2) == 0 {
		i := r.chance.IntN(n)
		r.faults[i]()
		r.faults = append(r.faults[:i], r.faults[i+1:]...)
		return
	}
	r.tallies.Faults++
	switch n := r.chance.IntN(20); {
	case n == 0:
		r.revokeKey()
	case n == 1:
		r.exhaustQuota()
	case n == 2:
		r.exchangeKey()
	case n == 3:
		r.stickOperations()
	case n < 12:
		r.letFail(r.someFault())
	default:
		r.letFail(r.someLie())
	}
}

// letFail arms a fault until a later step, or the end.
func (r *run) letFail(fault exosim.Fault) {
	r.tell("fault: %+v", fault)
	remove := r.cloud.Fault(fault)
	r.faults = append(r.faults, func() {
		r.tell("fault ends: %s of %q", fault.Kind, fault.Operation)
		remove()
	})
}

func (r *run) clearFaults() {
	for _, end := range r.faults {
		end()
	}
	r.faults = nil
}

// changes are the operations that change something.
var changes = []string{
	"create-load-balancer", "update-load-balancer", "delete-load-balancer",
	"add-service-to-load-balancer", "update-load-balancer-service", "delete-load-balancer-service",
}

// someFault keeps some calls, or many, from succeeding.
func (r *run) someFault() exosim.Fault {
	fault := exosim.Fault{
		Kind: pick(r.chance, []exosim.FaultKind{
			exosim.FaultLatency, exosim.FaultStatus, exosim.FaultStatus, exosim.FaultResetBefore, exosim.FaultResetAfter, exosim.FaultResetAfter,
			exosim.FaultOperationFailure, exosim.FaultOperationFailure, exosim.FaultStaleRead, exosim.FaultGateway, exosim.FaultHang, exosim.FaultLateEffect,
		}),
		Operation: pick(r.chance, append(changes[:len(changes):len(changes)], "*")),
		Count:     r.chance.IntN(4), Probability: 0.3 + 0.7*r.chance.Float64(), Seed: r.chance.Uint64(),
	}
	switch fault.Kind {
	case exosim.FaultLatency:
		fault.Operation, fault.Latency = "*", time.Duration(1+r.chance.IntN(100))*time.Millisecond
	case exosim.FaultStatus:
		fault.Status, fault.RetryAfter = pick(r.chance, []int{429, 500, 502, 503, 409, 423}), r.patience()
		fault.Effect = r.perhapsDone()
	case exosim.FaultGateway:
		fault.Status, fault.RetryAfter = pick(r.chance, []int{502, 503, 504}), r.patience()
		fault.Form, fault.Effect = r.form(), r.perhapsDone()
	case exosim.FaultOperationFailure:
		fault.Reason = pick(r.chance, []string{"unknown", "unavailable", "busy", "fault", "partial", "interrupted", "conflict", "incorrect", "not-found"})
		fault.Effect = pick(r.chance, []string{exosim.EffectNone, exosim.EffectDone})
		fault.Timeout, fault.Immediate = r.chance.IntN(8) == 0, r.chance.IntN(8) == 0
	case exosim.FaultStaleRead:
		fault.Operation, fault.Age = pick(r.chance, []string{"*", "list-load-balancers", "get-load-balancer"}), time.Duration(r.chance.IntN(300))*time.Millisecond
	case exosim.FaultHang: // of changes the gate needs an end
		fault.Operation, fault.Count = pick(r.chance, []string{"list-*", "get-*", "list-*,get-*"}), 0
	case exosim.FaultLateEffect:
		fault.Late = time.Duration(1+r.chance.IntN(2000)) * time.Millisecond
	}
	return fault
}

// patience is what Exoscale asks for with a refusal: mostly none.
func (r *run) patience() (seconds int) {
	switch r.chance.IntN(12) {
	case 0:
		r.silenced = true
		return 60 + r.chance.IntN(3541)
	case 1, 2:
		return 1
	default:
		return 0
	}
}

func (r *run) form() string { return pick(r.chance, []string{exosim.FormHTML, exosim.FormJSON}) }

func (r *run) perhapsDone() string {
	return pick(r.chance, []string{exosim.EffectNone, exosim.EffectNone, exosim.EffectDone})
}

// someLie answers what isn't true, or isn't an answer. What can be told to be none
// happens many times; lists lie many times, too, since no NLB goes by them alone; but
// a GET that can't be told from the truth lies once: who is told twice, at different
// times, that an NLB is gone may believe it.
func (r *run) someLie() exosim.Fault {
	lists := pick(r.chance, []string{"list-load-balancers", "list-load-balancers", "list-*"})
	reads := pick(r.chance, []string{"list-load-balancers", "get-load-balancer", "list-load-balancers,get-load-balancer"})
	const theGet = "get-load-balancer"
	lie := pick(r.chance, []exosim.Fault{
		{Kind: exosim.FaultLackingObject, Operation: lists},
		{Kind: exosim.FaultLackingObject, Operation: "list-load-balancers", Object: "*"},
		{Kind: exosim.FaultLackingService, Operation: "list-load-balancers"},
		{Kind: exosim.FaultLackingService, Operation: "list-load-balancers", Object: "*"},
		{Kind: exosim.FaultStaleRead, Operation: "list-load-balancers", Age: time.Duration(300+r.chance.IntN(2700)) * time.Millisecond},
		{Kind: exosim.FaultOtherOrganization, Operation: "list-load-balancers"},
		{Kind: exosim.FaultIncomplete, Operation: reads, Absent: r.chance.IntN(2) == 0},
		{Kind: exosim.FaultIncomplete, Operation: reads, Fields: []string{pick(r.chance, []string{"services", "services.instance-pool", "services.healthcheck"})}},
		{Kind: exosim.FaultIncomplete, Operation: reads, Absent: true, Fields: []string{"services.healthcheck.interval", "services.healthcheck.timeout", "services.healthcheck.retries"}},
		{Kind: exosim.FaultAnswer, Operation: reads, Body: pick(r.chance, []string{"", "{}", "null"})},
		{Kind: exosim.FaultAnswer, Operation: "get-operation", Body: pick(r.chance, []string{"", "{}", "null"})},
		{Kind: exosim.FaultAnswer, Operation: pick(r.chance, changes), Body: pick(r.chance, []string{"", "{}"})},
		{Kind: exosim.FaultOtherObject, Operation: pick(r.chance, []string{theGet, "get-operation"})},
		{Kind: exosim.FaultGateway, Operation: "list-*", Status: 404, Form: r.form()},
		{Kind: exosim.FaultGateway, Operation: pick(r.chance, changes), Status: 404, Form: r.form()},
		once(r.chance, exosim.Fault{Kind: exosim.FaultGateway, Operation: theGet, Status: 404, Form: r.form()}),
		once(r.chance, exosim.Fault{Kind: exosim.FaultGateway, Operation: "get-operation", Status: 404}),
		once(r.chance, exosim.Fault{Kind: exosim.FaultOtherOrganization, Operation: theGet}),
		once(r.chance, exosim.Fault{Kind: exosim.FaultLackingService, Operation: theGet, Object: "*"}),
	})
	if lie.Nth == 0 {
		lie.Count, lie.Probability = r.chance.IntN(6), 0.3+0.7*r.chance.Float64()
	}
	lie.Seed = r.chance.Uint64()
	return lie
}

// once is a fault of one of the next calls.
func once(chance *rand.Rand, fault exosim.Fault) exosim.Fault {
	fault.Nth = 1 + chance.IntN(12)
	return fault
}

// stickOperations lets operations never end, until somebody at Exoscale ends them.
func (r *run) stickOperations() {
	remove := r.cloud.Fault(exosim.Fault{
		Kind: exosim.FaultOperationPending, Operation: pick(r.chance, append(changes[:len(changes):len(changes)], "*")),
		Count: 1 + r.chance.IntN(3), Effect: pick(r.chance, []string{exosim.EffectNone, exosim.EffectDone}),
	})
	r.tell("fault: operations don't end")
	r.faults = append(r.faults, func() {
		r.tell("fault ends: Exoscale ends what is pending")
		remove()
		for _, op := range r.cloud.PendingOperations() {
			r.cloud.EndOperation(op.ID)
		}
	})
}

func (r *run) revokeKey() {
	key := r.cloud.AdminKey()
	r.tell("fault: the API key is revoked")
	r.cloud.RevokeKey(key.Key)
	r.faults = append(r.faults, func() {
		r.tell("fault ends: the API key is valid again")
		r.cloud.AddKey(key)
	})
}

func (r *run) exhaustQuota() {
	limit := int64(len(r.cloud.LoadBalancers("")))
	r.tell("fault: the quota is %d NLBs, and they are used", limit)
	r.cloud.SetQuota("", "network-load-balancer", limit)
	r.faults = append(r.faults, func() {
		r.tell("fault ends: no quota")
		r.cloud.SetQuota("", "network-load-balancer", -1)
	})
}
