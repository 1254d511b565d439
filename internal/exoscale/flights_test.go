package exoscale

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestFlightsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetches, ended atomic.Int32
		land := make(chan struct{})
		f := &flights{fetch: func() error {
			fetches.Add(1)
			<-land
			return nil
		}}
		needed := true
		join := func(ctx context.Context) error { return f.join(ctx, func() bool { return needed }) }
		call := func(wait func(context.Context) error) {
			go func() {
				if wait(t.Context()) == nil {
					ended.Add(1)
				}
			}()
			synctest.Wait()
		}
		expect := func(when string, wantFetches, wantEnded int32) {
			t.Helper()
			synctest.Wait()
			if fetches.Load() != wantFetches || ended.Load() != wantEnded {
				t.Errorf("%s: %d fetches, %d ended; want %d, %d", when, fetches.Load(), ended.Load(), wantFetches, wantEnded)
			}
		}
		call(join)
		for range 20 {
			call(join)
			call(f.after)
		}
		expect("under way", 1, 0)

		gaveUp, cancel := context.WithCancel(t.Context())
		cancel()
		if got := ClassOf(f.after(gaveUp)); got != Transient {
			t.Errorf("who gives up gets %q", got)
		}

		land <- struct{}{}
		expect("those who joined have their answer, those after it one more fetch", 2, 21)
		land <- struct{}{}
		expect("all have theirs", 2, 41)
		call(f.after)
		expect("with none under way, a new one begins", 3, 41)
		land <- struct{}{}
		expect("it lands", 3, 42)
		needed = false
		call(join)
		expect("a fetch that isn't needed any more isn't made", 3, 43)
	})
}
