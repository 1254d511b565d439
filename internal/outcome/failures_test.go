package outcome

import (
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

const uid = "11111111-1111-4111-8111-111111111111"

// tried is an attempt at an add, edited.
func tried(edits ...func(*Attempt)) Attempt {
	attempt := Attempt{
		Generation: 1, Action: v1alpha1.ActionCreate, Wants: "port 80",
		Allowance: exoscale.Allowance{Access: 7, Used: 10, Limit: 10},
	}
	for _, edit := range edits {
		edit(&attempt)
	}
	return attempt
}

func TestAChangeThatFailsIsHeldBackForItsDelay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out   Outcome
		first time.Duration
	}{
		"what may pass":             {Retry("r", "m", nil), firstDelay},
		"what a person has to mend": {Blocked("r", "m"), firstHold},
	} {
		t.Run(name, func(t *testing.T) {
			clock := testingclock.NewFakeClock(time.Now())
			failures := NewFailures(clock)
			if _, holds := failures.Holding(uid, tried()); holds {
				t.Error("an object that never failed is held back")
			}
			failed := failures.Failed(uid, tried(), c.out)
			if failed.After < c.first || failed.After > c.first+c.first/5 {
				t.Errorf("the first delay is %s, want %s and up to a fifth more", failed.After, c.first)
			}

			clock.Step(time.Second)
			held, holds := failures.Holding(uid, tried())
			if !holds || held.Reason != "r" || held.Message != "m" || held.After != failed.After-time.Second {
				t.Errorf("a second later it is %t, %+v; it failed as %+v", holds, held, failed)
			}
			if _, holds := failures.Holding("another", tried()); holds {
				t.Error("another object is held back")
			}
			clock.Step(held.After)
			if _, holds := failures.Holding(uid, tried()); holds {
				t.Error("it is held back when its time has come")
			}
		})
	}
}

// TestWhatEndsAHold: what may pass by itself is held back whatever changes but the spec.
// Another change is held back as if the refusal might pass.
func TestWhatEndsAHold(t *testing.T) {
	t.Parallel()
	quota, forbidden := Blocked(v1alpha1.ReasonQuotaExceeded, "m"), Blocked(v1alpha1.ReasonForbidden, "m")
	passing := Retry(v1alpha1.ReasonRetrying, "m", nil)
	for name, c := range map[string]struct {
		edit func(*Attempt)
		// ends of a quota's hold, of another refusal's, and of a passing fault's.
		quota, forbidden, passing bool
		after                     time.Duration
	}{
		"nothing":                {func(*Attempt) {}, false, false, false, 0},
		"a new generation":       {func(a *Attempt) { a.Generation++ }, true, true, true, 0},
		"another action":         {func(a *Attempt) { a.Action = v1alpha1.ActionDelete }, true, true, true, 2 * firstDelay},
		"another wish":           {func(a *Attempt) { a.Wants = "port 81" }, true, true, true, 2 * firstDelay},
		"other credentials":      {func(a *Attempt) { a.Allowance.Access++ }, true, true, false, 0},
		"fewer in use":           {func(a *Attempt) { a.Allowance.Used-- }, true, false, false, 0},
		"more in use":            {func(a *Attempt) { a.Allowance.Used++ }, false, false, false, 0},
		"a higher limit":         {func(a *Attempt) { a.Allowance.Limit++ }, true, false, false, 0},
		"a lower limit":          {func(a *Attempt) { a.Allowance.Limit-- }, false, false, false, 0},
		"an unknown limit":       {func(a *Attempt) { a.Allowance.Limit = 0 }, false, false, false, 0},
		"a wish that isn't told": {func(a *Attempt) { a.Wants = "" }, true, true, true, 2 * firstDelay},
		"an urgent one":          {func(a *Attempt) { a.Urgent = true }, true, true, true, 2 * firstDelay},
	} {
		t.Run(name, func(t *testing.T) {
			for _, of := range []struct {
				out  Outcome
				ends bool
			}{{quota, c.quota}, {forbidden, c.forbidden}, {passing, c.passing}} {
				clock := testingclock.NewFakeClock(time.Now())
				failures := NewFailures(clock)
				failures.Failed(uid, tried(), of.out)
				if _, holds := failures.Holding(uid, tried(c.edit)); c.after > 0 && !holds {
					t.Errorf("after %s it is tried at once", of.out.Reason)
				}
				clock.Step(c.after)
				if _, holds := failures.Holding(uid, tried(c.edit)); holds == of.ends {
					t.Errorf("after %s it ends: %t", of.out.Reason, !holds)
				}
			}
		})
	}
}

