package exoscale

import (
	"context"
	"sync"
)

// flights runs one fetch at a time, and lets all who want it share it.
type flights struct {
	fetch func() error
	left  func() // called after a fetch for which somebody stopped waiting; nil: nobody

	mu      sync.Mutex
	running *flight
	next    *flight // begins when running has ended
}

// flight is one fetch. Its result is there once done is closed.
type flight struct {
	done chan struct{}
	err  error

	mu    sync.Mutex
	alone bool // somebody stopped waiting for it
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// join waits for the fetch that is under way. If there is none, it begins one,
// unless the last has just made that needless.
func (f *flights) join(ctx context.Context, needed func() bool) error {
	one := f.current(needed)
	if one == nil {
		return nil
	}
	return one.wait(ctx)
}

// after waits for a fetch that begins after this call. All who call while one is
// under way share the next.
func (f *flights) after(ctx context.Context) error { return f.following().wait(ctx) }

// current is the fetch that join waits for; nil if none is needed.
func (f *flights) current(needed func() bool) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil && needed() {
		f.begin()
	}
	return f.running
}

// following is the fetch that after waits for.
func (f *flights) following() *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		f.begin()
		return f.running
	}
	if f.next == nil {
		f.next = newFlight()
	}
	return f.next
}

func (f *flights) begin() {
	f.running = newFlight()
	go f.run(f.running)
}

func (f *flights) run(one *flight) {
	for one != nil {
		if one.end(f.fetch()) && f.left != nil {
			f.left()
		}
		f.mu.Lock()
		f.running, f.next = f.next, nil
		one = f.running
		f.mu.Unlock()
	}
}

// wait for the result.
func (one *flight) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return &Error{Class: Transient, Message: "the call was given up", cause: ctx.Err()}
	case <-one.done:
		return one.err
	}
}

// end tells the result. alone: somebody has stopped waiting for it.
func (one *flight) end(err error) (alone bool) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.err = err
	close(one.done)
	return one.alone
}

// leave stops waiting; false if the result is there.
func (one *flight) leave() bool {
	one.mu.Lock()
	defer one.mu.Unlock()
	select {
	case <-one.done:
		return false
	default:
		one.alone = true
		return true
	}
}
