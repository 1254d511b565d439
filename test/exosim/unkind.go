package exosim

import (
	"math/rand/v2"
	"time"
)

// Unkind are rules that let everything go wrong now and then, by chance: the same
// for the same seed. What only a person can end is left out: no operation stays
// pending for ever.
func Unkind(seed uint64) []Fault {
	chance := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // chance that can be repeated
	var all []Fault
	now := func(probability float64, fault Fault) {
		fault.Probability, fault.Seed = probability, chance.Uint64N(1<<62)
		all = append(all, fault)
	}
	const often, seldom = 0.02, 0.005
	now(often, Fault{Kind: FaultLatency, Latency: 2 * time.Second})
	now(seldom, Fault{Kind: FaultHang, Latency: 10 * time.Second})
	now(seldom, Fault{Kind: FaultHang, Latency: 10 * time.Second, Effect: EffectDone})
	now(often, Fault{Kind: FaultResetBefore})
	now(often, Fault{Kind: FaultResetAfter})
	now(often, Fault{Kind: FaultStatus, Status: 500})
	now(seldom, Fault{Kind: FaultStatus, Status: 500, Effect: EffectDone})
	now(often, Fault{Kind: FaultStatus, Status: 429, RetryAfter: 1})
	now(seldom, Fault{Kind: FaultStatus, Status: 503, RetryAfter: 3600})
	for _, status := range []int{502, 503, 504} {
		now(seldom, Fault{Kind: FaultGateway, Status: status})
		now(seldom, Fault{Kind: FaultGateway, Status: status, Effect: EffectDone})
	}
	for _, form := range []string{FormHTML, FormJSON} {
		now(seldom, Fault{Kind: FaultGateway, Status: 404, Form: form})
	}
	for _, body := range []string{"", "{}", "null"} {
		now(seldom, Fault{Kind: FaultAnswer, Body: body})
	}
	now(seldom, Fault{Kind: FaultOtherObject})
	now(seldom, Fault{Kind: FaultOtherOrganization})
	now(often, Fault{Kind: FaultLackingObject})
	now(often, Fault{Kind: FaultLackingService})
	now(often, Fault{Kind: FaultIncomplete})
	now(often, Fault{Kind: FaultIncomplete, Absent: true})
	now(often, Fault{Kind: FaultStaleRead, Age: 5 * time.Second})
	for _, reason := range []string{"busy", "unavailable"} {
		now(seldom, Fault{Kind: FaultOperationFailure, Reason: reason})
		now(seldom, Fault{Kind: FaultOperationFailure, Reason: reason, Effect: EffectDone})
	}
	now(often, Fault{Kind: FaultLateEffect, Late: 5 * time.Second})
	return all
}
