package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// unkindness is what the cloud does once that it shouldn't: it answers what isn't
// true, or isn't an answer.
type unkindness struct {
	kind   string
	faults []exosim.Fault
	// lags: what is true comes late, so that it mustn't be given up before.
	lags bool
}

// The calls that are answered wrongly.
const (
	theList = "list-load-balancers"
	theGet  = "get-load-balancer"
	thePoll = "get-operation"
)

// lag is how far reads are behind, and away how long they see another organization.
const (
	lag  = time.Second
	away = 1500 * time.Millisecond
)

// misreadings are what reads say wrongly. Lists do three times in a row, since one
// alone is easily outlived; a GET of an NLB once, as the rule for evidence allows,
// or as often as GETs that lag are asked.
func misreadings() []unkindness {
	incomplete := func(operation string, fields ...string) exosim.Fault {
		return exosim.Fault{Operation: operation, Kind: exosim.FaultIncomplete, Fields: fields, Nth: 1}
	}
	answer := func(operation, body string) exosim.Fault {
		return exosim.Fault{Operation: operation, Kind: exosim.FaultAnswer, Body: body, Nth: 1}
	}
	gateway := func(operation string, status int, form string) exosim.Fault {
		return exosim.Fault{Operation: operation, Kind: exosim.FaultGateway, Status: status, Form: form, Nth: 1}
	}
	defaults := func(operation string) exosim.Fault {
		fault := incomplete(operation, "services.healthcheck.interval", "services.healthcheck.timeout", "services.healthcheck.retries")
		fault.Absent = true
		return fault
	}
	list := func(what string, faults ...exosim.Fault) unkindness {
		return unkindness{kind: inLists + "=" + what, faults: faults}
	}
	get := func(what string, faults ...exosim.Fault) unkindness {
		return unkindness{kind: inGets + "=" + what, faults: faults}
	}
	read := func(what string, faults ...exosim.Fault) unkindness {
		return unkindness{kind: inReads + "=" + what, faults: faults}
	}
	lagging := func(u unkindness) unkindness { u.lags = true; return u }
	return []unkindness{
		list("lack-objects", exosim.Fault{Operation: theList, Kind: exosim.FaultLackingObject, Object: "*", Count: 3}),
		list("lack-services", exosim.Fault{Operation: theList, Kind: exosim.FaultLackingService, Object: "*", Count: 3}),
		lagging(list("lag", exosim.Fault{Operation: theList, Kind: exosim.FaultStaleRead, Age: lag, Count: 5})),
		list("empty-object", answer(theList, "{}")),
		list("no-services", incomplete(theList, "services")),
		list("no-pools", incomplete(theList, "services.instance-pool")),
		list("404", gateway(theList, http.StatusNotFound, exosim.FormHTML)),
		get("lack-services", exosim.Fault{Operation: theGet, Kind: exosim.FaultLackingService, Object: "*", Nth: 1}),
		lagging(get("lag", exosim.Fault{Operation: theGet, Kind: exosim.FaultStaleRead, Age: lag, Count: 5})),
		get("empty-object", answer(theGet, "{}")),
		get("no-services", incomplete(theGet, "services")),
		get("no-pools", incomplete(theGet, "services.instance-pool")),
		get("other-object", exosim.Fault{Operation: theGet, Kind: exosim.FaultOtherObject, Nth: 1}),
		get("404", gateway(theGet, http.StatusNotFound, exosim.FormHTML)),
		get("404-json", gateway(theGet, http.StatusNotFound, exosim.FormJSON)),
		read("no-defaults", defaults(theList), defaults(theGet)),
		read("null", answer(theList, "null"), answer(theGet, "null")),
		read("nothing", answer(theList, ""), answer(theGet, "")),
		read("502", gateway(theList, http.StatusBadGateway, exosim.FormHTML), gateway(theGet, http.StatusGatewayTimeout, exosim.FormHTML)),
		read("hang", hanging(theList), hanging(theGet)),
		read("other-organization", exosim.Fault{Operation: "list-*,get-*", Kind: exosim.FaultOtherOrganization, For: away}),
		read("poll-empty-object", answer(thePoll, "{}")),
		read("poll-other", exosim.Fault{Operation: thePoll, Kind: exosim.FaultOtherObject, Nth: 1}),
		read("poll-404", exosim.Fault{Operation: thePoll, Kind: exosim.FaultGateway, Status: http.StatusNotFound, Count: 3}),
	}
}

// patient is a list that asks for an hour's patience. It is obeyed for minutes, and
// those are real ones, so that it strikes one scenario once.
var patient = unkindness{kind: inReads + "=retry-after", faults: []exosim.Fault{
	{Operation: theList, Kind: exosim.FaultStatus, Status: http.StatusServiceUnavailable, RetryAfter: 3600, Nth: 1},
}}

