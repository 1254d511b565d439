package nodeidentity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// How long a round waits for the lists of a zone, if there are others that it would
// hold up; one that couldn't be read in the round before holds them up no more.
const (
	patience      = 5 * time.Second
	shortPatience = 100 * time.Millisecond
)

// observed is what a round sees.
type observed struct {
	nodes []corev1.Node
	known []v1alpha1.NodeIdentity
	zones []zoneSeen
}

// zoneSeen is what is known of a zone; trouble is why nothing is.
type zoneSeen struct {
	name      string
	alone     bool // it holds up no other
	instances []nlb.Instance
	pools     []nlb.InstancePool
	nodepools []nlb.SKSNodepool
	types     []nlb.InstanceType
	networks  []nlb.PrivateNetwork
	trouble   error
}

// observe reads what there is. Of the cloud only what is needed is asked: without
// Nodes and watched pools nothing. The error is one of the API server's; what can't
// be read of a zone is that zone's trouble.
func (r *Reconciler) observe(ctx context.Context) (observed, error) {
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes); err != nil {
		return observed{}, fmt.Errorf("listing the Nodes: %w", err)
	}
	var known v1alpha1.NodeIdentityList
	if err := r.Client.List(ctx, &known); err != nil {
		return observed{}, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	seen := observed{nodes: nodes.Items, known: known.Items}
	if len(seen.nodes)+len(seen.known)+len(r.WatchedPools) == 0 {
		return observed{}, nil
	}
	zones, err := r.zonesInUse(ctx, seen.known)
	if err != nil {
		return observed{}, err
	}
	seen.zones = make([]zoneSeen, len(zones))
	var reading sync.WaitGroup
	for i, zone := range zones {
		seen.zones[i].name, seen.zones[i].alone = zone, len(zones) == 1
		reading.Go(func() { seen.zones[i].trouble = r.observeZone(ctx, &seen.zones[i]) })
	}
	reading.Wait()
	seen.zones = slices.DeleteFunc(seen.zones, func(z zoneSeen) bool { return r.neverWas(z, seen.known) })
	if len(seen.zones) == 0 {
		return observed{known: seen.known}, ctx.Err() // nobody knows where the Nodes are
	}
	return seen, ctx.Err()
}

// neverWas: an object names a zone that Exoscale doesn't have, and nothing was ever
// found there, so that no Node can be.
func (r *Reconciler) neverWas(zone zoneSeen, known []v1alpha1.NodeIdentity) bool {
	return exoscale.ClassOf(zone.trouble) == exoscale.UnknownZone && zone.name != r.Zone &&
		!slices.ContainsFunc(known, func(k v1alpha1.NodeIdentity) bool { return k.Spec.Zone == zone.name })
}

// observeZone reads the lists of a zone from memory; nodepools and networks only if
// an instance is in one.
func (r *Reconciler) observeZone(ctx context.Context, zone *zoneSeen) (err error) {
	ctx, cancel := r.waiting(ctx, *zone)
	defer cancel()
	if zone.pools, err = r.Inventory.InstancePools(ctx, zone.name); err != nil {
		return err
	}
	if zone.instances, err = r.Inventory.Instances(ctx, zone.name); err != nil {
		return err
	}
	// They only tell how large an instance is: a key that may not list them is no
	// reason to know nothing.
	if zone.types, err = r.Inventory.InstanceTypes(ctx, zone.name); err != nil && exoscale.ClassOf(err) != exoscale.Forbidden {
		return err
	}
	if slices.ContainsFunc(zone.pools, func(pool nlb.InstancePool) bool { return pool.SKSNodepoolID != "" }) {
		if zone.nodepools, err = r.Inventory.SKSNodepools(ctx, zone.name); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(zone.instances, func(instance nlb.Instance) bool { return len(instance.PrivateNetworkIDs) > 0 }) {
		zone.networks, err = r.Inventory.PrivateNetworks(ctx, zone.name)
		return err
	}
	return nil
}

// waiting limits how long a round waits for a zone.
func (r *Reconciler) waiting(ctx context.Context, zone zoneSeen) (context.Context, context.CancelFunc) {
	switch {
	case zone.alone:
		return ctx, func() {}
	case r.slow[zone.name]:
		return context.WithTimeout(ctx, shortPatience)
	default:
		return context.WithTimeout(ctx, patience)
	}
}

// fleet is all of that as one.
func (r *Reconciler) fleet(seen observed) identity.Fleet {
	fleet := identity.Fleet{Zone: r.Zone, Nodes: seen.nodes, Known: seen.known, WatchedPools: r.WatchedPools, Certifies: r.Certifies}
	for _, zone := range seen.zones {
		if zone.trouble != nil {
			fleet.Unread = append(fleet.Unread, zone.name)
			continue
		}
		fleet.Read = append(fleet.Read, zone.name)
		fleet.Instances = append(fleet.Instances, zone.instances...)
		fleet.Pools = append(fleet.Pools, zone.pools...)
		fleet.Nodepools = append(fleet.Nodepools, zone.nodepools...)
		fleet.Types = append(fleet.Types, zone.types...)
		fleet.Networks = append(fleet.Networks, zone.networks...)
	}
	return fleet
}

// bind looks once more for instances that the lists lack: their Nodes may be newer.
// Of those on which a new list says nothing either, since it was read just before,
// nothing is said yet: these are late.
func (r *Reconciler) bind(ctx context.Context, seen observed) (bindings identity.Bindings, late bool) {
	bindings = r.fleet(seen).Bind()
	r.missed(bindings.Unlisted)
	awaited, again := map[string]bool{}, false
	for i := range seen.zones {
		if zone := &seen.zones[i]; zone.trouble == nil && len(r.newerThan(r.Inventory.InstancesListedAt(zone.name))) > 0 {
			again = true
			maps.Copy(awaited, r.lookAgain(ctx, zone))
		}
	}
	r.slow = map[string]bool{}
	for _, zone := range seen.zones {
		r.slow[zone.name] = zone.trouble != nil
	}
	if again {
		fleet := r.fleet(seen)
		fleet.Awaited = awaited
		bindings = fleet.Bind()
	}
	return bindings, slices.ContainsFunc(bindings.Awaited, func(id string) bool { return awaited[id] })
}

// lookAgain reads the instances of a zone anew, and gives those on which this list
// says nothing either.
func (r *Reconciler) lookAgain(ctx context.Context, zone *zoneSeen) (awaited map[string]bool) {
	ctx, cancel := r.waiting(ctx, *zone)
	defer cancel()
	if _, zone.trouble = r.Inventory.FreshInstances(ctx, zone.name); zone.trouble != nil {
		return nil
	}
	// Asked in this order, the list is at least as new as that.
	listedAt := r.Inventory.InstancesListedAt(zone.name)
	if zone.instances, zone.trouble = r.Inventory.Instances(ctx, zone.name); zone.trouble != nil {
		return nil
	}
	return r.newerThan(listedAt)
}

// missed notes which instances the lists lack.
func (r *Reconciler) missed(ids []string) {
	now, missed := r.Inventory.Now(), map[string]time.Time{}
	for _, id := range ids {
		if missed[id] = now; !r.unlisted[id].IsZero() {
			missed[id] = r.unlisted[id]
		}
	}
	r.unlisted = missed
}

// newerThan are the missed instances on which a list says nothing that was read from
// a moment on.
func (r *Reconciler) newerThan(listedAt time.Time) map[string]bool {
	newer := map[string]bool{}
	for id, noticed := range r.unlisted {
		if listedAt.Before(noticed) {
			newer[id] = true
		}
	}
	return newer
}
