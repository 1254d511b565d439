package exoscale

import (
	"slices"
	"time"
)

// slowBeginning is how long the request that begins a change may take before its
// zone counts as slow.
const slowBeginning = 2 * time.Second

// lane bounds how many changes of a zone begin at once: each takes a worker until
// Exoscale has answered its request. A zone that is slow gets one at a time.
type lane struct {
	most    int // 0: any number
	begun   []time.Time
	slow    bool    // the last request that ended took long
	waiting []Owner // in their order, each once
}

// free reports whether one more change may begin.
func (l *lane) free(now time.Time) bool {
	switch {
	case l.most <= 0:
		return true
	case l.slow || len(l.begun) > 0 && now.Sub(l.begun[0]) > slowBeginning:
		return len(l.begun) < 1
	default:
		return len(l.begun) < l.most
	}
}

// enter begins one at a moment, which leave names again.
func (l *lane) enter(now time.Time) { l.begun = append(l.begun, now) }

// leave ends the request that began at a moment, and gives those who may try now.
func (l *lane) leave(began, now time.Time) (next []Owner) {
	l.begun = slices.Delete(l.begun, slices.Index(l.begun, began), slices.Index(l.begun, began)+1)
	l.slow = now.Sub(began) > slowBeginning
	room := 1
	if !l.slow {
		room = max(room, l.most-len(l.begun))
	}
	room = min(room, len(l.waiting))
	next, l.waiting = l.waiting[:room:room], l.waiting[room:]
	return next
}

// queue notes who waits for a place.
func (l *lane) queue(owner Owner) {
	if !slices.Contains(l.waiting, owner) {
		l.waiting = append(l.waiting, owner)
	}
}