func hanging(operation string) exosim.Fault {
	return exosim.Fault{Operation: operation, Kind: exosim.FaultHang, Latency: 2 * time.Second, Nth: 1}
}

// misanswers are what a change may be answered with besides faults. Only what names
// an NLB can be said by another organization not to exist: what is created there is
// there, and nobody ever learns it.
func misanswers(creates bool) []unkindness {
	write := func(what string, fault exosim.Fault) unkindness {
		return unkindness{kind: inAnswers + "=" + what, faults: []exosim.Fault{fault}}
	}
	all := []unkindness{
		write("empty-object", exosim.Fault{Kind: exosim.FaultAnswer, Body: "{}"}),
		write("nothing", exosim.Fault{Kind: exosim.FaultAnswer}),
		write("502", exosim.Fault{Kind: exosim.FaultGateway, Status: http.StatusBadGateway}),
		write("504-done", exosim.Fault{Kind: exosim.FaultGateway, Status: http.StatusGatewayTimeout, Effect: exosim.EffectDone}),
		write("500-done", exosim.Fault{Kind: exosim.FaultStatus, Status: http.StatusInternalServerError, Effect: exosim.EffectDone}),
		write("retry-after", exosim.Fault{Kind: exosim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: 3600}),
		{kind: inAnswers + "=502-then-404", faults: []exosim.Fault{{Kind: exosim.FaultGateway, Status: http.StatusBadGateway}, gone}},
		{kind: inAnswers + "=504-done-then-404", faults: []exosim.Fault{{Kind: exosim.FaultGateway, Status: http.StatusGatewayTimeout, Effect: exosim.EffectDone}, gone}},
		{kind: late, faults: []exosim.Fault{{Kind: exosim.FaultLateEffect, Late: world.Late}}, lags: true},
	}
	if !creates {
		all = append(all, write("404", exosim.Fault{Kind: exosim.FaultGateway, Status: http.StatusNotFound}),
			write("other-organization", exosim.Fault{Kind: exosim.FaultOtherOrganization}))
	}
	return all
}

// gone is a GET after the change that is told by a gateway that the NLB isn't there.
var gone = exosim.Fault{Operation: theGet, Kind: exosim.FaultGateway, Status: http.StatusNotFound, Nth: 1}

// misreadAt is where each misreading strikes: before the first call that changes
// something, and after each.
func misreadAt(sc scenario, undisturbed trace) []point {
	var all []point
	if sc.name == "create" {
		all = append(all, patient.point(sc, "after.0", 0))
	}
	for after := range len(undisturbed.calls) + 1 {
		for _, u := range misreadings() {
			all = append(all, u.point(sc, fmt.Sprintf("after.%d", after), after))
		}
	}
	return all
}

// misansweredAt is every call that changes something, answered wrongly.
func misansweredAt(sc scenario, undisturbed trace) []point {
	var all []point
	seen := map[string]int{}
	for i, call := range undisturbed.calls {
		seen[call.Operation]++
		for _, u := range misanswers(call.Operation == createLoadBalancer) {
			u = u.on(call.Operation, seen[call.Operation])
			p := u.point(sc, whereOf(call.Operation, seen[call.Operation]), i+1)
			if u.kind == inAnswers+"=other-organization" {
				p.again++ // it was granted elsewhere
			}
			all = append(all, p)
		}
	}
	return all
}

// on is the unkindness on the nth call of an operation, and what follows that.
func (u unkindness) on(operation string, nth int) unkindness {
	u.faults = slices.Clone(u.faults)
	for i := range u.faults {
		if u.faults[i].Operation == "" {
			u.faults[i].Operation, u.faults[i].Nth = operation, nth
		}
	}
	return u
}

// point is where it strikes; what reads are told, they are after so many changes.
func (u unkindness) point(sc scenario, where string, after int) point {
	p := point{scenario: sc, kind: u.kind, where: where, lags: u.lags, ownFleet: u.vanishes(), strike: func(st *story) {
		for _, fault := range u.faults {
			if reads(fault) {
				fault.After = after
			}
			st.cloud.Fault(fault)
		}
	}}
	p.again += sc.attempts()
	return p
}

// vanishes tells whether all instances seem to be gone.
func (u unkindness) vanishes() bool {
	return slices.ContainsFunc(u.faults, func(f exosim.Fault) bool { return f.Kind == exosim.FaultOtherOrganization && reads(f) })
}

func reads(fault exosim.Fault) bool {
	return strings.HasPrefix(fault.Operation, "list-") || strings.HasPrefix(fault.Operation, "get-")
}
