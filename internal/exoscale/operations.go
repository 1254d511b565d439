package exoscale

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// Key names an NLB in its zone: the unit of "one change at a time". For a create,
// whose id isn't known yet, Name is set instead of ID.
type Key struct{ Zone, ID, Name string }

// Owner is the object that an operation belongs to, and that is woken.
type Owner struct {
	Kind string // "NetworkLoadBalancer" or "NLBService"
	types.NamespacedName
}

// OperationsOptions of the tracker. The zero value of a field means its default.
type OperationsOptions struct {
	// PollInterval between two looks at what is in flight in a zone; default 1 s.
	PollInterval time.Duration
	// SlowInterval between two questions about one operation while so many are in
	// flight that the list of NLBs is watched instead; default 5 s.
	SlowInterval time.Duration
	// Keep is how long a result is kept if nobody forgets it; default 1 hour.
	Keep time.Duration
	// MaxResults is how many results are kept at most, the newest; default 4096.
	MaxResults int
	// MaxBeginning is how many changes of a zone may begin at once, each of which
	// takes a worker until Exoscale answers; of a zone that is slow, one. 0: any number.
	MaxBeginning int
	Log          logr.Logger
	Clock        clock.WithTicker
}

func (o OperationsOptions) withDefaults(c *Client) OperationsOptions {
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.SlowInterval <= 0 {
		o.SlowInterval = 5 * o.PollInterval
	}
	if o.Keep <= 0 {
		o.Keep = time.Hour
	}
	if o.MaxResults <= 0 {
		o.MaxResults = 4096
	}
	if o.Log.GetSink() == nil {
		o.Log = c.opts.Log
	}
	if o.Clock == nil {
		o.Clock = c.opts.Clock
	}
	return o
}

// Operations starts changes, one at a time per NLB, and follows them to their
// end without a caller waiting. When one has ended, the NLB is read fresh into
// the inventory, the result is there, and only then its owner, and those who were
// refused meanwhile, are woken.
type Operations struct {
	client    *Client
	inventory *Inventory
	wake      func(Owner)
	opts      OperationsOptions

	mu      sync.Mutex
	locks   map[Key]*keyLock
	lanes   map[string]*lane               // by zone
	flying  map[string]map[string]*tracked // zone → operation id
	results results
	pollers map[string]*poller
	running context.Context // of Run; nil before
	stopped bool            // no more pollers are started
	loops   sync.WaitGroup
}

// keyLock holds an NLB while changes of it are in flight. More than one are only
// when they were resumed.
type keyLock struct {
	holders int
	refused map[Owner]struct{}
}

// tracked is an operation in flight.
type tracked struct {
	key     Key
	owner   Owner
	op      Operation // as last heard
	since   time.Time
	nextAsk time.Time
	misses  int   // answers in a row that don't know it
	trouble error // why the last question had no answer
	// shown is the NLB as a list showed it when the operation was asked about
	// last: the next question waits until that changes.
	shown fingerprint
}

// NewOperations makes a tracker; Run makes it poll. wake must not block.
func NewOperations(client *Client, inventory *Inventory, wake func(Owner), opts OperationsOptions) *Operations {
	o := &Operations{
		client: client, inventory: inventory, wake: wake, opts: opts.withDefaults(client),
		locks: map[Key]*keyLock{}, lanes: map[string]*lane{}, flying: map[string]map[string]*tracked{}, pollers: map[string]*poller{},
	}
	o.results = results{keep: o.opts.Keep, most: o.opts.MaxResults, clock: o.opts.Clock}
	if source, ok := client.opts.Credentials.(changingSource); ok {
		source.OnChange(o.pollNow)
	}
	return o
}

// Run polls what is in flight until ctx ends; it fits controller-runtime's
// manager.RunnableFunc.
func (o *Operations) Run(ctx context.Context) error {
	o.mu.Lock()
	o.running = ctx
	for zone := range o.flying {
		o.poll(zone) //nolint:contextcheck // it has just been given ctx
	}
	o.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	o.stopped = true
	o.mu.Unlock()
	o.loops.Wait()
	return nil
}

// Start reserves key for owner and calls begin, which makes the one HTTP request
// that starts the change. While another change of the key is in flight it calls
// nobody and returns ErrBusy; owner is woken when that has ended. While many changes
// of the zone begin it returns ErrCrowded, and owner is woken when there is room.
//
// If begin fails, the key is free again. Where the change may have been made, or
// the cloud contradicts what we knew, the key is marked in the inventory, so that
// the next read of it is fresh.
func (o *Operations) Start(ctx context.Context, key Key, owner Owner, begin func(context.Context) (Operation, error)) (Operation, error) {
	key.Zone = o.client.zoneName(key.Zone)
	began, err := o.reserve(key, owner)
	if err != nil {
		return Operation{}, err
	}
	started := false
	defer func() { // also if begin panics
		o.answered(key.Zone, began)
		if !started {
			o.release(key)
		}
	}()
	op, err := begin(ctx)
	if err != nil {
		if castsDoubt(err) {
			o.inventory.Invalidate(key)
		}
		return Operation{}, err
	}
	started = true
	o.mu.Lock()
	defer o.mu.Unlock()
	o.track(key, owner, op) //nolint:contextcheck // it is polled for as long as Run lasts, not this call
	return op, nil
}

