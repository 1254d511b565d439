package app

import (
	"context"
	"errors"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/nodeidentity"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/journal"
)

// wakeups leads what happens in the cloud to the objects that it concerns. None
// of its callbacks waits, so that it never holds up who reads or polls the cloud:
// an object that is known goes into its controller's queue; for what has to be
// looked up, a note is left that Start goes through.
//
//	operation ended ──────────────────────────────▶ queue of the owner's controller
//	NLB, members, zone changed ──▶ notes ──index──▶ queues of all concerned
type wakeups struct {
	reader client.Reader
	log    logr.Logger

	loadBalancers queue
	nlbServices   queue
	services      queue
	nodes         queue

	mu    sync.Mutex
	notes map[note]struct{}
	noted chan struct{} // holds one
}

// note is something that happened and is still to be told.
type note struct {
	what change
	zone string
	id   string // of the NLB
}

type change int

const (
	loadBalancerChange change = iota
	membersChange
	zoneChange
	roomChange
)

func newWakeups(reader client.Reader, log logr.Logger) *wakeups {
	return &wakeups{reader: reader, log: log, notes: map[note]struct{}{}, noted: make(chan struct{}, 1)}
}

// operationEnded wakes the object that an operation belongs to.
func (w *wakeups) operationEnded(owner exoscale.Owner) {
	switch owner.Kind {
	case journal.KindLoadBalancer:
		w.loadBalancers.add(owner.NamespacedName)
	case journal.KindNLBService:
		w.nlbServices.add(owner.NamespacedName)
	}
}

// loadBalancerChanged wakes the objects that record the NLB.
func (w *wakeups) loadBalancerChanged(zone, id string) {
	w.note(note{what: loadBalancerChange, zone: zone, id: id})
}

// membersChanged wakes whatever chooses among pools or shows their instances.
func (w *wakeups) membersChanged(zone string) { w.note(note{what: membersChange, zone: zone}) }

// zoneChanged wakes all objects of the zone.
func (w *wakeups) zoneChanged(zone string) { w.note(note{what: zoneChange, zone: zone}) }

// loadBalancersVanished wakes those of the zone that have no NLB: there may be room.
func (w *wakeups) loadBalancersVanished(zone string) { w.note(note{what: roomChange, zone: zone}) }

func (w *wakeups) note(n note) {
	w.mu.Lock()
	w.notes[n] = struct{}{}
	w.mu.Unlock()
	select {
	case w.noted <- struct{}{}:
	default:
	}
}

func (w *wakeups) takeNotes() map[note]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.notes
	w.notes = map[note]struct{}{}
	return taken
}

// Start looks up whom the notes concern until ctx ends. It is a Runnable of the
// leader, as the controllers are, and begins when the cache is filled.
func (w *wakeups) Start(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.noted:
		}
		for n := range w.takeNotes() {
			if err := w.tell(ctx, n); err != nil && ctx.Err() == nil {
				// The objects still look by themselves, later.
				w.log.Error(err, "finding the objects to wake", "zone", n.zone, "nlb", n.id)
			}
		}
	}
}

// tell wakes those whom a note concerns.
func (w *wakeups) tell(ctx context.Context, n note) error {
	switch n.what {
	case loadBalancerChange:
		recorded := client.MatchingFields{index.ByLoadBalancerID: n.id}
		return errors.Join(w.tellLoadBalancers(ctx, recorded), w.tellNLBServices(ctx, recorded))
	case membersChange:
		w.nodes.add(nodeidentity.Everything)
		return errors.Join(w.tellServices(ctx), w.tellZone(ctx, n.zone, w.tellNLBServices))
	case roomChange:
		return w.tellZone(ctx, n.zone, func(ctx context.Context, which client.MatchingFields) error {
			return w.tellLoadBalancersIf(ctx, which, func(lb *v1alpha1.NetworkLoadBalancer) bool { return lb.Status.ID == "" })
		})
	default:
		return errors.Join(w.tellZone(ctx, n.zone, w.tellLoadBalancers), w.tellZone(ctx, n.zone, w.tellNLBServices))
	}
}

// tellZone includes the objects that have recorded no zone yet: it may be theirs.
func (w *wakeups) tellZone(ctx context.Context, zone string, tell func(context.Context, client.MatchingFields) error) error {
	return errors.Join(tell(ctx, client.MatchingFields{index.ByZone: zone}), tell(ctx, client.MatchingFields{index.ByZone: ""}))
}

func (w *wakeups) tellLoadBalancers(ctx context.Context, which client.MatchingFields) error {
	return w.tellLoadBalancersIf(ctx, which, func(*v1alpha1.NetworkLoadBalancer) bool { return true })
}

func (w *wakeups) tellLoadBalancersIf(ctx context.Context, which client.MatchingFields, concerned func(*v1alpha1.NetworkLoadBalancer) bool) error {
	var list v1alpha1.NetworkLoadBalancerList
	// They are read only, so nothing is copied.
	if err := w.reader.List(ctx, &list, which, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range list.Items {
		if concerned(&list.Items[i]) {
			w.loadBalancers.add(client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return nil
}

func (w *wakeups) tellNLBServices(ctx context.Context, which client.MatchingFields) error {
	var list v1alpha1.NLBServiceList
	if err := w.reader.List(ctx, &list, which, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range list.Items {
		w.nlbServices.add(client.ObjectKeyFromObject(&list.Items[i]))
	}
	return nil
}

// tellServices wakes those that may have a pool: their controller knows which do.
func (w *wakeups) tellServices(ctx context.Context) error {
	var list corev1.ServiceList
	if err := w.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range list.Items {
		if list.Items[i].Spec.Type == corev1.ServiceTypeLoadBalancer {
			w.services.add(client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return nil
}

// queue is a controller's, as a source.Source that the controller starts. Before
// that nobody needs to be woken: the controller begins with all objects.
type queue struct {
	mu   sync.Mutex
	into workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// Start implements source.Source.
func (q *queue) Start(_ context.Context, into workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.into = into
	return nil
}

// String names the source in the controller's log.
func (q *queue) String() string { return "changes in the cloud" }

func (q *queue) add(name types.NamespacedName) {
	q.mu.Lock()
	into := q.into
	q.mu.Unlock()
	if into != nil {
		into.Add(reconcile.Request{NamespacedName: name})
	}
}
