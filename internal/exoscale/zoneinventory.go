package exoscale

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// typesInterval is how often the instance types are read, which Exoscale adds to
// once in a year or two.
const typesInterval = time.Hour

// zone gives the inventory of a zone, made when it is asked for first.
func (i *Inventory) zone(name string) *zoneInventory {
	name = i.client.zoneName(name)
	i.mu.Lock()
	defer i.mu.Unlock()
	z := i.zones[name]
	if z == nil {
		z = i.newZone(name)
		i.zones[name] = z
		i.startLoops(z)
	}
	return z
}

// watchedZones are the names of the zones that somebody has asked for, sorted.
func (i *Inventory) watchedZones() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Sorted(maps.Keys(i.zones))
}

func (i *Inventory) newZone(name string) *zoneInventory {
	z := &zoneInventory{zone: name}
	z.loadBalancers = i.newListing(z, "load balancers",
		func(ctx context.Context) error { return i.readList(ctx, z) },
		func() { i.opts.ZoneChanged(name) })
	changed := func() { i.opts.MembersChanged(name) }
	z.pools = newMembers(i, z, "instance pools", i.client.InstancePools, func(p nlb.InstancePool) string { return p.ID }, changed)
	z.instances = newMembers(i, z, "instances", i.client.Instances, func(n nlb.Instance) string { return n.ID }, changed)
	z.nodepools = newMembers(i, z, "SKS nodepools", i.client.SKSNodepools, func(p nlb.SKSNodepool) string { return p.ID }, changed)
	z.types = newMembers(i, z, "instance types", i.client.InstanceTypes, func(t nlb.InstanceType) string { return t.ID }, changed)
	z.types.interval = max(i.opts.Interval, typesInterval)
	z.networks = newMembers(i, z, "private networks", i.client.PrivateNetworks, func(n nlb.PrivateNetwork) string { return n.ID }, changed)
	if i.opts.Quota {
		z.quota = i.newQuota(z)
	}
	return z
}

func (i *Inventory) newListing(z *zoneInventory, what string, read func(context.Context) error, turned func()) *listing {
	l := &listing{
		zone: z.zone, what: what, read: read, limit: i.client.readLimit(), crowd: &i.crowd, interval: i.opts.Interval,
		clock: i.opts.Clock, log: i.opts.Log.WithValues("zone", z.zone, "list", what),
	}
	l.turned = func(err error) {
		switch {
		case ClassOf(err) == UnknownZone:
			// Whoever asked is told. A zone that isn't there is not looked at
			// again and again, nor kept: anybody can name any number of them.
			i.drop(z)
			return
		case err != nil:
			l.log.Error(err, "the list can't be read; trying again")
		default:
			l.log.Info("the list is readable")
		}
		turned()
	}
	l.left = turned // there is an answer now
	l.init()
	return l
}

func (i *Inventory) drop(z *zoneInventory) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.zones[z.zone] == z {
		delete(i.zones, z.zone)
	}
	if z.stop != nil {
		z.stop()
	}
}

// startLoops refreshes the wanted lists of a zone once Start was called.
// i.mu is held.
func (i *Inventory) startLoops(z *zoneInventory) {
	for _, l := range z.wanted() {
		if l.wantedAt.IsZero() {
			l.wantedAt = i.opts.Clock.Now()
		}
	}
	if i.running == nil || i.stopped {
		return
	}
	if z.life == nil {
		z.life, z.stop = context.WithCancel(i.running)
	}
	for _, l := range z.wanted() {
		if l.looping.CompareAndSwap(false, true) {
			i.loops.Go(func() { l.run(z.life) })
		}
	}
}

// want refreshes a list of a zone from now on.
func (i *Inventory) want(z *zoneInventory, wanted *bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !*wanted {
		*wanted = true
		i.startLoops(z)
	}
}

// wanted are the lists that somebody has asked for; Inventory.mu is held.
func (z *zoneInventory) wanted() []*listing {
	lists := []*listing{z.loadBalancers}
	if z.pools.wanted {
		lists = append(lists, z.pools.listing)
	}
	if z.instances.wanted {
		lists = append(lists, z.instances.listing)
	}
	if z.nodepools.wanted {
		lists = append(lists, z.nodepools.listing)
	}
	if z.types.wanted {
		lists = append(lists, z.types.listing)
	}
	if z.networks.wanted {
		lists = append(lists, z.networks.listing)
	}
	if z.quota != nil {
		lists = append(lists, z.quota.listing)
	}
	return lists
}
