package exoscale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// ErrLater is in the chain of the error of a read that wasn't waited for: nothing
// is known yet, and whom it concerns is told when it is.
var ErrLater = errors.New("the answer isn't waited for")

// crowd bounds how many callers wait for zones that are slow. Any number may wait
// for a moment, which is all that a healthy zone takes. A few may stay for longer,
// so that what is slow gets done; and as long as they stay, nobody else begins to
// wait. So a zone that hangs doesn't take the workers from the others.
type crowd struct {
	most   int // of a zone; of all zones together twice as many. 0: any number
	moment time.Duration
	clock  clock.WithTicker

	mu      sync.Mutex
	staying map[string]int // by zone
	all     int
}

// wait for the result of a fetch in a zone, or tell that it comes later.
func (c *crowd) wait(ctx context.Context, zone, what string, one *flight) error {
	if c.most <= 0 {
		return one.wait(ctx)
	}
	if !c.full(zone) {
		if ended, err := c.waitAMoment(ctx, one); ended {
			return err
		}
		if c.stay(zone) {
			defer c.leave(zone)
			return one.wait(ctx)
		}
	}
	if !one.leave() {
		return one.err
	}
	return &Error{Class: Transient, cause: ErrLater, Message: fmt.Sprintf("reading %s in zone %s takes long; this is looked at again once Exoscale has answered", what, zone)}
}

// waitAMoment tells whether the fetch has ended, or the caller given up, meanwhile.
func (c *crowd) waitAMoment(ctx context.Context, one *flight) (ended bool, err error) {
	timer := c.clock.NewTimer(c.moment)
	defer timer.Stop()
	select {
	case <-timer.C():
		return false, nil
	case <-ctx.Done():
	case <-one.done:
	}
	return true, one.wait(ctx)
}

func (c *crowd) full(zone string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.staying[zone] >= c.most || c.all >= 2*c.most
}

func (c *crowd) stay(zone string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.staying[zone] >= c.most || c.all >= 2*c.most {
		return false
	}
	if c.staying == nil {
		c.staying = map[string]int{}
	}
	c.staying[zone]++
	c.all++
	return true
}

func (c *crowd) leave(zone string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.staying[zone]--; c.staying[zone] == 0 {
		delete(c.staying, zone)
	}
}