// TestTheTightestCounts: memory may have been behind at the moment of the refusal.
func TestTheTightestCounts(t *testing.T) {
	t.Parallel()
	is := func(used int, limit int64) Attempt {
		return tried(func(a *Attempt) { a.Allowance.Used, a.Allowance.Limit = used, limit })
	}
	for name, c := range map[string]struct{ then, tightest, now Attempt }{
		"others were added, and one goes":          {is(9, 10), is(10, 10), is(9, 10)},
		"the quota was lowered, and is raised":     {is(9, 100), is(9, 9), is(9, 10)},
		"the quota becomes known":                  {is(9, 0), is(9, 0), is(9, 10)},
		"nothing is known of the quota in between": {is(9, 9), is(9, 0), is(9, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			failures := NewFailures(testingclock.NewFakeClock(time.Now()))
			failures.Failed(uid, c.then, Blocked(v1alpha1.ReasonQuotaExceeded, "m"))
			for _, seen := range []Attempt{c.then, c.tightest, c.tightest} {
				if _, holds := failures.Holding(uid, seen); !holds {
					t.Errorf("with %+v it is tried", seen.Allowance)
				}
			}
			if _, holds := failures.Holding(uid, c.now); holds {
				t.Error("it is held back though there is more room")
			}
		})
	}
}

// TestAFailureWhoseWishIsUnknownHoldsBackTheAction: after a restart nobody knows what
// the operation wrote that has failed.
func TestAFailureWhoseWishIsUnknownHoldsBackTheAction(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(time.Now())
	failures := NewFailures(clock)
	failures.Failed(uid, tried(func(a *Attempt) { a.Wants = "" }), Blocked(v1alpha1.ReasonForbidden, "m"))
	if _, holds := failures.Holding(uid, tried()); !holds {
		t.Error("it is tried")
	}
	clock.Step(2 * firstDelay)
	if _, holds := failures.Holding(uid, tried()); !holds {
		t.Error("it is tried after a delay")
	}
	if _, holds := failures.Holding(uid, tried(func(a *Attempt) { a.Action = v1alpha1.ActionDelete })); holds {
		t.Error("another action is held back")
	}
}

func TestTheDelayGrowsUntilAChangeSucceeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out            Outcome
		first, longest time.Duration
	}{
		"what may pass":             {Retry("r", "m", nil), firstDelay, longestDelay},
		"what a person has to mend": {Blocked("r", "m"), firstHold, longestHold},
	} {
		t.Run(name, func(t *testing.T) {
			failures := NewFailures(testingclock.NewFakeClock(time.Now()))
			delay := func() time.Duration { return failures.Failed(uid, tried(), c.out).After }
			last := delay()
			for range 10 {
				next := delay()
				if next > c.longest || next < min(2*last, c.longest) {
					t.Errorf("after %s it is %s", last, next)
				}
				last = next
			}
			if last != c.longest {
				t.Errorf("the longest delay is %s, want %s", last, c.longest)
			}
			failures.Succeeded(uid)
			if _, holds := failures.Holding(uid, tried()); holds {
				t.Error("it is held back after a success")
			}
			if first := delay(); first > c.first+c.first/5 {
				t.Errorf("after a success it begins with %s", first)
			}
		})
	}
}

// TestARefusalBeginsAnewAfterAFaultThatPasses: it is another one, most likely.
func TestARefusalBeginsAnewAfterAFaultThatPasses(t *testing.T) {
	t.Parallel()
	failures := NewFailures(testingclock.NewFakeClock(time.Now()))
	for range 5 {
		failures.Failed(uid, tried(), Blocked("r", "m"))
	}
	if after := failures.Failed(uid, tried(), Retry("r", "m", nil)).After; after > longestDelay {
		t.Errorf("a fault that may pass waits %s", after)
	}
	if after := failures.Failed(uid, tried(), Blocked("r", "m")).After; after > firstHold+firstHold/5 {
		t.Errorf("the next refusal waits %s", after)
	}
}
