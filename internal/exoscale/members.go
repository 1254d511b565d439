package exoscale

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// freshMembers is how old a list of members may be to pass as fresh: a miss by
// many objects at once costs one read.
const freshMembers = 5 * time.Second

// members is a list of a zone that is kept as a whole: pools, instances, nodepools.
type members[T any] struct {
	*listing
	wanted bool // guarded by Inventory.mu
	items  atomic.Pointer[[]T]
}

func newMembers[T any](i *Inventory, z *zoneInventory, what string,
	list func(context.Context, string) ([]T, error), id func(T) string, changed func(),
) *members[T] {
	m := &members[T]{}
	m.listing = i.newListing(z, what, func(ctx context.Context) error {
		items, err := list(ctx, z.zone)
		if err != nil {
			return err
		}
		slices.SortFunc(items, func(a, b T) int { return strings.Compare(id(a), id(b)) })
		items = slices.Clip(items)
		if before := m.items.Swap(&items); before != nil && !reflect.DeepEqual(*before, items) {
			changed()
		}
		return nil
	}, changed)
	return m
}

func (m *members[T]) get(ctx context.Context) ([]T, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	return *m.items.Load(), nil
}

func (m *members[T]) fresh(ctx context.Context) ([]T, error) {
	if !m.beganWithin(freshMembers) {
		if err := m.listing.fresh(ctx); err != nil {
			return nil, err
		}
	}
	return m.get(ctx)
}

// InstancePools gives all instance pools of a zone, by id.
func (i *Inventory) InstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error) {
	z := i.zone(zone)
	i.want(z, &z.pools.wanted)
	return z.pools.get(ctx)
}

// FreshInstancePools gives the pools as read at most 5 s ago, for one that is missing.
func (i *Inventory) FreshInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error) {
	z := i.zone(zone)
	i.want(z, &z.pools.wanted)
	return z.pools.fresh(ctx)
}

// CurrentInstancePools gives the pools as a read shows them that begins after this
// call: what was read before may be of another API key.
func (i *Inventory) CurrentInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error) {
	z := i.zone(zone)
	i.want(z, &z.pools.wanted)
	if err := z.pools.listing.fresh(ctx); err != nil {
		return nil, err
	}
	return z.pools.get(ctx)
}

// Instances gives all instances of a zone, by id.
func (i *Inventory) Instances(ctx context.Context, zone string) ([]nlb.Instance, error) {
	z := i.zone(zone)
	i.want(z, &z.instances.wanted)
	return z.instances.get(ctx)
}

// FreshInstances gives the instances as read at most 5 s ago, for one that is missing.
func (i *Inventory) FreshInstances(ctx context.Context, zone string) ([]nlb.Instance, error) {
	z := i.zone(zone)
	i.want(z, &z.instances.wanted)
	return z.instances.fresh(ctx)
}

// SKSNodepools gives the nodepools of all SKS clusters of a zone, by id.
func (i *Inventory) SKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error) {
	z := i.zone(zone)
	i.want(z, &z.nodepools.wanted)
	return z.nodepools.get(ctx)
}

// FreshSKSNodepools gives the nodepools as read at most 5 s ago, for one that is missing.
func (i *Inventory) FreshSKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error) {
	z := i.zone(zone)
	i.want(z, &z.nodepools.wanted)
	return z.nodepools.fresh(ctx)
}

// InstanceTypes gives the types of instances of a zone, by id. They are read
// once an hour.
func (i *Inventory) InstanceTypes(ctx context.Context, zone string) ([]nlb.InstanceType, error) {
	z := i.zone(zone)
	i.want(z, &z.types.wanted)
	return z.types.get(ctx)
}

// PrivateNetworks gives all private networks of a zone with their leases, by id.
func (i *Inventory) PrivateNetworks(ctx context.Context, zone string) ([]nlb.PrivateNetwork, error) {
	z := i.zone(zone)
	i.want(z, &z.networks.wanted)
	return z.networks.get(ctx)
}

// InstancesListedAt tells when the read of a zone's instances began that
// Instances gives out; zero if there is none.
func (i *Inventory) InstancesListedAt(zone string) time.Time {
	return i.zone(zone).instances.lastBegan()
}

// Now is by the clock of InstancesListedAt.
func (i *Inventory) Now() time.Time { return i.opts.Clock.Now() }
