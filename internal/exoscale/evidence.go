package exoscale

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// A step that can't be taken back rests on evidence: a read that began after the
// step was decided on. Only the inventory makes evidence, and every change that
// destroys something, or that must not be made twice, asks for it:
//
//	step                                  │ evidence
//	──────────────────────────────────────┼──────────────────────────────────────
//	create an NLB                         │ ZoneEvidence: a list
//	delete an NLB, delete a service       │ Evidence: a GET of that NLB
//	add a service under a chosen name     │ Evidence: a GET of that NLB
//	add a service under a derived name    │ the UID in the name (DerivedName)
//	forget an id, remove a finalizer      │ Absence: two looks that agree
//
// What an answer leaves out proves nothing.

// Evidence is an NLB as a read of that very NLB showed it. The zero value proves
// nothing, and every change refuses it.
type Evidence struct {
	zone, id string
	lb       *nlb.LoadBalancer // nil: it is gone, by two looks
	read     bool
	uid      string // of DerivedName
}

// LoadBalancer is the NLB; false if it is gone.
func (e Evidence) LoadBalancer() (nlb.LoadBalancer, bool) {
	if e.lb == nil {
		return nlb.LoadBalancer{}, false
	}
	return *e.lb, true
}

// Gone proves that the NLB, and so each of its services, isn't there; false if it is.
func (e Evidence) Gone() (Absence, bool) {
	return Absence{proven: e.read && e.lb == nil}, e.read && e.lb == nil
}

// DerivedName is the evidence for adding a service whose name carries the UID of
// the object that it is added for: no other writer uses that name, so the service
// is recognized whatever becomes of the answer.
func DerivedName(zone, loadBalancerID, uid string) Evidence {
	return Evidence{zone: zone, id: loadBalancerID, uid: uid}
}

// Absence proves that what an object stood for isn't in the cloud: its recorded id
// may be forgotten, and its finalizer removed. The zero value proves nothing.
type Absence struct{ proven bool }

// Cleared implements persist.Cleared.
func (a Absence) Cleared() error {
	if !a.proven {
		return fmt.Errorf("no evidence that the cloud holds nothing of the object any more")
	}
	return nil
}

// NothingBegun is the absence of what was never begun: the caller has read it off
// the object, which records a zone, an NLB or an intent before anything is made.
func NothingBegun() Absence { return Absence{proven: true} }

// Removed is the absence of what an operation of ours removed: Exoscale reported its
// success, and a read that began after that doesn't show it any more.
func Removed() Absence { return Absence{proven: true} }

// LeftInPlace stands for the absence of what is deliberately left at Exoscale:
// retained, handed over, or never the object's.
func LeftInPlace() Absence { return Absence{proven: true} }

// Evidence reads an NLB anew. That it isn't there takes a second look: a list that
// begins after that read. If the two disagree the error is Transient.
func (i *Inventory) Evidence(ctx context.Context, zone, id string) (Evidence, error) {
	z := i.zone(zone)
	i.client.metrics.evidence.WithLabelValues(z.zone).Inc()
	lb, err := i.readAnew(ctx, z, id)
	switch {
	case err == nil:
		return Evidence{zone: z.zone, id: id, lb: &lb, read: true}, nil
	case ClassOf(err) != NotFound:
		return Evidence{}, err
	}
	all, err := i.FreshLoadBalancers(ctx, zone)
	if err != nil {
		return Evidence{}, err
	}
	if holds(all, id) {
		return Evidence{}, contradiction(z.zone, loadBalancerNamed(id))
	}
	return Evidence{zone: z.zone, id: id, read: true}, nil
}

// readAnew reads one NLB by a read of its own. What takes long isn't waited for by
// many; then ErrLater is in the chain of the error, and Changed tells when it is there.
func (i *Inventory) readAnew(ctx context.Context, z *zoneInventory, id string) (nlb.LoadBalancer, error) {
	one := newFlight()
	var lb nlb.LoadBalancer
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.client.readLimit())
		defer cancel()
		var err error
		lb, err = i.readNow(ctx, z, id)
		if one.end(err) {
			i.opts.Changed(z.zone, id)
		}
	}()
	if err := i.crowd.wait(ctx, z.zone, loadBalancerNamed(id), one); err != nil {
		return nlb.LoadBalancer{}, err
	}
	return lb, nil
}

