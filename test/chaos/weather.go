package main

import (
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
	switch r.chance.IntN(10) {
	case 0:
		r.revokeKey()
	case 1:
		r.exhaustQuota()
	default:
		fault := r.someFault()
		r.tell("fault: %+v", fault)
		remove := r.cloud.Fault(fault)
		r.faults = append(r.faults, func() {
			r.tell("fault ends: %s of %q", fault.Kind, fault.Operation)
			remove()
		})
	}
}

func (r *run) clearFaults() {
	for _, end := range r.faults {
		end()
	}
	r.faults = nil
}

// someFault hits some calls, or many, until it is taken away.
func (r *run) someFault() exosim.Fault {
	writes := []string{
		"create-load-balancer", "update-load-balancer", "delete-load-balancer",
		"add-service-to-load-balancer", "update-load-balancer-service", "delete-load-balancer-service",
	}
	fault := exosim.Fault{
		Kind: pick(r.chance, []exosim.FaultKind{
			exosim.FaultLatency, exosim.FaultStatus, exosim.FaultStatus, exosim.FaultResetBefore, exosim.FaultResetAfter, exosim.FaultResetAfter,
			exosim.FaultOperationFailure, exosim.FaultOperationFailure, exosim.FaultStaleRead,
		}),
		Operation: pick(r.chance, append(writes, "*")),
		Count:     r.chance.IntN(4), Probability: 0.3 + 0.7*r.chance.Float64(), Seed: r.chance.Uint64(),
	}
	switch fault.Kind {
	case exosim.FaultLatency:
		fault.Operation, fault.Latency = "*", time.Duration(1+r.chance.IntN(100))*time.Millisecond
	case exosim.FaultStatus:
		fault.Status = pick(r.chance, []int{429, 500, 502, 503, 409, 423})
	case exosim.FaultOperationFailure:
		fault.Reason = pick(r.chance, []string{"unknown", "unavailable", "busy", "fault", "partial", "interrupted", "conflict", "incorrect", "not-found"})
		fault.Effect = pick(r.chance, []string{exosim.EffectNone, exosim.EffectDone})
		fault.Timeout, fault.Immediate = r.chance.IntN(8) == 0, r.chance.IntN(8) == 0
	case exosim.FaultStaleRead:
		fault.Operation, fault.Age = pick(r.chance, []string{"*", "list-load-balancers", "get-load-balancer"}), time.Duration(r.chance.IntN(300))*time.Millisecond
	}
	return fault
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
