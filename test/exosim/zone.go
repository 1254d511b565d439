package exosim

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// maxVersions bounds how far back stale reads can look.
const maxVersions = 128

// zone is one zone of the cloud. All of it is guarded by the Cloud's mutex.
type zone struct {
	name    string
	initial *zoneState
	state   *zoneState
	past    []version
	// busy holds the ids of the objects that an operation works on.
	busy map[string]string
}

// version is a state of the past, and when it was replaced.
type version struct {
	state *zoneState
	until time.Time
}

// zoneState is everything that a zone holds. It is immutable: neither it nor
// what it points to is written after it has become the state of a zone.
type zoneState struct {
	loadBalancers   []*LoadBalancer
	pools           []*InstancePool
	instances       []*Instance
	clusters        []*SKSCluster
	securityGroups  []*SecurityGroup
	privateNetworks []*PrivateNetwork
	limits          map[string]int64
	reverseDNS      map[string]string // by instance
	unhealthy       map[backendKey]bool
}

// change replaces the state by a changed copy. The function given may replace
// slices and maps of the copy, never write to them; nil changes nothing.
func (z *zone) change(now time.Time, edit func(*zoneState)) {
	if edit == nil {
		return
	}
	next := *z.state
	edit(&next)
	z.past = append(z.past, version{state: z.state, until: now})
	if len(z.past) > maxVersions {
		z.past = slices.Delete(z.past, 0, len(z.past)-maxVersions)
	}
	z.state = &next
}

// at is the state of some time ago; age 0 means the version before the present
// one. What is older than the oldest version known is answered from that one.
func (z *zone) at(now time.Time, age time.Duration) *zoneState {
	if len(z.past) == 0 {
		return z.state
	}
	if age == 0 {
		return z.past[len(z.past)-1].state
	}
	then := now.Add(-age)
	for _, old := range z.past {
		if old.until.After(then) {
			return old.state
		}
	}
	return z.state
}

func (s *zoneState) editLoadBalancer(id string, edit func(*LoadBalancer)) {
	s.loadBalancers = edited(s.loadBalancers, id, func(l *LoadBalancer) {
		edit(l)
		if l.Services == nil {
			l.Services = []Service{} // what is shown is a list, also of none
		}
		for i := range l.Services {
			orDefault(&l.Services[i].ID, uuid.NewString()) // nothing is shown without an id
		}
	})
}

func (s *zoneState) editService(loadBalancer, service string, edit func(*Service)) {
	s.editLoadBalancer(loadBalancer, func(l *LoadBalancer) {
		if found, ok := l.service(service); ok {
			edit(found)
		}
	})
}

func (s *zoneState) dropService(loadBalancer, service string) {
	s.editLoadBalancer(loadBalancer, func(l *LoadBalancer) {
		l.Services = slices.DeleteFunc(l.Services, func(sv Service) bool { return sv.ID == service })
	})
}

func (s *zoneState) editPool(id string, edit func(*InstancePool)) {
	s.pools = edited(s.pools, id, edit)
}

func (s *zoneState) editInstance(id string, edit func(*Instance)) {
	s.instances = edited(s.instances, id, edit)
}

// identified is what zoneState holds lists of.
type identified interface{ identity() string }

func find[T identified](list []T, id string) (T, bool) {
	i := slices.IndexFunc(list, func(item T) bool { return item.identity() == id })
	if i < 0 {
		var none T
		return none, false
	}
	return list[i], true
}

// with is the list with the item in the place of the one with its id, or at the
// end. The list given stays as it is.
func with[T identified](list []T, item T) []T {
	i := slices.IndexFunc(list, func(other T) bool { return other.identity() == item.identity() })
	if i < 0 {
		return append(slices.Clip(list), item)
	}
	list = slices.Clone(list)
	list[i] = item
	return list
}

// without is the list without the item of that id. The list given stays as it is.
func without[T identified](list []T, id string) []T {
	return slices.DeleteFunc(slices.Clone(list), func(item T) bool { return item.identity() == id })
}

type clonable[E any] interface {
	*E
	identified
	clone() *E
}

// edited is the list with a changed copy of the item of that id; the same list
// if there is none.
func edited[E any, T clonable[E]](list []T, id string, edit func(T)) []T {
	item, found := find(list, id)
	if !found {
		return list
	}
	changed := T(item.clone())
	edit(changed)
	return with(list, changed)
}
