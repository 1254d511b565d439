package exoscale

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

const (
	// firstRetry and slowestRetry bound the growing wait after a failed list.
	firstRetry   = time.Second
	slowestRetry = 30 * time.Second
)

// listing keeps one list of one zone: it reads it at the interval, and sooner
// after a failure. A failure is kept and told to everybody until a read succeeds,
// so that a cloud that can't be reached isn't asked by every object. While run
// works, it alone reads after a failure, and who asks is told of that at once;
// without it, as in a program that ends soon, who asks reads.
type listing struct {
	flights
	zone, what string
	read       func(context.Context) error // fetches and stores
	limit      time.Duration               // ends a fetch however it hangs
	crowd      *crowd
	interval   time.Duration
	turned     func(error) // called when trouble begins, changes its class or ends
	clock      clock.WithTicker
	log        logr.Logger
	kicked     chan struct{} // holds one
	looping    atomic.Bool   // run works
	healed     atomic.Uint64 // how often it has become readable again
	wantedAt   time.Time     // guarded by Inventory.mu

	state    sync.Mutex
	err      error
	failures int
	readAt   time.Time // when the last successful read ended; zero: never
	began    time.Time // when the last read began
	// storedBegan is when the read began whose result is stored; zero: never.
	storedBegan time.Time
	due         time.Time // of the next read
}

func (l *listing) init() {
	l.kicked = make(chan struct{}, 1)
	l.fetch = l.refresh
}

// ready returns nil if what was stored can be given out. The first call reads.
func (l *listing) ready(ctx context.Context) error {
	for {
		lacking, err := l.stored()
		if !lacking {
			return err
		}
		one := l.current(func() bool { lacking, _ := l.stored(); return lacking })
		if one == nil {
			continue
		}
		if err := l.crowd.wait(ctx, l.zone, l.what, one); err != nil {
			return err
		}
	}
}

// fresh returns nil once what was stored is of a read that began after this call.
// While run works, a failure that is kept is an answer, too.
func (l *listing) fresh(ctx context.Context) error {
	if _, err := l.stored(); err != nil && l.looping.Load() {
		return err
	}
	return l.crowd.wait(ctx, l.zone, l.what, l.following())
}

// stored tells whether a read is due before what was stored can be given out, and
// what stands against giving it out.
func (l *listing) stored() (lacking bool, err error) {
	l.state.Lock()
	defer l.state.Unlock()
	if l.err == nil {
		return l.readAt.IsZero(), nil
	}
	return !l.looping.Load() && !l.clock.Now().Before(l.due), l.err
}

// untilDue is how long it is to the next read.
func (l *listing) untilDue() time.Duration {
	l.state.Lock()
	defer l.state.Unlock()
	return l.due.Sub(l.clock.Now())
}

// refresh is the one place where the list is read.
func (l *listing) refresh() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.limit)
	defer cancel()
	l.state.Lock()
	l.began = l.clock.Now()
	l.state.Unlock()

	err := l.read(ctx)

	l.state.Lock()
	now := l.clock.Now()
	before := l.err
	l.err = err
	if err == nil {
		l.failures, l.readAt, l.due, l.storedBegan = 0, now, now.Add(spread(l.interval)), l.began
	} else {
		l.failures++
		l.due = now.Add(retryDelay(l.failures, l.interval, err))
	}
	l.state.Unlock()
	l.kick() // the loop's timer was set before this read

	if before != nil && err == nil {
		l.healed.Add(1)
	}
	if !sameTrouble(before, err) {
		l.turned(err)
	}
	return err
}

// run reads the list whenever it is due, until ctx ends.
func (l *listing) run(ctx context.Context) {
	for {
		wait := l.untilDue()
		if wait <= 0 {
			_ = l.join(ctx, func() bool { return l.untilDue() <= 0 }) // kept in l.err
			if ctx.Err() != nil {
				return
			}
			continue
		}
		timer := l.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-l.kicked:
		case <-timer.C():
		}
		timer.Stop()
	}
}

// soon makes the list due now.
func (l *listing) soon() {
	l.state.Lock()
	l.due = time.Time{}
	l.state.Unlock()
	l.kick()
}

func (l *listing) kick() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// age is how old what is stored is; of what could never be read, how long it has
// been wanted. Inventory.mu is held.
func (l *listing) age() time.Duration {
	l.state.Lock()
	defer l.state.Unlock()
	if l.readAt.IsZero() {
		return l.clock.Since(l.wantedAt)
	}
	return l.clock.Since(l.readAt)
}

// beganWithin tells whether a read that succeeded began no longer than d ago.
func (l *listing) beganWithin(d time.Duration) bool {
	l.state.Lock()
	defer l.state.Unlock()
	return l.err == nil && !l.readAt.IsZero() && l.clock.Since(l.began) < d
}

// lastBegan is when the read began whose result is stored; zero if none is.
func (l *listing) lastBegan() time.Time {
	l.state.Lock()
	defer l.state.Unlock()
	if l.err != nil {
		return time.Time{}
	}
	return l.storedBegan
}

// retryDelay doubles from a second to half a minute, or to the interval if that
// is shorter, unless the API asked for more.
func retryDelay(failures int, interval time.Duration, err error) time.Duration {
	longest := max(min(slowestRetry, interval), time.Millisecond)
	delay := longest
	if shift := failures - 1; shift < 10 {
		delay = min(firstRetry<<shift, longest)
	}
	return spread(max(delay, retryAfterOf(err)))
}

// spread adds up to a tenth, so that zones and lists don't march in step.
func spread(d time.Duration) time.Duration {
	return d + rand.N(d/10+1)
}

// sameTrouble compares by class and status: texts differ by the port of a
// connection.
func sameTrouble(a, b error) bool {
	return (a == nil) == (b == nil) && ClassOf(a) == ClassOf(b) && statusOf(a) == statusOf(b)
}