// castsDoubt tells whether a refused or lost change puts in question what we
// know: it may have been made, or the cloud isn't as we thought.
func castsDoubt(err error) bool {
	switch ClassOf(err) {
	case Transient:
		return statusOf(err) != http.StatusTooManyRequests
	case NotFound, Conflict, Busy:
		return true
	default:
		return false
	}
}

// Busy tells whether Start would be refused, since another change of the key is in
// flight or many of the zone begin; then owner is woken when that has ended. It
// saves who asks what precedes a Start.
func (o *Operations) Busy(key Key, owner Owner) bool {
	key.Zone = o.client.zoneName(key.Zone)
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refusal(key, owner) != nil
}

// refusal is why a change can't begin now, of which the owner is told when it has
// passed; nil if it can. o.mu is held.
func (o *Operations) refusal(key Key, owner Owner) error {
	if lock := o.locks[key]; lock != nil {
		lock.refused[owner] = struct{}{}
		return ErrBusy
	}
	if l := o.lane(key.Zone); !l.free(o.opts.Clock.Now()) {
		l.queue(owner)
		return ErrCrowded
	}
	return nil
}

// lane of a zone; o.mu is held.
func (o *Operations) lane(zone string) *lane {
	l := o.lanes[zone]
	if l == nil {
		l = &lane{most: o.opts.MaxBeginning}
		o.lanes[zone] = l
	}
	return l
}

// Resume follows an operation that an earlier process started. It calls nobody
// and may be repeated.
func (o *Operations) Resume(key Key, owner Owner, operationID string) {
	key.Zone = o.client.zoneName(key.Zone)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.flying[key.Zone][operationID] != nil || operationID == "" {
		return
	}
	if _, ended := o.results.get(key.Zone, operationID); ended {
		return
	}
	o.hold(key)
	o.track(key, owner, Operation{ID: operationID, State: Pending})
}

// Result tells what is known of an operation, without asking anybody.
func (o *Operations) Result(zone, operationID string) Result {
	zone = o.client.zoneName(zone)
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.flying[zone][operationID]; t != nil {
		return pendingResult(t)
	}
	if result, ended := o.results.get(zone, operationID); ended {
		return result
	}
	return Result{State: Unknown}
}

// Forget drops the result of an operation that its owner has recorded.
func (o *Operations) Forget(zone, operationID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results.forget(o.client.zoneName(zone), operationID)
}

// reserve takes the key and a place to begin, or notes who was refused.
func (o *Operations) reserve(key Key, owner Owner) (began time.Time, refused error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refusal(key, owner); err != nil {
		return time.Time{}, err
	}
	began = o.opts.Clock.Now()
	o.hold(key)
	o.lane(key.Zone).enter(began)
	return began, nil
}

// answered gives back the place of a request that has ended, and wakes who waits.
func (o *Operations) answered(zone string, began time.Time) {
	o.mu.Lock()
	l := o.lane(zone)
	next := l.leave(began, o.opts.Clock.Now())
	if len(l.begun) == 0 && len(l.waiting) == 0 && !l.slow {
		delete(o.lanes, zone)
	}
	o.mu.Unlock()
	for _, owner := range next {
		o.wake(owner)
	}
}

// hold counts one more change of a key; o.mu is held.
func (o *Operations) hold(key Key) {
	lock := o.locks[key]
	if lock == nil {
		lock = &keyLock{refused: map[Owner]struct{}{}}
		o.locks[key] = lock
	}
	lock.holders++
}

// release gives a key back and wakes those who were refused.
func (o *Operations) release(key Key) {
	o.mu.Lock()
	refused := o.letGo(key)
	o.mu.Unlock()
	for _, owner := range refused {
		o.wake(owner)
	}
}

// letGo counts one change of a key less, and gives those to be woken once there
// is none; o.mu is held.
func (o *Operations) letGo(key Key) (refused []Owner) {
	lock := o.locks[key]
	lock.holders--
	if lock.holders > 0 {
		return nil
	}
	delete(o.locks, key)
	for owner := range lock.refused {
		refused = append(refused, owner)
	}
	return refused
}

// track follows an operation from now on; o.mu is held.
func (o *Operations) track(key Key, owner Owner, op Operation) {
	now := o.opts.Clock.Now()
	t := &tracked{key: key, owner: owner, op: op, since: now, nextAsk: now.Add(spread(o.opts.SlowInterval))}
	if id := t.loadBalancerID(); id != "" {
		t.shown = o.inventory.shown(key.Zone, id)
	}
	if o.flying[key.Zone] == nil {
		o.flying[key.Zone] = map[string]*tracked{}
	}
	o.flying[key.Zone][op.ID] = t
	o.countFlying(key.Zone)
	o.poll(key.Zone)
	if op.State != Pending {
		o.kick(key.Zone)
	}
}

func (o *Operations) countFlying(zone string) {
	o.client.metrics.inFlight.WithLabelValues(zone).Set(float64(len(o.flying[zone])))
}

// loadBalancerID is the NLB that the operation is about; empty for a create whose
// answer didn't tell it.
func (t *tracked) loadBalancerID() string {
	if t.key.ID != "" {
		return t.key.ID
	}
	return t.op.ReferenceID
}
