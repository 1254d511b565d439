package outcome

import (
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

const uid = "11111111-1111-4111-8111-111111111111"

func TestAChangeThatFailsIsHeldBackForItsDelay(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(time.Now())
	failures := NewFailures(clock)
	if _, holds := failures.Holding(uid, 1); holds {
		t.Error("an object that never failed is held back")
	}
	failed := failures.Failed(uid, 1, Blocked("QuotaExceeded", "m"))
	if failed.After < firstDelay || failed.After > firstDelay+firstDelay/5 {
		t.Errorf("the first delay is %s, want %s and up to a fifth more", failed.After, firstDelay)
	}

	clock.Step(time.Second)
	held, holds := failures.Holding(uid, 1)
	if !holds || held.Reason != "QuotaExceeded" || held.Message != "m" || held.After != failed.After-time.Second {
		t.Errorf("a second later it is %t, %+v; it failed as %+v", holds, held, failed)
	}
	if _, holds := failures.Holding("another", 1); holds {
		t.Error("another object is held back")
	}
	if _, holds := failures.Holding(uid, 2); holds {
		t.Error("a new generation is held back")
	}
	clock.Step(held.After)
	if _, holds := failures.Holding(uid, 1); holds {
		t.Error("it is held back when its time has come")
	}
}

func TestTheDelayGrowsUntilAChangeSucceeds(t *testing.T) {
	t.Parallel()
	failures := NewFailures(testingclock.NewFakeClock(time.Now()))
	delay := func() time.Duration { return failures.Failed(uid, 1, Blocked("r", "m")).After }
	last := delay()
	for range 10 {
		next := delay()
		if next > longestDelay || next < min(2*last, longestDelay) {
			t.Errorf("after %s it is %s", last, next)
		}
		last = next
	}
	if last != longestDelay {
		t.Errorf("the longest delay is %s, want %s", last, longestDelay)
	}
	failures.Succeeded(uid)
	if _, holds := failures.Holding(uid, 1); holds {
		t.Error("it is held back after a success")
	}
	if first := delay(); first > firstDelay+firstDelay/5 {
		t.Errorf("after a success it begins with %s", first)
	}
}
