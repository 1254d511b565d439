package exoscale

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// balancers holds what was read of the NLBs of a zone. Reads may overtake each
// other, so every read takes a number when it begins, and never replaces what a
// read that began later has brought. A stale mark takes a number too: only a
// read that began after it lifts it.
//
// What it gives out is never changed afterwards, only replaced.
type balancers struct {
	mu       sync.Mutex
	last     uint64 // the last number taken
	listed   uint64 // the number of the last list that came in; 0: none yet
	relist   uint64 // a list must begin after this number before it is used
	entries  map[string]*balancer
	snapshot []nlb.LoadBalancer // all present, by id; nil: to be built
}

type balancer struct {
	lb        nlb.LoadBalancer // as seen last, also while it is missing
	present   bool
	confirmed bool   // if absent: said by a read of this very NLB
	read      uint64 // the read that brought this
	stale     uint64 // the last stale mark
	asked     bool   // since the last list
}

// known says what the memory tells of an id.
type known int

const (
	unsure known = iota // has to be read
	present
	absent
)

// begin takes the number of a read; call it before the request is sent.
func (b *balancers) begin() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	return b.last
}

// get tells what is known of an id. An id that is only missing in a list is
// unsure: a partial or stale list must not lead to a second NLB.
func (b *balancers) get(id string) (nlb.LoadBalancer, known) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[id]
	if e == nil {
		return nlb.LoadBalancer{}, unsure
	}
	e.asked = true
	switch {
	case e.stale > e.read:
		return nlb.LoadBalancer{}, unsure
	case e.present:
		return e.lb, present
	case e.confirmed:
		return nlb.LoadBalancer{}, absent
	default:
		return nlb.LoadBalancer{}, unsure
	}
}

// peek gives what was read last of an id, stale or not.
func (b *balancers) peek(id string) (lb nlb.LoadBalancer, present bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entries[id]; e != nil {
		return e.lb, e.present
	}
	return nlb.LoadBalancer{}, false
}

// all gives the NLBs present; don't modify them.
func (b *balancers) all() []nlb.LoadBalancer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.snapshot == nil {
		b.snapshot = make([]nlb.LoadBalancer, 0, len(b.entries))
		for _, e := range b.entries {
			if e.present {
				b.snapshot = append(b.snapshot, e.lb)
			}
		}
		slices.SortFunc(b.snapshot, func(x, y nlb.LoadBalancer) int { return strings.Compare(x.ID, y.ID) })
		b.snapshot = slices.Clip(b.snapshot)
	}
	return b.snapshot
}

// toRead tells what has to be read before all() holds: the list, or single NLBs.
func (b *balancers) toRead() (list bool, ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		if e.stale > e.read {
			ids = append(ids, id)
		}
	}
	return b.relist > b.listed, ids
}

// putList takes a list that a read numbered began has brought, and gives the ids
// that appeared, vanished or differ. The first list is no news to anybody.
func (b *balancers) putList(began uint64, list []nlb.LoadBalancer) (changed []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.listed == 0
	b.listed = max(b.listed, began)
	seen := make(map[string]bool, len(list))
	for _, lb := range list {
		seen[lb.ID] = true
		if b.put(began, lb) {
			changed = append(changed, lb.ID)
		}
	}
	for id, e := range b.entries {
		switch {
		case seen[id] || e.read > began:
		case e.present:
			b.set(e, balancer{lb: e.lb, read: began, stale: e.stale, asked: e.asked}) // it may come back
			changed = append(changed, id)
		case !e.asked && e.stale <= began:
			delete(b.entries, id) // nobody wants to know any more
		default:
			e.read, e.asked = began, false
		}
	}
	if first {
		return nil
	}
	slices.Sort(changed)
	return changed
}

// putOne takes an NLB that a read numbered began has brought.
func (b *balancers) putOne(began uint64, lb nlb.LoadBalancer) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.put(began, lb)
}

func (b *balancers) put(began uint64, lb nlb.LoadBalancer) (changed bool) {
	e := b.entries[lb.ID]
	if e == nil && began < b.listed {
		return false // a later list has found none, and it was forgotten
	}
	e = b.entry(lb.ID)
	if e.read > began {
		return false
	}
	lb = completed(e.lb, lb)
	changed = !e.present || !reflect.DeepEqual(e.lb, lb)
	b.set(e, balancer{lb: lb, present: true, read: began, stale: e.stale, asked: e.asked})
	return changed
}

// putAbsent notes that a read numbered began of this very NLB found none.
func (b *balancers) putAbsent(began uint64, id string) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(id)
	if e.read > began {
		return false
	}
	changed = e.present
	b.set(e, balancer{confirmed: true, read: began, stale: e.stale, asked: true})
	return changed
}

// invalidate marks an NLB: it is read again before it is given out.
func (b *balancers) invalidate(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.entry(id).stale = b.last
}

// invalidateList marks the list: it is read again before all is given out.
func (b *balancers) invalidateList() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	b.relist = b.last
}

func (b *balancers) entry(id string) *balancer {
	e := b.entries[id]
	if e == nil {
		if b.entries == nil {
			b.entries = map[string]*balancer{}
		}
		e = &balancer{}
		b.entries[id] = e
	}
	return e
}

func (b *balancers) set(e *balancer, to balancer) {
	*e = to
	b.snapshot = nil
}