// Without looks for services on an NLB. They are absent if neither a GET nor a list
// that begins after it shows one; then the absence is proven. Otherwise the evidence
// holds the NLB as the GET showed it.
func (i *Inventory) Without(ctx context.Context, zone, id string, is func(nlb.Service) bool) (Evidence, Absence, error) {
	seen, err := i.Evidence(ctx, zone, id)
	if err != nil {
		return Evidence{}, Absence{}, err
	}
	if gone, is := seen.Gone(); is {
		return seen, gone, nil
	}
	if seen.lb.Incomplete() || slices.ContainsFunc(seen.lb.Services, is) {
		return seen, Absence{}, nil
	}
	all, err := i.FreshLoadBalancers(ctx, zone)
	if err != nil {
		return Evidence{}, Absence{}, err
	}
	for _, lb := range all {
		if lb.ID == id && (lb.Incomplete() || slices.ContainsFunc(lb.Services, is)) {
			return Evidence{}, Absence{}, contradiction(seen.zone, "a service of "+loadBalancerNamed(id))
		}
	}
	return seen, Absence{proven: true}, nil
}

// secondLook is how much later a second look of the same kind is independent of the
// first one.
const secondLook = 3 * time.Second

// looks are earlier lists of a zone, a few seconds apart.
type looks struct {
	mu            sync.Mutex
	latest, older look
}

type look struct {
	began time.Time
	all   []nlb.LoadBalancer
}

// take keeps a list, unless the latest one is younger than a second look has to be.
func (l *looks) take(began time.Time, all []nlb.LoadBalancer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest.began.IsZero() || began.Sub(l.latest.began) >= secondLook {
		l.older, l.latest = l.latest, look{began: began, all: all}
	}
}

// before is the last list that began no later than a time.
func (l *looks) before(at time.Time) ([]nlb.LoadBalancer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range []look{l.latest, l.older} {
		if !one.began.IsZero() && !one.began.After(at) {
			return one.all, true
		}
	}
	return nil, false
}

// NoLoadBalancer looks for NLBs in a zone. They are absent if two lists don't show one
// that began a few seconds apart. It fails while that can't be said, also because the
// first list is too young. An absence that isn't proven: there is one.
func (i *Inventory) NoLoadBalancer(ctx context.Context, zone string, is func(nlb.LoadBalancer) bool) (Absence, error) {
	z := i.zone(zone)
	if err := z.loadBalancers.ready(ctx); err != nil {
		return Absence{}, err
	}
	if slices.ContainsFunc(z.balancers.all(), is) {
		return Absence{}, nil
	}
	earlier, looked := z.looks.before(i.opts.Clock.Now().Add(-secondLook))
	if !looked || slices.ContainsFunc(earlier, is) {
		return Absence{}, &Error{Class: Transient, Operation: opListLoadBalancers, Zone: z.zone, Message: "it is looked twice, a few seconds apart"}
	}
	all, err := i.FreshLoadBalancers(ctx, zone)
	if err != nil {
		return Absence{}, err
	}
	return Absence{proven: !slices.ContainsFunc(all, is)}, nil
}

// Nowhere looks for services on all NLBs of all zones that are watched, as
// NoLoadBalancer does; a service that is there is an error, too.
func (i *Inventory) Nowhere(ctx context.Context, is func(nlb.Service) bool) (Absence, error) {
	for _, zone := range i.watchedZones() {
		absence, err := i.NoLoadBalancer(ctx, zone, func(lb nlb.LoadBalancer) bool {
			return lb.Incomplete() || slices.ContainsFunc(lb.Services, is)
		})
		switch {
		case ClassOf(err) == UnknownZone:
			continue
		case err != nil:
			return Absence{}, err
		case !absence.proven:
			return Absence{}, contradiction(zone, "a service")
		}
	}
	return Absence{proven: true}, nil
}

// ZoneEvidence are all NLBs of a zone, as a list showed them that began after a step
// was decided on.
type ZoneEvidence struct {
	zone string
	all  []nlb.LoadBalancer
	read bool
}

// LoadBalancers of the zone; don't modify them.
func (e ZoneEvidence) LoadBalancers() []nlb.LoadBalancer { return e.all }

