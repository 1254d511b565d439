package nlbservice

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// forwarding is an object whose service goes to a pool.
func forwarding(uid, pool string, generation int64) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Name: uid, UID: types.UID(uid), Generation: generation},
		Status:     v1alpha1.NLBServiceStatus{InstancePoolID: pool},
	}
}

// moving is one whose service was removed from its pool in order to be added with another.
func moving(uid, pool string, generation int64) *v1alpha1.NLBService {
	object := forwarding(uid, pool, generation)
	object.Status.ReplacedAt = &metav1.Time{Time: time.Unix(1, 0)}
	return object
}

// The ways in which an add can fail.
var (
	notPossible = outcome.Blocked(v1alpha1.ReasonCloudError, "no such pool")
	notNow      = outcome.Retry(v1alpha1.ReasonRetrying, "unavailable", nil)
)

func TestRefusals(t *testing.T) {
	blue := moving("web", "blue", 1)
	for name, test := range map[string]struct {
		before   *v1alpha1.NLBService // when the add with the green pool fails
		now      *v1alpha1.NLBService
		pool     string // that now's target means
		told     bool
		instead  string
		forgiven bool
	}{
		"traffic stays with the pool before":         {before: blue, now: blue, pool: "green", told: true, instead: "blue"},
		"also once the service is back":              {before: blue, now: forwarding("web", "blue", 1), pool: "green", told: true, instead: "blue"},
		"nothing has failed":                         {now: blue, pool: "green", instead: "green"},
		"another pool than the refused one is tried": {before: blue, now: blue, pool: "red", instead: "red"},
		"a new spec is tried":                        {before: blue, now: moving("web", "blue", 2), pool: "green", instead: "green"},
		"another object isn't meant":                 {before: blue, now: moving("api", "blue", 1), pool: "green", instead: "green"},
		"there was no pool before to go back to":     {before: moving("web", "", 1), now: blue, pool: "green", instead: "green"},
		"the pool before was the refused one":        {before: moving("web", "green", 1), now: blue, pool: "green", instead: "green"},
		"it wasn't a move but the first add":         {before: forwarding("web", "blue", 1), now: blue, pool: "green", instead: "green"},
		"there is no pool to go back to any more":    {before: blue, now: moving("web", "", 1), pool: "green", told: true, instead: "green"},
		"it was forgotten with the object":           {before: blue, now: blue, pool: "green", forgiven: true, instead: "green"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefusals(clocktesting.NewFakePassiveClock(time.Unix(1000, 0)))
			if test.before != nil {
				r.tries(test.before, "green")
				r.failed(test.before, notPossible)
			}
			if test.forgiven {
				r.forget(test.before.UID)
			}
			for range 2 { // asking changes nothing
				out := r.of(test.now, test.pool)
				if told := out != nil; told != test.told {
					t.Errorf("told: %t", told)
				}
				if out != nil && (!strings.HasPrefix(out.Message, "no such pool. Traffic stays with the instance pool it went to before") || out.After != outcome.BlockedNet) {
					t.Errorf("got %+v", out)
				}
				if got := r.instead(test.now, test.pool); got != test.instead {
					t.Errorf("want pool %q, got %q", test.instead, got)
				}
			}
		})
	}
}

func TestWhichFailuresGoBack(t *testing.T) {
	for name, test := range map[string]struct {
		object *v1alpha1.NLBService
		tried  string
		want   bool
	}{
		"the add that was to move the service": {moving("web", "blue", 1), "green", true},
		"the add that brings it back":          {moving("web", "blue", 1), "blue", false},
		"the first add":                        {forwarding("web", "", 1), "green", false},
		"the add of one that had vanished":     {forwarding("web", "blue", 1), "green", false},
		"nobody knows what was tried":          {moving("web", "blue", 1), "", false}, // after a restart
		"nobody knows where it was":            {moving("web", "", 1), "green", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefusals(clocktesting.NewFakePassiveClock(time.Unix(1000, 0)))
			if test.tried != "" {
				r.tries(test.object, test.tried)
			}
			if got := r.failed(test.object, notPossible); got != test.want {
				t.Errorf("back: %t", got)
			}
			if remembered := r.of(test.object, test.tried) != nil; remembered != test.want {
				t.Errorf("remembered: %t", remembered)
			}
		})
	}
}

