package nlb

import (
	"fmt"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// HandOver is what decides whether the traffic of a port goes over to another instance
// pool. Exoscale can't change the pool of a service, so each move costs a gap.
type HandOver struct {
	Old, New PoolState
	// Local: an instance serves only clients of the Pods on it, so Pods count.
	Local bool
	// Probe is the probe service; nil if there is none.
	Probe *ProbeState
	// Room says whether there is a place for one.
	Room ProbeRoom
	// Failed: the last one found the new pool unhealthy, and none has found it healthy
	// since. Paused: it was a moment ago, and the next one begins later.
	Failed, Paused bool
	// Begun: another port of the same Service has moved already. The ports finish the
	// move together, though the old pool may be in service again.
	Begun bool
	// Deselected: the selector doesn't match the Nodes of the old pool any more. The user
	// has chosen the new pool, so Pods in the old one don't hold the traffic there.
	Deselected bool
	// MinHealthy is how many backends have to be healthy, or all where the pool has
	// fewer; at least one.
	MinHealthy int
}

// PoolState is what the cluster knows of an instance pool.
type PoolState struct {
	ID, Name string
	// InService are its Nodes that aren't cordoned, excluded or gone; Ready those of
	// them that are Ready, too.
	InService, Ready int
	// Cordoned are its Nodes that are cordoned, and otherwise eligible.
	Cordoned int
	// Pods are the ready endpoints on its Nodes, where Local asks for them.
	Pods int
}

// Nodes counts those that a choice may fall on, cordoned or not.
func (p PoolState) Nodes() int { return p.InService + p.Cordoned }

func (p PoolState) String() string { return fmt.Sprintf("%q (%s)", p.Name, p.ID) }

// ProbeState is what a probe service shows.
type ProbeState struct {
	// Fits: it is of the new pool, with the health check that is wanted.
	Fits bool
	// Healthy and Total count its backends; none as long as nothing is reported.
	Healthy, Total int
	// Over: it had its turn.
	Over bool
}

// ProbeRoom says whether an NLB has a place for a probe service.
type ProbeRoom string

const (
	// RoomFree: there is.
	RoomFree ProbeRoom = "Free"
	// RoomTaken: not now, other probe services have the places.
	RoomTaken ProbeRoom = "Taken"
	// RoomNone: no.
	RoomNone ProbeRoom = "None"
)

// HandOverStep is what to do next.
type HandOverStep string

const (
	// Stay where the traffic is; no probe service is needed.
	Stay HandOverStep = "Stay"
	// OpenProbe adds the probe service.
	OpenProbe HandOverStep = "OpenProbe"
	// AwaitProbe leaves all as it is until the probe service tells.
	AwaitProbe HandOverStep = "AwaitProbe"
	// CloseProbe removes the probe service; then it is looked again.
	CloseProbe HandOverStep = "CloseProbe"
	// PauseProbe removes it, since it had its turn: others may want the place.
	PauseProbe HandOverStep = "PauseProbe"
	// Move the traffic.
	Move HandOverStep = "Move"
)

// HandOverDecision is a step, and why.
type HandOverDecision struct {
	Step HandOverStep
	// Reason and Message, unless it is Move, are for the condition HandedOver.
	Reason, Message string
}

// Decide asks for a reason to leave the old pool, and for a better place:
//
//	old pool                       │ new pool            │ probe service      │ step
//	───────────────────────────────┼─────────────────────┼────────────────────┼───────────
//	has a Node in service, and no  │                     │                    │
//	other port has moved           │ any                 │ any                │ Stay
//	cordoned, excluded, gone or    │                     │                    │
//	deselected, or a port moved:   │                     │                    │
//	  Local, and has ready Pods,   │                     │                    │
//	  and isn't deselected         │ any                 │ any                │ Stay
//	  else                         │ no Node is ready    │ any                │ Stay
//	  else                         │ Local, no ready Pod │ any                │ Stay
//	  else                         │ may be better       │ of something else  │ CloseProbe
//	                               │                     │ healthy            │ Move
//	                               │                     │ not yet            │ AwaitProbe
//	                               │                     │ its turn is over   │ PauseProbe
//	                               │                     │ none, pausing      │ AwaitProbe
//	                               │                     │ none, others probe │ AwaitProbe
//	                               │                     │ none, room for one │ OpenProbe
//	                               │                     │ none, the NLB full │ Move
//	                               │                     │ … and one failed   │ Stay
func (h HandOver) Decide() HandOverDecision {
	decide := func(step HandOverStep, reason, format string, args ...any) HandOverDecision {
		return HandOverDecision{Step: step, Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	const wouldGo = "Traffic stays with instance pool %s and is to go to %s: "
	switch {
	case h.Old.InService > 0 && !h.Begun:
		return decide(Stay, v1alpha1.ReasonRetrying, "Instance pool %s has %d Nodes in service again, so traffic stays there", h.Old, h.Old.InService)
	case h.Local && h.Old.Pods > 0 && !h.Deselected:
		return decide(Stay, v1alpha1.ReasonWaitingForPods, wouldGo+
			"%s, but %d ready Pods of the Service still run there (externalTrafficPolicy Local). %s",
			h.Old, h.New, h.Why(), h.Old.Pods, h.wayOutOfPods())
	case h.New.Ready == 0:
		return decide(Stay, v1alpha1.ReasonNoEligibleNodes, wouldGo+"%s; no Node of the new pool is ready yet", h.Old, h.New, h.Why())
	case h.Local && h.New.Pods == 0:
		return decide(Stay, v1alpha1.ReasonWaitingForPods, wouldGo+
			"%s; no Pod of the Service is ready in the new pool yet (externalTrafficPolicy Local)", h.Old, h.New, h.Why())
	case h.Probe != nil:
		return h.byProbe(decide)
	case h.Room == RoomNone && !h.Failed:
		return HandOverDecision{Step: Move}
	case h.Paused, h.Room == RoomNone:
		step, again := AwaitProbe, fmt.Sprintf("it is tried again after %s", ProbePause)
		if h.Room == RoomNone {
			step, again = Stay, "it is tried again once the NLB has a place for a probe service"
		}
		return decide(step, v1alpha1.ReasonNoHealthyBackends, wouldGo+
			"too few instances there passed the health check within %s; %s. Check what listens there, and that the Nodes' security group admits its port for public-nlb-healthcheck-sources",
			h.Old, h.New, ProbeTurn, again)
	case h.Room == RoomTaken:
		return decide(AwaitProbe, v1alpha1.ReasonProbingInstancePool, wouldGo+"other ports of the NLB are probed first", h.Old, h.New)
	default:
		return decide(OpenProbe, v1alpha1.ReasonProbingInstancePool, wouldGo+"a probe service is added to see whether the new pool is healthy", h.Old, h.New)
	}
}

func (h HandOver) byProbe(decide func(HandOverStep, string, string, ...any) HandOverDecision) HandOverDecision {
	const probing = "Traffic stays with instance pool %s until a probe service finds %s healthy: "
	p := h.Probe
	switch {
	case !p.Fits:
		return decide(CloseProbe, v1alpha1.ReasonProbingInstancePool, probing+"one for what was wanted before is removed first", h.Old, h.New)
	case p.Healthy >= max(min(h.MinHealthy, p.Total), 1):
		return HandOverDecision{Step: Move}
	case p.Over:
		return decide(PauseProbe, v1alpha1.ReasonNoHealthyBackends, probing+"%d of %d instances passed the health check within %s", h.Old, h.New, p.Healthy, p.Total, ProbeTurn)
	case p.Total == 0:
		return decide(AwaitProbe, v1alpha1.ReasonProbingInstancePool, probing+"no health check is reported yet", h.Old, h.New)
	default:
		return decide(AwaitProbe, v1alpha1.ReasonProbingInstancePool, probing+"%d of %d pass the health check", h.Old, h.New, p.Healthy, p.Total)
	}
}

// Why tells why the old pool is left.
func (h HandOver) Why() string {
	switch {
	case h.Begun:
		return "another port of the Service has moved already"
	case h.Deselected:
		return "the selector matches no Node of the old pool any more"
	case h.Old.Cordoned > 0:
		return "all Nodes of the old pool that may get traffic are cordoned"
	default:
		return "the old pool has no Node any more that may get traffic"
	}
}

// wayOutOfPods is what ends the wait for the Pods in the old pool. A drain leaves the
// Pods of a DaemonSet.
func (h HandOver) wayOutOfPods() string {
	if h.Old.Cordoned > 0 {
		return "Drain its Nodes to move the traffic (delete the Nodes, if the Pods are a DaemonSet's), or uncordon one to keep it"
	}
	return "Move these Pods, or delete the Nodes"
}

// Proof tells, of a move, how the new pool is known to be better.
func (h HandOver) Proof() string {
	switch {
	case h.Probe != nil:
		return fmt.Sprintf("a probe service found %d of %d instances of the new pool healthy", h.Probe.Healthy, h.Probe.Total)
	case h.Local:
		return fmt.Sprintf("the NLB has no place for a probe service; %d Nodes of the new pool are ready, with %d ready Pods", h.New.Ready, h.New.Pods)
	default:
		return fmt.Sprintf("the NLB has no place for a probe service; %d Nodes of the new pool are ready", h.New.Ready)
	}
}
