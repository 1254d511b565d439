package exosim

import (
	"slices"
	"strings"
)

// FaultKind is what goes wrong.
type FaultKind string

// What doesn't get through, or not in time.
const (
	// FaultLatency delays the answer by Latency.
	FaultLatency FaultKind = "latency"
	// FaultHang accepts the call and never answers, until the client gives up,
	// the rule is removed or Latency, if it is given, is over; then the connection
	// is cut. With EffectDone what was asked for is done meanwhile.
	FaultHang FaultKind = "hang"
	// FaultResetBefore cuts the connection before anything is done.
	FaultResetBefore FaultKind = "reset-before"
	// FaultResetAfter does what was asked for and cuts the connection then.
	FaultResetAfter FaultKind = "reset-after"
)

// What is answered instead.
const (
	// FaultStatus answers with Status instead of doing anything. With EffectDone
	// what was asked for is done all the same.
	FaultStatus FaultKind = "status"
	// FaultGateway answers with Status as a gateway before the API does, not in
	// the API's own form: in HTML, or with FormJSON in JSON. With EffectDone the
	// API has done what was asked for, and only its answer was replaced.
	FaultGateway FaultKind = "gateway"
	// FaultAnswer does what was asked for, and answers 200 with Body.
	FaultAnswer FaultKind = "answer"
	// FaultOtherObject answers a read of one object with another of its kind. If
	// there is no other, it is the same with an id that nothing has.
	FaultOtherObject FaultKind = "other-object"
	// FaultOtherOrganization handles the call as one of another organisation,
	// called Organization: its lists are empty unless it made something, it finds
	// none of our objects, and what it makes is its own.
	FaultOtherOrganization FaultKind = "other-organization"
)

// What a read says wrongly.
const (
	// FaultStaleRead answers with the state of Age ago, or, if that is 0, the
	// one before the last change. Hits calls that read, but for get-operation:
	// an operation is always told as it is.
	FaultStaleRead FaultKind = "stale-read"
	// FaultLackingObject leaves objects out of a list: those that Object names,
	// else one that chance picks.
	FaultLackingObject FaultKind = "lacking-object"
	// FaultLackingService leaves services out of the NLBs that a read shows: those
	// that Object names, else one that chance picks.
	FaultLackingService FaultKind = "lacking-service"
	// FaultIncomplete shows objects without some of their Fields: they are null,
	// or with Absent aren't there. Without Fields chance picks one of
	// IncompleteFields. Object, if given, names the objects concerned.
	FaultIncomplete FaultKind = "incomplete"
)

// What becomes of operations.
const (
	// FaultOperationFailure lets the operation that a call starts fail with
	// Reason when it ends. Hits calls that change something.
	FaultOperationFailure FaultKind = "operation-failure"
	// FaultOperationPending lets the operation that a call starts never end. Its
	// object stays busy, unless EffectDone says that it takes effect in time.
	FaultOperationPending FaultKind = "operation-pending"
	// FaultLateEffect lets the operation that a call starts end as success, while
	// what it was to do takes Late longer.
	FaultLateEffect FaultKind = "late-effect"
)

// kindOfFault says what a kind does, in a line, and which calls it can hit.
type kindOfFault struct {
	FaultKind
	about string
	hits  func(route) bool
}

var kindsOfFaults = []kindOfFault{
	{FaultLatency, "the answer comes later, by latency", anyCall},
	{FaultHang, "there is no answer, ever or for latency, and then the connection is cut", anyCall},
	{FaultResetBefore, "the connection is reset before anything is done", anyCall},
	{FaultResetAfter, "what was asked for is done, then the connection is reset", anyCall},
	{FaultStatus, "an answer of the API's with status and retry-after", anyCall},
	{FaultGateway, "an answer of a gateway before the API with status, as form html or json", anyCall},
	{FaultAnswer, "what was asked for is done, and answered with 200 and body, or nothing", anyCall},
	{FaultOtherObject, "a read of one object is answered with another", route.readsOne},
	{FaultOtherOrganization, "the call is handled as one of another organization", route.signed},
	{FaultStaleRead, "a read is answered from the past, of age ago", route.ages},
	{FaultLackingObject, "a list lacks the objects that object names, else one by chance", route.lists},
	{FaultLackingService, "NLBs lack the services that object names, else one by chance", route.showsServices},
	{FaultIncomplete, "fields of objects are null, or absent; one by chance if none are named", route.shows},
	{FaultOperationFailure, "the operation fails for reason, with effect none, done or error", route.writes},
	{FaultOperationPending, "the operation never ends", route.writes},
	{FaultLateEffect, "the operation succeeds, and takes effect later, by late", route.writes},
}

// FaultsHelp tells all kinds of faults, one a line.
func FaultsHelp() string {
	var help strings.Builder
	for _, kind := range kindsOfFaults {
		help.WriteString("  " + string(kind.FaultKind) + strings.Repeat(" ", 20-len(kind.FaultKind)) + kind.about + "\n")
	}
	return help.String()
}

// FaultKinds are all of them.
func FaultKinds() []FaultKind {
	var all []FaultKind
	for _, kind := range kindsOfFaults {
		all = append(all, kind.FaultKind)
	}
	return all
}

func (k FaultKind) hits(r route) bool {
	i := slices.IndexFunc(kindsOfFaults, func(kind kindOfFault) bool { return kind.FaultKind == k })
	return i >= 0 && kindsOfFaults[i].hits(r)
}

func anyCall(route) bool { return true }

// writes tells whether the operation changes anything.
func (r route) writes() bool { return !r.reads() }

func (r route) reads() bool { return r.method == "GET" }

func (r route) signed() bool { return !r.unsigned }

func (r route) lists() bool { return strings.HasPrefix(r.operation, "list-") }

// readsOne tells whether the operation reads an object by its id.
func (r route) readsOne() bool { return r.reads() && strings.HasSuffix(r.pattern, "{id}") }

// shows tells whether the operation shows objects that may be incomplete.
func (r route) shows() bool { return r.lists() || r.readsOne() }

// ages tells whether the operation may be answered from the past.
func (r route) ages() bool { return r.reads() && r.operation != "get-operation" }

func (r route) showsServices() bool {
	return r.operation == "list-load-balancers" || r.operation == "get-load-balancer"
}

// IncompleteFields are the fields without which chance may show an NLB: a client
// can tell that they are missing, since no NLB or service is without them.
func IncompleteFields() []string {
	return []string{
		"services", "name", "state",
		"services.instance-pool", "services.healthcheck", "services.healthcheck.interval", "services.healthcheck.timeout",
		"services.healthcheck.retries", "services.name", "services.port", "services.protocol", "services.state",
	}
}