func TestARefusalEnds(t *testing.T) {
	for name, test := range map[string]struct {
		out   outcome.Outcome
		after time.Duration
		when  string
	}{
		"what isn't possible": {notPossible, refusedFor, "after an hour"},
		"what may pass":       {notNow, failedFor, "after 10 minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			now := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
			r, object := newRefusals(now), moving("web", "blue", 1)
			r.tries(object, "green")
			r.failed(object, test.out)
			now.SetTime(now.Now().Add(test.after))
			out := r.of(object, "green")
			if out == nil || r.instead(object, "green") != "blue" {
				t.Fatal("it ends too early")
			}
			if !strings.HasSuffix(out.Message, test.when) {
				t.Errorf("%q doesn't say %q", out.Message, test.when)
			}
			want := test.out
			want.Message, want.After = out.Message, outcome.BlockedNet
			if diff := cmp.Diff(want, *out); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			now.SetTime(now.Now().Add(1))
			if r.of(object, "green") != nil || r.instead(object, "green") != "green" {
				t.Error("it doesn't end")
			}
		})
	}
}

func TestTheLastRefusalCounts(t *testing.T) {
	r, object := newRefusals(clocktesting.NewFakePassiveClock(time.Unix(1000, 0))), moving("web", "blue", 1)
	for _, pool := range []string{"green", "red"} {
		r.tries(object, pool)
		r.failed(object, notPossible)
	}
	if r.of(object, "green") != nil || r.of(object, "red") == nil {
		t.Error("want the one of red only")
	}
}

// A move that failed is undone at once: nothing holds up the way back.
func TestBackFrom(t *testing.T) {
	waits := outcome.Waiting(v1alpha1.ReasonWaitingForOperation, "busy")
	for name, test := range map[string]struct {
		object *v1alpha1.NLBService
		op     *v1alpha1.Operation
		out    outcome.Outcome
		back   bool
	}{
		"the add was refused":                       {moving("web", "blue", 1), nil, notPossible, true},
		"its operation failed, and it may be there": {moving("web", "blue", 1), &v1alpha1.Operation{Action: v1alpha1.ActionCreate}, notNow, true},
		"it is still under way, and can't be asked": {moving("web", "blue", 1), &v1alpha1.Operation{Action: v1alpha1.ActionCreate, ID: "op"}, notPossible, false},
		"it waits for another change":               {moving("web", "blue", 1), nil, waits, false},
		"it isn't a move":                           {forwarding("web", "blue", 1), nil, notPossible, false},
		"it was the way back":                       {moving("web", "green", 1), nil, notPossible, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := clocktesting.NewFakeClock(time.Unix(1000, 0))
			r := &Reconciler{journal: journal.New(journal.KindNLBService, nil, now), refusals: newRefusals(now)}
			test.object.Status.Operation = test.op
			round := &round{Object: persist.New[*v1alpha1.NLBService](nil, test.object), object: test.object}
			r.refusals.tries(test.object, "green")
			failed := r.journal.Failed(r.entry(round), outcome.Attempt{}, test.out)

			got := r.backFrom(round, failed)
			want := failed
			if test.back {
				want.After = moveNet
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			pool := map[bool]string{true: "blue", false: "green"}[test.back]
			if got := r.refusals.instead(test.object, "green"); got != pool {
				t.Errorf("it goes to %q, want %q", got, pool)
			}
			again := r.journal.Failed(r.entry(round), outcome.Attempt{}, test.out)
			if anew := again.After < failed.After*3/2; anew != test.back {
				t.Errorf("the next failure after %s waits %s: it begins anew: %t", failed.After, again.After, anew)
			}
		})
	}
}
