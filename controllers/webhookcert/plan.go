package webhookcert

import "time"

// step is what comes next.
type step string

// The steps.
const (
	// make a certificate and show it: there is none that could be shown.
	stepBegin step = "Begin"
	// announce: API servers have to believe all authorities that are held.
	stepAnnounce step = "Announce"
	// prepare another certificate: the time of the one that is shown is running out.
	stepPrepare step = "Prepare"
	// promote the next certificate: every API server has heard of it.
	stepPromote step = "Promote"
	// forget authorities that have expired.
	stepForget step = "Forget"
	// rest until something changes, or it is time.
	stepRest step = "Rest"
)

// situation is what the next step depends on.
type situation struct {
	held held
	// stale: the Secret's list of authorities isn't what it should be.
	stale bool
	// announced: every webhook has exactly the authorities that are held; since is
	// when this was first seen.
	announced bool
	since     time.Time
	now       time.Time
	// lifetime of a certificate, the last third of which is for its renewal.
	lifetime time.Duration
	// settle is how long an API server may take to hear of a change.
	settle time.Duration
}

// plan gives the one step that comes next, and for stepRest how long to rest.
//
//	shown   announced   next              shown for     step
//	no      -           -                 -             Begin, by the next one if there is
//	yes     no          -                 -             Announce
//	yes     yes         none              2/3 or more   Prepare
//	yes     yes         since settle      -             Promote
//	yes     yes         none              less          Forget what has expired, else Rest
func plan(s situation) (step, time.Duration) {
	current, next := s.held.current, s.held.next
	switch {
	case current == nil && next != nil:
		return stepPromote, 0
	case current == nil:
		return stepBegin, 0
	case !s.announced:
		return stepAnnounce, 0
	case next == nil && !s.now.Before(current.renewal(s.lifetime)):
		return stepPrepare, 0
	case next != nil && s.now.Sub(s.since) >= s.settle:
		return stepPromote, 0
	case next != nil:
		return stepRest, s.settle - s.now.Sub(s.since)
	case s.stale:
		return stepForget, 0
	default:
		return stepRest, s.rest()
	}
}

// rest is how long nothing is due.
func (s situation) rest() time.Duration {
	until := s.held.current.renewal(s.lifetime)
	for _, a := range s.held.former {
		if a.NotAfter.Before(until) {
			until = a.NotAfter
		}
	}
	return max(until.Sub(s.now), time.Second)
}
