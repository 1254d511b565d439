package exoscale

import (
	"context"
	"sync"
)

// flights runs one fetch at a time, and lets all who want it share it.
type flights struct {
	fetch func() error

	mu      sync.Mutex
	running *flight
	next    *flight // begins when running has ended
}

type flight struct {
	done chan struct{}
	err  error // set before done is closed
}

// join waits for the fetch that is under way. If there is none, it begins one,
// unless the last has just made that needless.
func (f *flights) join(ctx context.Context, needed func() bool) error {
	f.mu.Lock()
	one := f.running
	if one == nil {
		if !needed() {
			f.mu.Unlock()
			return nil
		}
		one = f.begin()
	}
	f.mu.Unlock()
	return one.wait(ctx)
}

// after waits for a fetch that begins after this call. All who call while one is
// under way share the next.
func (f *flights) after(ctx context.Context) error {
	f.mu.Lock()
	var one *flight
	switch {
	case f.running == nil:
		one = f.begin()
	case f.next == nil:
		f.next = &flight{done: make(chan struct{})}
		one = f.next
	default:
		one = f.next
	}
	f.mu.Unlock()
	return one.wait(ctx)
}

func (f *flights) begin() *flight {
	f.running = &flight{done: make(chan struct{})}
	go f.run(f.running)
	return f.running
}

func (f *flights) run(one *flight) {
	for one != nil {
		one.err = f.fetch()
		close(one.done)
		f.mu.Lock()
		f.running, f.next = f.next, nil
		one = f.running
		f.mu.Unlock()
	}
}

func (one *flight) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return &Error{Class: Transient, Message: "the call was given up", cause: ctx.Err()}
	case <-one.done:
		return one.err
	}
}
