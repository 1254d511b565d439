package exosim

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Cloud is a simulated Exoscale. It is an http.Handler, and safe for concurrent
// use.
//
// Its methods that arrange things act at once, without an operation, as if
// somebody else had done it before. They panic if they name a zone or object
// that doesn't exist: that is a mistake in the test. Where they take a zone, ""
// is the first one, and "acme/ch-gva-2" that of the organization acme, whose keys
// say so (see Key).
type Cloud struct {
	opts    Options
	keys    *keyring
	calls   *callBook
	faults  *faultBook
	limiter *rate.Limiter
	plane   *plane // nil without a data plane
	closed  chan struct{}
	close   sync.Once

	mu         sync.Mutex
	order      []string
	zones      map[string]*zone
	others     map[string]*zone // see otherZone
	operations operations
	delay      time.Duration
	// addressless NLBs stay without an IP.
	addressless bool
	// cascades: an NLB is deleted with its services.
	cascades    bool
	nlbIPs      addressBlock
	instanceIPs addressBlock
}

// New makes a cloud. The errors are about the options and, with a data plane,
// about the addresses it needs.
func New(opts Options) (*Cloud, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	c := &Cloud{
		opts:        opts,
		keys:        &keyring{},
		calls:       newCallBook(),
		faults:      &faultBook{},
		closed:      make(chan struct{}),
		order:       opts.Zones,
		zones:       map[string]*zone{},
		others:      map[string]*zone{},
		operations:  newOperations(),
		delay:       opts.OperationDelay,
		cascades:    opts.CascadeDelete,
		nlbIPs:      sharedNLBAddresses,
		instanceIPs: sharedInstanceAddresses,
	}
	if opts.RateLimit > 0 {
		c.limiter = rate.NewLimiter(rate.Limit(opts.RateLimit), max(1, int(opts.RateLimit)))
	}
	if opts.DataPlane {
		if err := c.startPlane(); err != nil {
			return nil, err
		}
	}
	if err := c.checkFaults(); err != nil {
		return nil, err
	}
	c.seed()
	return c, nil
}

// seed fills the zones for the first time.
func (c *Cloud) seed() {
	for _, name := range c.order {
		z := &zone{name: name, busy: map[string]string{}, state: newZoneState()}
		c.zones[name] = z
	}
	for _, seed := range c.opts.State.zones {
		c.seedZone(c.zones[seed.name], seed)
	}
	for _, z := range c.zones {
		z.initial, z.past = z.state, nil
	}
	c.resetKeys()
	c.resetFaults()
	c.syncPlane()
}

func (c *Cloud) resetKeys() {
	keys := slices.Clone(c.opts.State.keys)
	if c.opts.Key != "" {
		keys = append(keys, Key{Key: c.opts.Key, Secret: c.opts.Secret})
	}
	c.keys.replace(keys)
}

// AdminKey is the API key of the Options, or else the first one of the state
// file that may do everything, or else its first one.
func (c *Cloud) AdminKey() Key {
	if c.opts.Key != "" {
		return Key{Key: c.opts.Key, Secret: c.opts.Secret}
	}
	keys := c.opts.State.keys
	return keys[max(0, slices.IndexFunc(keys, func(k Key) bool { return k.Operations == nil }))]
}

// Zones are the names of the zones, in order.
func (c *Cloud) Zones() []string { return slices.Clone(c.order) }

// Reset makes the cloud what it was when it was made: state, keys, settings and
// the faults of the Options; no operations, no calls counted.
func (c *Cloud) Reset() {
	c.mu.Lock()
	for _, z := range c.zones {
		z.state, z.past, z.busy = z.initial, nil, map[string]string{}
	}
	c.others = map[string]*zone{}
	c.operations = newOperations()
	c.delay, c.addressless, c.cascades = c.opts.OperationDelay, false, c.opts.CascadeDelete
	c.mu.Unlock()
	c.resetKeys()
	c.resetFaults()
	c.calls.reset()
	c.syncPlane()
}

// Close ends the data plane and what waits inside requests. The cloud still
// answers afterwards, without moving traffic.
func (c *Cloud) Close() error {
	var err error
	c.close.Do(func() {
		close(c.closed)
		if c.plane != nil {
			err = c.plane.stop()
		}
	})
	return err
}

// look runs f on a zone, in which all that is due has been settled.
func (c *Cloud) look(zoneName string, f func(z *zone, now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opts.Clock.Now()
	c.settle(now)
	f(c.zone(zoneName), now)
}

// arrange changes a zone at once.
func (c *Cloud) arrange(zoneName string, edit func(s *zoneState)) {
	c.look(zoneName, func(z *zone, now time.Time) { z.change(now, edit) })
	c.syncPlane()
}

// zone needs mu.
func (c *Cloud) zone(name string) *zone {
	if name == "" {
		name = c.order[0]
	}
	if z, is := c.otherZoneNamed(name); is {
		return z
	}
	z, found := c.zones[name]
	if !found {
		panic(fmt.Sprintf("exosim: there is no zone %q", name))
	}
	return z
}

// SetOperationDelay sets how long operations take that are started from now on.
func (c *Cloud) SetOperationDelay(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

// SetAddressless makes NLBs that are created from now on stay without an IP, or
// get one again.
func (c *Cloud) SetAddressless(addressless bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addressless = addressless
}

// SetCascadeDelete says whether an NLB may be deleted with its services from now
// on, as Options.CascadeDelete does at the beginning.
func (c *Cloud) SetCascadeDelete(cascades bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cascades = cascades
}
