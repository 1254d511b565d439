package exoscale

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// singleReads is up to how many NLBs are read one by one; for more, one list.
const singleReads = 3

// InventoryOptions of an Inventory. The zero value of a field means its default.
type InventoryOptions struct {
	// Interval between two lists of a zone; default 1 minute. Drift and health
	// are seen after at most this time.
	Interval time.Duration
	// Changed is called after a read, for each NLB that appeared, vanished or
	// differs (attributes, services, health) from the read before. Callbacks
	// must not block; they are called from any goroutine.
	Changed func(zone, loadBalancerID string)
	// MembersChanged is called when instance pools, instances or SKS nodepools
	// of a zone differ from the read before, or when they become unreadable or
	// readable again.
	MembersChanged func(zone string)
	// ZoneChanged is called when the NLBs of a zone become unreadable, for
	// another reason than before, or readable again, and when the credentials change.
	ZoneChanged func(zone string)
	// Vanished is called after Changed when NLBs of a zone are gone: there may be room
	// for others.
	Vanished func(zone string)
	// Waiting is how many callers of a zone wait at once for what takes longer than
	// Moment; of all zones together twice as many. Others get ErrLater, and the
	// callbacks tell when there is an answer. 0: all wait.
	Waiting int
	// Moment is how long any number of callers wait; default 2 s.
	Moment time.Duration
	// Quota reads the quota of NLBs along with the lists.
	Quota bool
	Log   logr.Logger
	Clock clock.WithTicker
}

func (o InventoryOptions) withDefaults(c *Client) InventoryOptions {
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Moment <= 0 {
		o.Moment = 2 * time.Second
	}
	if o.Changed == nil {
		o.Changed = func(string, string) {}
	}
	if o.MembersChanged == nil {
		o.MembersChanged = func(string) {}
	}
	if o.ZoneChanged == nil {
		o.ZoneChanged = func(string) {}
	}
	if o.Vanished == nil {
		o.Vanished = func(string) {}
	}
	if o.Log.GetSink() == nil {
		o.Log = c.opts.Log
	}
	if o.Clock == nil {
		o.Clock = c.opts.Clock
	}
	return o
}

// Inventory answers reads of the cloud from memory: one list per zone and
// interval feeds all who ask, so idle costs don't grow with their number. While a
// list can't be read, every getter returns the reason at once, and nobody but the
// background reads. Of a zone that is slow few callers wait (InventoryOptions.Waiting).
//
// What the getters return is shared and never changed by the inventory: don't
// modify it.
type Inventory struct {
	client *Client
	opts   InventoryOptions
	crowd  crowd
	// deleted are the ids of NLBs that operations of ours have deleted, the last ones.
	deleted *lru.Cache

	mu      sync.Mutex
	zones   map[string]*zoneInventory
	running context.Context // of Start; nil before
	stopped bool            // no more loops are started
	loops   sync.WaitGroup
}

// rememberedDeletions bounds the memory of what was deleted.
const rememberedDeletions = 1000

// zoneInventory is what is known of one zone.
type zoneInventory struct {
	zone      string
	stop      context.CancelFunc // ends the loops
	life      context.Context    // nil until they may run
	balancers balancers
	looks     looks
	single    singles

	loadBalancers *listing
	pools         *members[nlb.InstancePool]
	instances     *members[nlb.Instance]
	nodepools     *members[nlb.SKSNodepool]
	types         *members[nlb.InstanceType]
	networks      *members[nlb.PrivateNetwork]
	quota         *quota // nil unless it is to be read
}

// NewInventory makes an inventory that fetches when it is asked; Start keeps it
// fresh. It looks again at once when the client's credentials change.
func NewInventory(client *Client, opts InventoryOptions) (*Inventory, error) {
	i := &Inventory{client: client, opts: opts.withDefaults(client), deleted: lru.New(rememberedDeletions), zones: map[string]*zoneInventory{}}
	i.crowd = crowd{most: i.opts.Waiting, moment: i.opts.Moment, clock: i.opts.Clock}
	if source, ok := client.opts.Credentials.(changingSource); ok {
		source.OnChange(i.renewed)
	}
	return i, register(client.opts.Metrics, inventoryCollector{i})
}

// Start refreshes every watched zone until ctx ends. It has the form of a
// controller-runtime Runnable.
func (i *Inventory) Start(ctx context.Context) error {
	i.mu.Lock()
	i.running = ctx
	for _, z := range i.zones {
		i.startLoops(z)
	}
	i.mu.Unlock()
	<-ctx.Done()
	i.mu.Lock()
	i.stopped = true
	i.mu.Unlock()
	i.loops.Wait()
	return nil
}

// Watch refreshes a zone from now on. It doesn't wait, and may be called again.
func (i *Inventory) Watch(zone string) { i.zone(zone) }

// RefreshSoon reads every list again now, in the background.
func (i *Inventory) RefreshSoon() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, z := range i.zones {
		for _, l := range z.wanted() {
			l.soon()
		}
	}
}

// renewed reads every list again, by other credentials, and has everything looked at.
func (i *Inventory) renewed() {
	i.RefreshSoon()
	for _, zone := range i.watchedZones() {
		i.opts.ZoneChanged(zone)
	}
}

// LoadBalancers gives all NLBs of a zone, by id. The first call for a zone reads
// the list; what was invalidated since is read again.
func (i *Inventory) LoadBalancers(ctx context.Context, zone string) ([]nlb.LoadBalancer, error) {
	z := i.zone(zone)
	if err := z.loadBalancers.ready(ctx); err != nil {
		return nil, err
	}
	list, ids := z.balancers.toRead()
	if list || len(ids) > singleReads {
		return i.FreshLoadBalancers(ctx, zone)
	}
	for _, id := range ids {
		if _, err := i.LoadBalancer(ctx, zone, id); err != nil && ClassOf(err) != NotFound {
			return nil, err
		}
	}
	return z.balancers.all(), nil
}

