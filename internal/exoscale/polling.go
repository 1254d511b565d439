package exoscale

import (
	"context"
	"sync"
	"time"
)

const (
	// fewFlying is up to how many operations are asked about at every tick.
	fewFlying = 3
	// askAtOnce is how many questions are under way at a time.
	askAtOnce = 8
	// slowestPoll bounds the growing wait while the cloud can't be asked.
	slowestPoll = 30 * time.Second
	// missesMeanGone is how many times in a row the API must not know an operation
	// until it is believed gone: its start and the first question may race in the cloud.
	missesMeanGone = 2
)

// poller asks about what is in flight in one zone. It lives while there is any.
type poller struct {
	zone   string
	kicked chan struct{} // holds one: don't wait any longer
}

// poll makes sure that a zone is polled; o.mu is held.
func (o *Operations) poll(zone string) {
	if o.running == nil || o.stopped || o.pollers[zone] != nil {
		return
	}
	p := &poller{zone: zone, kicked: make(chan struct{}, 1)}
	o.pollers[zone] = p
	ctx := o.running
	o.loops.Go(func() { o.runPoller(ctx, p) })
}

// kick ends the wait of a zone's poller, if it has one; o.mu is held.
func (o *Operations) kick(zone string) {
	if p := o.pollers[zone]; p != nil {
		select {
		case p.kicked <- struct{}{}:
		default:
		}
	}
}

// pollNow ends every wait: the credentials have changed.
func (o *Operations) pollNow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for zone := range o.pollers {
		o.kick(zone)
	}
}

func (o *Operations) runPoller(ctx context.Context, p *poller) {
	wait := o.opts.PollInterval
	for failures := 0; ; {
		timer := o.opts.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.kicked:
			timer.Stop()
		case <-timer.C():
		}
		err := o.tick(ctx, p.zone)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures, wait = 0, o.opts.PollInterval
		default:
			failures++
			wait = pollDelay(failures, o.opts.PollInterval, err)
			o.opts.Log.V(1).Info("operations can't be polled; trying again", "zone", p.zone, "reason", err.Error(), "after", wait.String())
		}
		if o.idle(p) {
			return
		}
	}
}

// pollDelay doubles the interval up to half a minute, unless the API asked for more.
func pollDelay(failures int, interval time.Duration, err error) time.Duration {
	delay := slowestPoll
	if failures < 10 {
		delay = min(interval<<failures, slowestPoll)
	}
	return spread(max(delay, retryAfterOf(err)))
}

// idle ends a poller whose zone has nothing in flight.
func (o *Operations) idle(p *poller) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.flying[p.zone]) > 0 {
		return false
	}
	delete(o.pollers, p.zone)
	return true
}

// tick looks at what is in flight in a zone once. An error says that the cloud
// could not be asked; what it answered nevertheless is taken.
func (o *Operations) tick(ctx context.Context, zone string) error {
	o.mu.Lock()
	many := len(o.flying[zone]) > fewFlying
	o.mu.Unlock()
	if many {
		if err := o.inventory.refreshList(ctx, zone); err != nil {
			return err
		}
	}
	ended, err := o.ask(ctx, zone, o.due(zone, many))
	if len(ended) > 0 {
		o.readEnded(ctx, zone, ended)
		o.finish(zone, ended)
	}
	return err
}

// due picks the operations to ask about: those that have ended already by their
// first answer, those that the list hints at, and those whose time has come.
func (o *Operations) due(zone string, many bool) []*tracked {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.opts.Clock.Now()
	var due []*tracked
	for _, t := range o.flying[zone] {
		shown := t.shown
		if id := t.loadBalancerID(); many && id != "" {
			shown = o.inventory.shown(zone, id)
		}
		young := now.Sub(t.since) < time.Minute
		if t.op.State != Pending || !now.Before(t.nextAsk) || !many && young || many && hintsAtEnd(t.shown, shown) {
			t.shown = shown
			t.nextAsk = now.Add(spread(o.pace(now.Sub(t.since))))
			due = append(due, t)
		}
	}
	return due
}

// pace is the time between two questions about an operation that isn't hinted at.
func (o *Operations) pace(age time.Duration) time.Duration {
	if age > 10*time.Minute {
		return max(o.opts.SlowInterval, slowestPoll)
	}
	return o.opts.SlowInterval
}

// ask asks about each of these, a few at a time, and gives those that have ended.
// It fails only if no question was answered: trouble with one operation must not
// slow the others.
func (o *Operations) ask(ctx context.Context, zone string, due []*tracked) (ended []*tracked, err error) {
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		slots = make(chan struct{}, askAtOnce)
		heard = 0
	)
	for _, t := range due {
		if t.op.State != Pending {
			mu.Lock()
			ended = append(ended, t)
			heard++
			mu.Unlock()
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			op, failed := o.client.GetOperation(ctx, zone, t.op.ID)
			mu.Lock()
			defer mu.Unlock()
			if failed = o.hear(t, op, failed); failed != nil {
				err = failed
				return
			}
			heard++
			if t.op.State != Pending {
				ended = append(ended, t)
			}
		})
	}
	all.Wait()
	if heard > 0 {
		err = nil
	}
	return ended, err
}

// hear takes the answer to a question about an operation.
func (o *Operations) hear(t *tracked, op Operation, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		if op.ReferenceID == "" {
			op.ReferenceID = t.op.ReferenceID
		}
		op.ID = t.op.ID
		t.op, t.misses, t.trouble = op, 0, nil
		return nil
	case ClassOf(err) == NotFound, ClassOf(err) == Invalid:
		t.nextAsk = time.Time{}
		if t.misses++; t.misses >= missesMeanGone {
			t.op.State = Gone
		}
		return nil
	default:
		t.nextAsk, t.trouble = time.Time{}, err
		return err
	}
}

// readEnded reads the NLBs of ended operations into the inventory: each by
// itself, or with one list. What can't be read is marked, so that whoever is
// woken reads it.
func (o *Operations) readEnded(ctx context.Context, zone string, ended []*tracked) {
	ids := map[string]bool{}
	for _, t := range ended {
		if id := t.loadBalancerID(); id != "" {
			ids[id] = true
		}
		if t.key.ID == "" && t.op.State != Success {
			o.inventory.Invalidate(t.key) // what became of the create is in the list only
		}
	}
	if len(ids) > singleReads {
		if o.inventory.refreshList(ctx, zone) != nil {
			for id := range ids {
				o.inventory.Invalidate(Key{Zone: zone, ID: id})
			}
		}
		return
	}
	for id := range ids {
		if o.inventory.refreshOne(ctx, zone, id) != nil {
			o.inventory.Invalidate(Key{Zone: zone, ID: id})
		}
	}
}

// finish records the results, frees the keys, and wakes owners and refused, each once.
func (o *Operations) finish(zone string, ended []*tracked) {
	wake := map[Owner]struct{}{}
	o.mu.Lock()
	for _, t := range ended {
		if o.flying[zone][t.op.ID] != t {
			continue // it was abandoned meanwhile
		}
		o.results.put(zone, t.op.ID, resultOf(t.op))
		delete(o.flying[zone], t.op.ID)
		wake[t.owner] = struct{}{}
		for _, owner := range o.letGo(t.key) {
			wake[owner] = struct{}{}
		}
	}
	if len(o.flying[zone]) == 0 {
		delete(o.flying, zone)
	}
	o.countFlying(zone)
	o.mu.Unlock()
	for owner := range wake {
		o.wake(owner)
	}
}
