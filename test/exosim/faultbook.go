package exosim

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// armed is a rule at work.
type armed struct {
	Fault
	id   int
	seen int
	// struck is how many calls it has hit, and since when.
	struck int
	since  time.Time
	// waits is how many calls that change something have yet to come.
	waits  int
	chance *rand.Rand
	// removed is closed when the rule is.
	removed chan struct{}
}

// hits counts a call and tells whether it is to go wrong.
func (a *armed) hits() bool {
	a.seen++
	first, last := max(a.Nth, 1), 0
	switch {
	case a.Count > 0:
		last = first + a.Count - 1
	case a.Nth > 0:
		last = first
	}
	if a.seen < first || last > 0 && a.seen > last {
		return false
	}
	return a.Probability == 0 || a.chance.Float64() < a.Probability
}

// isOver tells whether the time of the rule has passed.
func (a *armed) isOver() bool { return a.For > 0 && a.struck > 0 && time.Since(a.since) > a.For }

// faultBook holds the rules. It is safe for concurrent use.
type faultBook struct {
	mu    sync.Mutex
	last  int
	rules []*armed
}

func (b *faultBook) add(f Fault) (id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.rules = append(b.rules, &armed{
		Fault: f, id: b.last, waits: f.After, removed: make(chan struct{}),
		chance: rand.New(rand.NewPCG(f.Seed, 0)), //nolint:gosec // chance that can be repeated
	})
	return b.last
}

func (b *faultBook) remove(id int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.rules, func(a *armed) bool { return a.id == id })
	if i < 0 {
		return false
	}
	close(b.rules[i].removed)
	b.rules = slices.Delete(b.rules, i, i+1)
	return true
}

func (b *faultBook) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, rule := range b.rules {
		close(rule.removed)
	}
	b.rules = nil
}

func (b *faultBook) hits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	hits := 0
	for _, rule := range b.rules {
		hits += rule.struck
	}
	return hits
}

// strike tells what goes wrong with a call.
func (b *faultBook) strike(zone string, route route) struck {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s struck
	for _, rule := range b.rules {
		if rule.waits > 0 {
			if route.writes() && (rule.Zone == "" || rule.Zone == zone) {
				rule.waits--
			}
			continue
		}
		if !rule.concerns(zone, route) || rule.isOver() || !rule.hits() {
			continue
		}
		if rule.struck++; rule.struck == 1 {
			rule.since = time.Now()
		}
		if rule.Kind == FaultLatency {
			s.latency += rule.Latency
			continue
		}
		s.faults = append(s.faults, &blow{Fault: rule.Fault, removed: rule.removed, pick: rule.pick()})
	}
	return s
}

// pick is what chance decides by in a call that is hit. Kinds that leave nothing
// to chance take none, so that their rules go on as they would without.
func (a *armed) pick() uint64 {
	switch a.Kind {
	case FaultLackingObject, FaultLackingService, FaultIncomplete, FaultOtherObject:
		return a.chance.Uint64()
	default:
		return 0
	}
}

// struck is what goes wrong with one call.
type struck struct {
	latency time.Duration
	faults  []*blow
}

// blow is a rule that hits a call.
type blow struct {
	Fault
	removed <-chan struct{}
	pick    uint64
}

func (s struck) of(kind FaultKind) *blow {
	i := slices.IndexFunc(s.faults, func(b *blow) bool { return b.Kind == kind })
	if i < 0 {
		return nil
	}
	return s.faults[i]
}

func (s struck) has(kind FaultKind) bool { return s.of(kind) != nil }