// KnownLoadBalancers gives all NLBs of all zones that are watched.
func (i *Inventory) KnownLoadBalancers(ctx context.Context) ([]nlb.LoadBalancer, error) {
	i.Watch("") // the default zone, whoever has asked for it
	var all []nlb.LoadBalancer
	for _, zone := range i.watchedZones() {
		balancers, err := i.LoadBalancers(ctx, zone)
		if err != nil && ClassOf(err) != UnknownZone {
			return nil, err
		}
		all = append(all, balancers...)
	}
	return all, nil
}

// FreshLoadBalancers gives a list that was read after this call began. Callers
// share a read that begins after all of them. It is for looking before a create.
func (i *Inventory) FreshLoadBalancers(ctx context.Context, zone string) ([]nlb.LoadBalancer, error) {
	z := i.zone(zone)
	if err := z.loadBalancers.fresh(ctx); err != nil {
		return nil, err
	}
	return z.balancers.all(), nil
}

// LoadBalancer gives one NLB, from memory unless it was invalidated. It is
// NotFound only after a read of this very NLB has said so; what a list merely
// lacks is read first.
func (i *Inventory) LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error) {
	z := i.zone(zone)
	if err := z.loadBalancers.ready(ctx); err != nil {
		return nlb.LoadBalancer{}, err
	}
	for {
		switch lb, is := z.balancers.get(id); is {
		case present:
			return lb, nil
		case absent:
			return nlb.LoadBalancer{}, &Error{Class: NotFound, Operation: opGetLoadBalancer, Object: loadBalancerNamed(id), Zone: z.zone, Message: "not found"}
		}
		if err := i.readShared(ctx, z, id); err != nil {
			return nlb.LoadBalancer{}, err
		}
	}
}

// Invalidate marks what a key names: it is read again before it is given out.
// A key without an id marks the list of its zone.
func (i *Inventory) Invalidate(key Key) {
	z := i.zone(key.Zone)
	if key.ID == "" {
		z.balancers.invalidateList()
	} else {
		z.balancers.invalidate(key.ID)
	}
}

// readShared reads one NLB; those who want the same at the same time share it.
// A read that was under way may not lift a mark set meanwhile: look and call again.
func (i *Inventory) readShared(ctx context.Context, z *zoneInventory, id string) error {
	one := z.single.read(id, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.client.readLimit())
		defer cancel()
		return i.refreshOne(ctx, z.zone, id)
	}, func() { i.opts.Changed(z.zone, id) })
	return i.crowd.wait(ctx, z.zone, loadBalancerNamed(id), one)
}

// readNow reads one NLB and stores it, or its absence; then the error is NotFound.
func (i *Inventory) readNow(ctx context.Context, z *zoneInventory, id string) (nlb.LoadBalancer, error) {
	began := z.balancers.begin()
	lb, err := i.client.LoadBalancer(ctx, z.zone, id)
	var changed bool
	switch ClassOf(err) {
	case "":
		changed = z.balancers.putOne(began, lb)
	case NotFound:
		changed = z.balancers.putAbsent(began, id)
	default:
		return nlb.LoadBalancer{}, err
	}
	if changed {
		i.changed(z, id)
	}
	return lb, err
}

// readList reads the list of a zone and stores it.
func (i *Inventory) readList(ctx context.Context, z *zoneInventory) error {
	began, at := z.balancers.begin(), i.opts.Clock.Now()
	list, err := i.client.LoadBalancers(ctx, z.zone)
	if err != nil {
		return err
	}
	z.looks.take(at, list)
	i.changed(z, z.balancers.putList(began, list)...)
	return nil
}

// changed passes on which NLBs differ from the read before.
func (i *Inventory) changed(z *zoneInventory, ids ...string) {
	vanished := false
	for _, id := range ids {
		_, is := z.balancers.peek(id)
		vanished = vanished || !is
		i.opts.Changed(z.zone, id)
	}
	if vanished {
		i.opts.Vanished(z.zone)
	}
}

// refreshList reads the list of a zone from now on, whatever stands against it.
func (i *Inventory) refreshList(ctx context.Context, zone string) error {
	return i.zone(zone).loadBalancers.after(ctx)
}

// refreshOne reads one NLB from now on. That it isn't there is an answer, too.
func (i *Inventory) refreshOne(ctx context.Context, zone, id string) error {
	_, err := i.readNow(ctx, i.zone(zone), id)
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}

// shown is the NLB as the last read showed it.
func (i *Inventory) shown(zone, id string) fingerprint {
	return fingerprintOf(i.zone(zone).balancers.peek(id))
}

// Listed is what memory holds of the NLBs of a zone.
type Listed struct {
	Zone string
	// Began is when the list began that was read last.
	Began         time.Time
	LoadBalancers []nlb.LoadBalancer
}

// Listed gives the NLBs of all zones that are watched, without asking Exoscale. A zone
// that was never listed, or couldn't be when it was tried last, isn't among them.
func (i *Inventory) Listed() []Listed {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []Listed
	for zone, z := range i.zones {
		if began := z.loadBalancers.lastBegan(); !began.IsZero() {
			all = append(all, Listed{Zone: zone, Began: began, LoadBalancers: z.balancers.all()})
		}
	}
	return all
}
