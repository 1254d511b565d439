package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// point is where and how a run of a scenario is disturbed.
type point struct {
	scenario scenario
	kind     string
	where    string
	// strike plans the disturbance, at the moment when the user acts.
	strike func(*story)
	// kills tells that the operator dies of it.
	kills bool
	// lags tells that a write takes effect later.
	lags bool
	// ownFleet tells that the story has Nodes and instances of its own.
	ownFleet bool
	// again is how many NLBs and services may be granted more than when nothing
	// happens: what was undone is made once more, and a service that can't be moved
	// to another pool goes back to the one it had before that is tried again.
	again int
}

func (p point) String() string { return p.scenario.name + "/" + p.kind + "/" + p.where }

// chosen tells whether a point is among those that are asked for: by its own
// name, or the beginning of it up to a slash. * stands for any scenario or kind, and
// a column of the table for all its kinds.
func (p point) chosen(only string) bool {
	asked := strings.Split(strings.TrimSuffix(only, "/"), "/")
	names := [][]string{{p.scenario.name}, {p.kind, p.column()}, {p.where}}
	return only == "" || len(asked) <= len(names) && fit(asked, names)
}

func fit(asked []string, names [][]string) bool {
	for i, name := range asked {
		if name != "*" && !slices.Contains(names[i], name) {
			return false
		}
	}
	return true
}

// The kinds of points, which are the columns of the table. Where there are several
// of a kind, "=" and which one follow.
const (
	killedBefore = "killed-" + string(world.Before)
	killedDuring = "killed-" + string(world.During)
	killedAfter  = "killed-" + string(world.After)
	cutBefore    = "cut-before"
	replyLost    = "reply-lost"
	status500    = "500"
	status429    = "429"
	fails        = "fails"
	// What reads are told wrongly: lists, GETs of an NLB, both or others.
	inLists = "lists"
	inGets  = "gets"
	inReads = "reads"
	// inAnswers is what changes are answered wrongly, and late what takes effect
	// after it is said to have.
	inAnswers = "answers"
	late      = "late"
)

var kinds = []string{
	killedBefore, killedDuring, killedAfter, cutBefore, replyLost, status500, status429, fails,
	inLists, inGets, inReads, inAnswers, late,
}

// column is the kind, without reason and effect.
func (p point) column() string {
	kind, _, _ := strings.Cut(p.kind, "=")
	return kind
}

// trace is what the operator did in an undisturbed run since the user acted.
type trace struct {
	writes []world.Write
	calls  []exosim.Call
}

// points are all that there are in a scenario.
func points(sc scenario, undisturbed trace) []point {
	var all []point
	for i, write := range undisturbed.writes {
		for _, moment := range []world.Moment{world.Before, world.During, world.After} {
			if moment == world.During && !write.Cloud {
				continue // what comes late at the API server is the garbage collector's, which doesn't run here
			}
			all = append(all, point{
				scenario: sc, kind: "killed-" + string(moment), where: fmt.Sprint(i + 1), kills: true, lags: moment == world.During,
				strike: func(st *story) { st.gate.KillAt(i+1, moment) },
			})
		}
	}
	seen := map[string]int{}
	for _, call := range undisturbed.calls {
		seen[call.Operation]++
		for _, fault := range faults(strings.HasPrefix(call.Operation, "delete-")) {
			fault.Operation, fault.Nth = call.Operation, seen[call.Operation]
			p := point{
				scenario: sc, kind: fault.kind, where: whereOf(call.Operation, fault.Nth),
				strike: func(st *story) { st.cloud.Fault(fault.Fault) },
			}
			if fault.Kind == exosim.FaultOperationFailure {
				p.again++
			}
			p.again += sc.attempts()
			all = append(all, p)
		}
	}
	return slices.Concat(all, misreadAt(sc, undisturbed), misansweredAt(sc, undisturbed))
}

// whereOf names a call of the cloud: by its operation, and how often that was
// asked for.
func whereOf(operation string, nth int) string { return fmt.Sprintf("%s.%d", operation, nth) }

// fault is what can become of one call of the cloud.
type fault struct {
	exosim.Fault
	kind string
}

// faults are all of them: the reasons are one of each class that the operator
// tells apart. Only what is to go may also be left in state error: what comes
// out of a create in that state is left to people, since Exoscale doesn't say
// what it means.
func faults(deletes bool) []fault {
	all := []fault{
		{kind: cutBefore, Fault: exosim.Fault{Kind: exosim.FaultResetBefore}},
		{kind: replyLost, Fault: exosim.Fault{Kind: exosim.FaultResetAfter}},
		{kind: status500, Fault: exosim.Fault{Kind: exosim.FaultStatus, Status: http.StatusInternalServerError}},
		{kind: status429, Fault: exosim.Fault{Kind: exosim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: 1}},
	}
	effects := []string{exosim.EffectNone, exosim.EffectDone}
	if deletes {
		effects = append(effects, exosim.EffectError)
	}
	for _, effect := range effects {
		for _, reason := range []string{"incorrect", "forbidden", "not-found", "conflict", "busy", "unavailable"} {
			all = append(all, failure(reason, effect, exosim.Fault{Reason: reason}))
		}
		all = append(all,
			failure("quota", effect, exosim.Fault{Reason: "forbidden", Message: "quota exceeded"}),
			failure("timeout", effect, exosim.Fault{Timeout: true}))
	}
	return all
}

func failure(reason, effect string, f exosim.Fault) fault {
	f.Kind, f.Effect = exosim.FaultOperationFailure, effect
	return fault{kind: fails + "=" + reason + "," + effect, Fault: f}
}
