// Package unused finds NLBs that this cluster made and that no object uses: those whose
// owner is gone, and those whose owner has another. It looks at what was listed anyway,
// and only tells: in the log, in Events and to the metrics. A person deletes them.
package unused

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

const (
	// periods is for how many sync periods an NLB is seen before it is told of: what is
	// being made or deleted is used, or gone, by then.
	periods = 2
	// again is after how long an NLB is told of once more; the API server keeps an Event
	// for an hour.
	again = time.Hour
	// atOnce is how many Events one look sends at most.
	atOnce = 10
)

// Inventory tells what was listed last, and asks nobody.
type Inventory interface {
	Listed() []exoscale.Listed
}

// Options of a Watch; all are required unless they say otherwise.
type Options struct {
	// Reader is a cache.
	Reader    client.Reader
	Inventory Inventory
	// Doubtful reports whether the last list of a zone isn't believed.
	Doubtful func(ctx context.Context, zone string) (bool, error)
	Events   events.EventRecorder
	// Count takes how many NLBs of a zone are told of.
	Count     func(zone string, orphans, duplicates int)
	ClusterID string
	// Namespace is the operator's own, which Events about orphans are of; empty: none.
	Namespace string
	// SyncPeriod is how often the zones are listed.
	SyncPeriod time.Duration
	// SeesAllNamespaces is true if the reader knows the objects of all namespaces. If
	// not, nobody is known to be gone, and orphans aren't looked for.
	SeesAllNamespaces bool
	Log               logr.Logger
}

// Watch looks at every list. It is a Runnable of the leader.
type Watch struct {
	Options
	// seen by zone and id of the NLB.
	seen map[string]map[string]sighting
	// looked is when the list began that was looked at last, by zone.
	looked map[string]time.Time
}

// sighting is an NLB that no object used in one list after another.
type sighting struct {
	nlb.Unused
	// since is when the first of these lists began.
	since time.Time
	due   bool // seen for long enough
	told  time.Time
}

// New makes a Watch.
func New(options Options) *Watch {
	return &Watch{Options: options, seen: map[string]map[string]sighting{}, looked: map[string]time.Time{}}
}

// Start looks once per sync period until ctx ends.
func (w *Watch) Start(ctx context.Context) error {
	ticker := time.NewTicker(w.SyncPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error(err, "looking for NLBs that no object uses")
		}
	}
}

// Look goes through the lists that are new, and tells what it found.
func (w *Watch) Look(ctx context.Context) error {
	var objects v1alpha1.NetworkLoadBalancerList
	for _, listed := range w.Inventory.Listed() {
		if !listed.Began.After(w.looked[listed.Zone]) {
			continue
		}
		doubtful, err := w.Doubtful(ctx, listed.Zone)
		if err != nil {
			return err
		}
		w.looked[listed.Zone] = listed.Began
		if doubtful {
			continue // what was found before stands
		}
		if objects.Items == nil {
			if err := w.Reader.List(ctx, &objects, client.UnsafeDisableDeepCopy); err != nil {
				return fmt.Errorf("listing the NetworkLoadBalancers: %w", err)
			}
		}
		w.take(listed, nlb.FindUnused(listed.LoadBalancers, objects.Items, w.ClusterID))
	}
	w.tell(ctx)
	return nil
}

// take notes what one list shows.
func (w *Watch) take(listed exoscale.Listed, unused []nlb.Unused) {
	before, now := w.seen[listed.Zone], map[string]sighting{}
	orphans, duplicates := 0, 0
	for _, one := range unused {
		if one.Beside == nil && !w.SeesAllNamespaces {
			continue
		}
		s, is := before[one.LoadBalancer.ID]
		if !is || (s.Beside == nil) != (one.Beside == nil) {
			s = sighting{since: listed.Began}
		}
		s.Unused = one
		s.due = listed.Began.Sub(s.since) >= periods*w.SyncPeriod
		now[one.LoadBalancer.ID] = s
		switch {
		case !s.due:
		case one.Beside == nil:
			orphans++
		default:
			duplicates++
		}
	}
	w.seen[listed.Zone] = now
	w.Count(listed.Zone, orphans, duplicates)
}

// tell sends Events of what wasn't told of, or is to be told of again.
func (w *Watch) tell(ctx context.Context) {
	left := atOnce
	for _, zone := range w.seen {
		for id, s := range zone {
			if !s.due || left == 0 || !s.told.IsZero() && time.Since(s.told) < again {
				continue
			}
			left--
			s.told = time.Now()
			zone[id] = s
			if s.Beside == nil {
				w.tellOrphan(ctx, s)
			} else {
				w.tellDuplicate(s)
			}
		}
	}
}

func (w *Watch) tellOrphan(ctx context.Context, s sighting) {
	lb := s.LoadBalancer
	w.Log.Info("An NLB that this cluster made has no owner any more; nothing deletes it",
		"nlb", lb.ID, "cloudName", lb.Name, "zone", lb.Zone, "owner", s.Owner, "ownerUID", s.UID)
	if w.Namespace == "" {
		return
	}
	namespace := &corev1.Namespace{}
	if err := w.Reader.Get(ctx, client.ObjectKey{Name: w.Namespace}, namespace); err != nil {
		namespace.Name = w.Namespace // its UID is all that is missing
	}
	about := namespace.DeepCopy()
	about.Namespace = w.Namespace // so that the Event is found in it
	w.Events.Eventf(about, nil, corev1.EventTypeWarning, v1alpha1.ReasonOrphaned, "Observe",
		"NLB %s (%q, address %s) was made for NetworkLoadBalancer %s (UID %s), which doesn't exist any more. If nothing uses it, delete it: exo compute load-balancer delete %s --zone %s",
		lb.ID, lb.Name, lb.Address, s.Owner, s.UID, lb.ID, lb.Zone)
}

func (w *Watch) tellDuplicate(s sighting) {
	lb, owner := s.LoadBalancer, s.Beside
	w.Log.Info("An object has an NLB besides the one that it uses; nothing deletes it",
		"nlb", lb.ID, "cloudName", lb.Name, "zone", lb.Zone, "owner", s.Owner, "uses", owner.Status.ID)
	w.Events.Eventf(owner.DeepCopy(), nil, corev1.EventTypeWarning, v1alpha1.ReasonDuplicate, "Observe",
		"Two NLBs bear the labels of this object. %s (address %s) is the one that it uses; %s (%q, address %s) isn't. If nothing uses that, delete it: exo compute load-balancer delete %s --zone %s",
		owner.Status.ID, owner.Status.Address, lb.ID, lb.Name, lb.Address, lb.ID, lb.Zone)
}