// ZoneEvidence lists the NLBs of a zone anew. Callers share lists.
func (i *Inventory) ZoneEvidence(ctx context.Context, zone string) (ZoneEvidence, error) {
	z := i.zone(zone)
	all, err := i.FreshLoadBalancers(ctx, zone)
	if err != nil {
		return ZoneEvidence{}, err
	}
	return ZoneEvidence{zone: z.zone, all: all, read: true}, nil
}

// NoteDeleted records that an operation of ours has deleted an NLB. Missing doesn't
// expect that NLB any more.
func (i *Inventory) NoteDeleted(id string) { i.deleted.Add(id, nil) }

// Missing compares ids with the last read of a zone. The ids that NoteDeleted was told
// don't count. Of the others, which are expected, some may be missing. It makes no call.
func (i *Inventory) Missing(zone string, ids []string) (expected, missing int) {
	z := i.zone(zone)
	for _, id := range ids {
		if _, deleted := i.deleted.Get(id); deleted {
			continue
		}
		expected++
		if _, present := z.balancers.peek(id); !present {
			missing++
		}
	}
	return expected, missing
}

func holds(all []nlb.LoadBalancer, id string) bool {
	_, found := slices.BinarySearchFunc(all, id, func(lb nlb.LoadBalancer, id string) int { return strings.Compare(lb.ID, id) })
	return found
}

// contradiction is the error of two looks that don't agree: it is looked again.
func contradiction(zone, object string) *Error {
	return &Error{Class: Transient, Operation: opGetLoadBalancer, Object: object, Zone: zone,
		Message: "Exoscale lists it, but doesn't show it when it is asked for; looking again"}
}

// unproven is the error of a change whose evidence is missing or speaks against it.
func unproven(c call, message string) *Error {
	return &Error{Class: Conflict, Operation: c.operation, Object: c.object, Zone: c.zone, Message: message}
}

// serviceOn refuses the change of a service that the evidence doesn't show.
func (e Evidence) serviceOn(c call, serviceID string) error {
	switch {
	case !e.read:
		return unproven(c, "the NLB wasn't read before this change")
	case e.lb == nil || !slices.ContainsFunc(e.lb.Services, func(s nlb.Service) bool { return s.ID == serviceID }):
		return unproven(c, "the NLB was read right before, and doesn't hold the service any more")
	default:
		return nil
	}
}

// empty refuses the deletion of an NLB that isn't there, or may hold services.
func (e Evidence) empty(c call) error {
	switch {
	case !e.read:
		return unproven(c, "the NLB wasn't read before this change")
	case e.lb == nil:
		return unproven(c, "the NLB was read right before, and isn't there any more")
	case e.lb.Incomplete():
		return &Error{Class: Transient, Operation: c.operation, Object: c.object, Zone: c.zone, Message: "Exoscale didn't show which services the NLB holds"}
	case len(e.lb.Services) > 0:
		return unproven(c, fmt.Sprintf("the NLB was read right before, and holds %d services", len(e.lb.Services)))
	default:
		return nil
	}
}

// addition refuses to add a service that couldn't be recognized afterwards, or
// whose port is taken.
func (e Evidence) addition(c call, want nlb.ServiceAttributes) error {
	switch {
	case e.uid != "" && strings.Contains(want.Name, e.uid):
		return nil
	case !e.read || e.lb == nil:
		return unproven(c, "the NLB wasn't read before this change")
	case slices.ContainsFunc(e.lb.Services, func(s nlb.Service) bool { return s.Port == want.Port && s.Protocol == want.Protocol }):
		return unproven(c, "the NLB was read right before, and its port "+nlb.PortText(want.Port, want.Protocol)+" is in use")
	default:
		return nil
	}
}

// creation refuses an NLB whose name is taken.
func (e ZoneEvidence) creation(c call, want nlb.LoadBalancerAttributes) error {
	switch {
	case !e.read:
		return unproven(c, "the NLBs of the zone weren't listed before this change")
	case slices.ContainsFunc(e.all, func(lb nlb.LoadBalancer) bool { return lb.Name == want.Name }):
		return unproven(c, fmt.Sprintf("the NLBs of the zone were listed right before, and the name %q is in use", want.Name))
	default:
		return nil
	}
}
