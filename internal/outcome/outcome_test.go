package outcome

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// told is a condition in a word: its status and reason.
func told(conditions []metav1.Condition) map[string]string {
	all := map[string]string{}
	for _, condition := range conditions {
		all[condition.Type] = string(condition.Status) + " " + condition.Reason
	}
	return all
}

func TestWhatAnOutcomeSaysOfTheObject(t *testing.T) {
	t.Parallel()
	programmed := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionProgrammed, Status: status, Reason: "Before"}}
	}
	type conditions = map[string]string
	for name, c := range map[string]struct {
		before []metav1.Condition
		out    Outcome
		want   conditions
	}{
		"done": {nil, Done(), conditions{"Accepted": "True Accepted", "Programmed": "True Programmed", "Ready": "True Ready"}},
		"waiting": {
			programmed(metav1.ConditionTrue), Waiting("Updating", "m"),
			conditions{"Accepted": "True Accepted", "Programmed": "False Updating", "Ready": "False Updating", "Reconciling": "True Updating"},
		},
		"invalid": {
			programmed(metav1.ConditionTrue), Invalid("Invalid", "m"),
			conditions{"Accepted": "False Invalid", "Programmed": "False Invalid", "Ready": "False Invalid", "Stalled": "True Invalid"},
		},
		"blocked": {
			programmed(metav1.ConditionTrue), Blocked("PortConflict", "m"),
			conditions{"Accepted": "True Accepted", "Programmed": "False PortConflict", "Ready": "False PortConflict", "Stalled": "True PortConflict"},
		},
		"unresolved": {
			nil, Unresolved("NotFound", "m"),
			conditions{"Accepted": "False NotFound", "Programmed": "False NotFound", "Ready": "False NotFound", "Stalled": "True NotFound"},
		},
		"a fault, once programmed": {
			programmed(metav1.ConditionTrue), Retry("Retrying", "m", nil),
			conditions{"Accepted": "True Accepted", "Programmed": "Unknown Retrying", "Ready": "Unknown Retrying", "Reconciling": "True Retrying"},
		},
		"a fault again": {
			programmed(metav1.ConditionUnknown), Retry("Retrying", "m", nil),
			conditions{"Accepted": "True Accepted", "Programmed": "Unknown Retrying", "Ready": "Unknown Retrying", "Reconciling": "True Retrying"},
		},
		"a fault, not programmed": {
			programmed(metav1.ConditionFalse), Retry("Retrying", "m", nil),
			conditions{"Accepted": "True Accepted", "Programmed": "False Retrying", "Ready": "False Retrying", "Reconciling": "True Retrying"},
		},
		"a fault, never looked at": {
			nil, Retry("Retrying", "m", nil),
			conditions{"Accepted": "True Accepted", "Programmed": "False Retrying", "Ready": "False Retrying", "Reconciling": "True Retrying"},
		},
		"wrong credentials, once programmed": {
			programmed(metav1.ConditionTrue), Blocked(v1alpha1.ReasonInvalidCredentials, "m"),
			conditions{"Accepted": "True Accepted", "Programmed": "Unknown InvalidCredentials", "Ready": "Unknown InvalidCredentials", "Stalled": "True InvalidCredentials"},
		},
		"forbidden, once programmed": {
			programmed(metav1.ConditionTrue), Blocked(v1alpha1.ReasonForbidden, "m"),
			conditions{"Accepted": "True Accepted", "Programmed": "Unknown Forbidden", "Ready": "Unknown Forbidden", "Stalled": "True Forbidden"},
		},
		"wrong credentials from the beginning": {
			nil, Blocked(v1alpha1.ReasonInvalidCredentials, "m"),
			conditions{"Accepted": "True Accepted", "Programmed": "False InvalidCredentials", "Ready": "False InvalidCredentials", "Stalled": "True InvalidCredentials"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.before
			c.out.Describe(&got, 7)
			if diff := cmp.Diff(c.want, told(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, condition := range got {
				if condition.ObservedGeneration != 7 {
					t.Errorf("%s is of generation %d", condition.Type, condition.ObservedGeneration)
				}
				if bad := condition.Status != metav1.ConditionTrue || condition.Type == "Reconciling" || condition.Type == "Stalled"; bad && condition.Message != "m" {
					t.Errorf("%s says %q", condition.Type, condition.Message)
				}
			}
		})
	}
}

func TestWhatNoLongerStandsGoes(t *testing.T) {
	t.Parallel()
	var conditions []metav1.Condition
	Waiting("Creating", "m").Describe(&conditions, 1)
	Blocked("PortConflict", "m").Describe(&conditions, 1)
	if got := told(conditions); got["Reconciling"] != "" || got["Stalled"] == "" {
		t.Errorf("blocked after waiting: %v", got)
	}
	Done().Describe(&conditions, 2)
	want := map[string]string{"Accepted": "True Accepted", "Programmed": "True Programmed", "Ready": "True Ready"}
	if diff := cmp.Diff(want, told(conditions)); diff != "" {
		t.Errorf("done after that (-want +got)\n%s", diff)
	}
}

func TestTheSameOutcomeChangesNothing(t *testing.T) {
	t.Parallel()
	for _, out := range []Outcome{Done(), Waiting("Creating", "m"), Invalid("Invalid", "m"), Blocked("Forbidden", "m"), Unresolved("NotFound", "m"), Retry("Retrying", "m", nil)} {
		var conditions []metav1.Condition
		Done().Describe(&conditions, 1)
		out.Describe(&conditions, 1)
		before := append([]metav1.Condition(nil), conditions...)
		out.Describe(&conditions, 1)
		if diff := cmp.Diff(before, conditions); diff != "" {
			t.Errorf("%s told twice (-first +second)\n%s", out.Kind, diff)
		}
	}
}

// A restart, or a zone that is slow, must not have every object written twice.
func TestWhatIsNotKnownYetIsNoNews(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{
		&exoscale.Error{Class: exoscale.Transient, Message: "later"},
		fmt.Errorf("waited: %w", errors.Join(&exoscale.Error{Class: exoscale.Transient, Message: "m"}, exoscale.ErrLater)),
	} {
		quiet := errors.Is(cause, exoscale.ErrLater)
		for _, before := range []Outcome{Done(), Waiting("Creating", "m"), Blocked("PortConflict", "m")} {
			var conditions []metav1.Condition
			before.Describe(&conditions, 2)
			was := slices.Clone(conditions)
			out := FromCloud("Looking the NLB up", cause)
			out.Describe(&conditions, 2)
			if same := cmp.Equal(was, conditions); same != quiet {
				t.Errorf("%s, then %v: the same: %t", before.Kind, cause, same)
			}
			if out.Describe(&conditions, 3); told(conditions)["Reconciling"] != "True Retrying" {
				t.Errorf("of a new generation it is told: %v", told(conditions))
			}
			if result, err := out.Result(nil); err != nil || result.RequeueAfter < retryNet {
				t.Errorf("it is looked at again: %v, %v", result, err)
			}
		}
		var conditions []metav1.Condition
		FromCloud("Looking the NLB up", cause).Describe(&conditions, 1)
		if told(conditions)["Ready"] != "False Retrying" {
			t.Errorf("of a new object it is told: %v", told(conditions))
		}
	}
}

func TestWhatTheWorkQueueDoesNext(t *testing.T) {
	t.Parallel()
	fault, unwritten := errors.New("fault"), errors.New("unwritten")
	for name, c := range map[string]struct {
		out   Outcome
		patch error
		after time.Duration // at the least; up to a fifth more
		err   error
	}{
		"done":                             {Done(), nil, 0, nil},
		"invalid":                          {Invalid("r", "m"), nil, 0, nil},
		"waiting":                          {Waiting("r", "m"), nil, WaitingNet, nil},
		"waiting for something soon":       {Waiting("r", "m").Within(time.Second), nil, time.Second, nil},
		"waiting, no longer than a minute": {Waiting("r", "m").Within(time.Hour), nil, WaitingNet, nil},
		"blocked":                          {Blocked("r", "m"), nil, BlockedNet, nil},
		"unresolved":                       {Unresolved("r", "m"), nil, BlockedNet, nil},
		"within, where nothing is to come": {Done().Within(time.Second), nil, 0, nil},
		"an unexpected error":              {Retry("r", "m", fault), nil, 0, fault},
		"a passing fault":                  {FromCloud("x", errors.New("reset")), nil, retryNet, nil},
		"the status could not be written":  {Waiting("r", "m"), unwritten, 0, unwritten},
		"neither went well":                {Retry("r", "m", fault), unwritten, 0, unwritten},
		"done, but that can't be written":  {Done(), unwritten, 0, unwritten},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				got, err := c.out.Result(c.patch)
				if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
					t.Fatalf("the error is %v, want %v", err, c.err)
				}
				if got.RequeueAfter < c.after || got.RequeueAfter > c.after+c.after/5 {
					t.Fatalf("after %s, want %s and up to a fifth more", got.RequeueAfter, c.after)
				}
				if c.after == 0 && got != (reconcile.Result{}) {
					t.Fatalf("the result is %+v", got)
				}
			}
		})
	}
}

func TestDelaysAreSpread(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 50 {
		result, _ := Waiting("r", "m").Result(nil)
		seen[result.RequeueAfter] = true
	}
	if len(seen) < 10 {
		t.Errorf("fifty objects look again at %d points in time", len(seen))
	}
}

func TestWhatAFailureOfTheCloudMeans(t *testing.T) {
	t.Parallel()
	for class, c := range map[exoscale.Class]struct {
		kind        Kind
		reason      string
		notAccepted bool
		after       time.Duration
		say         string
	}{
		exoscale.InvalidCredentials: {KindBlocked, v1alpha1.ReasonInvalidCredentials, false, BlockedNet, "EXOSCALE_API_KEY"},
		exoscale.Forbidden:          {KindBlocked, v1alpha1.ReasonForbidden, false, BlockedNet, "IAM role"},
		exoscale.QuotaExceeded:      {KindBlocked, v1alpha1.ReasonQuotaExceeded, false, BlockedNet, "higher quota"},
		exoscale.UnknownZone:        {KindBlocked, v1alpha1.ReasonUnknownZone, true, BlockedNet, "in the cloud's words. Have whoever runs the operator correct --zone"},
		exoscale.Busy:               {KindWaiting, v1alpha1.ReasonWaitingForOperation, false, busyNet, "another change of the same NLB"},
		exoscale.Invalid:            {KindBlocked, v1alpha1.ReasonCloudError, false, BlockedNet, "in the cloud's words. Correct what it names"},
		exoscale.Oversized:          {KindBlocked, v1alpha1.ReasonCloudError, false, BlockedNet, "in the cloud's words. Correct what it names"},
		exoscale.Blocked:            {KindBlocked, v1alpha1.ReasonCloudError, false, BlockedNet, "in the cloud's words. Correct what it names"},
		exoscale.Transient:          {KindRetry, v1alpha1.ReasonRetrying, false, retryNet, "in the cloud's words"},
		exoscale.NotFound:           {KindRetry, v1alpha1.ReasonRetrying, false, retryNet, "in the cloud's words"},
		exoscale.Conflict:           {KindRetry, v1alpha1.ReasonRetrying, false, retryNet, "in the cloud's words"},
	} {
		t.Run(string(class), func(t *testing.T) {
			got := FromCloud("Creating the NLB", &exoscale.Error{Class: class, Message: "in the cloud's words"})
			if !strings.HasPrefix(got.Message, "Creating the NLB: ") || !strings.Contains(got.Message, c.say) {
				t.Errorf("it says %q, want %q", got.Message, c.say)
			}
			got.Message = ""
			want := Outcome{Kind: c.kind, Reason: c.reason, NotAccepted: c.notAccepted, After: c.after}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestHowFarAnOperationIs(t *testing.T) {
	t.Parallel()
	op := v1alpha1.Operation{Action: v1alpha1.ActionCreate, ID: "op1", Name: "web"}
	for name, c := range map[string]struct {
		result  exoscale.Result
		waiting bool
		failure string
		reason  string
		say     string
	}{
		"succeeded":                 {exoscale.Result{State: exoscale.Success}, false, "", "", ""},
		"forgotten":                 {exoscale.Result{State: exoscale.Gone}, false, "", "", ""},
		"failed":                    {exoscale.Result{State: exoscale.Failure, Class: exoscale.Conflict, Message: "no room"}, false, "no room", "", ""},
		"under way":                 {exoscale.Result{State: exoscale.Pending}, true, "", v1alpha1.ReasonCreating, `Creating "web" at Exoscale (operation op1)`},
		"under way, can't ask":      {exoscale.Result{State: exoscale.Pending, Class: exoscale.Transient, Message: "no route"}, true, "", v1alpha1.ReasonCreating, "can't be asked for: no route"},
		"under way, mayn't ask":     {exoscale.Result{State: exoscale.Pending, Class: exoscale.Forbidden, Message: "no right"}, true, "", v1alpha1.ReasonForbidden, `Creating "web" at Exoscale (operation op1): no right. Allow`},
		"under way, wrong key":      {exoscale.Result{State: exoscale.Pending, Class: exoscale.InvalidCredentials, Message: "no key"}, true, "", v1alpha1.ReasonInvalidCredentials, `Creating "web" at Exoscale (operation op1): no key. Check`},
		"known from before":         {exoscale.Result{State: exoscale.Unknown}, true, "", v1alpha1.ReasonCreating, `Creating "web"`},
		"failed, for want of right": {exoscale.Result{State: exoscale.Failure, Class: exoscale.Forbidden, Message: "no right"}, false, "no right", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, waiting, failure := Progress(op, c.result)
			if waiting != c.waiting || (failure == nil) != (c.failure == "") || failure != nil && !strings.Contains(failure.Error(), c.failure) {
				t.Errorf("waiting %t, failure %v", waiting, failure)
			}
			if !strings.Contains(out.Message, c.say) || out.Reason != c.reason {
				t.Errorf("the outcome is %+v, want %s: %q", out, c.reason, c.say)
			}
			// Only somebody who acts can help where the cloud doesn't let us ask.
			toAct := c.reason == v1alpha1.ReasonForbidden || c.reason == v1alpha1.ReasonInvalidCredentials
			if want := map[bool]Kind{true: KindBlocked, false: KindWaiting}[toAct]; c.waiting && out.Kind != want {
				t.Errorf("it is %s, want %s", out.Kind, want)
			}
		})
	}
}

func TestWhatIsUnderWayIsNamed(t *testing.T) {
	t.Parallel()
	for action, want := range map[v1alpha1.OperationAction][2]string{
		v1alpha1.ActionCreate:  {v1alpha1.ReasonCreating, "Creating"},
		v1alpha1.ActionDelete:  {v1alpha1.ReasonDeleting, "Deleting"},
		v1alpha1.ActionAdopt:   {v1alpha1.ReasonUpdating, "Taking over"},
		v1alpha1.ActionRelease: {v1alpha1.ReasonUpdating, "Releasing"},
		v1alpha1.ActionUpdate:  {v1alpha1.ReasonUpdating, "Updating"},
	} {
		out, _, _ := Progress(v1alpha1.Operation{Action: action}, exoscale.Result{State: exoscale.Pending})
		if out.Reason != want[0] || !strings.HasPrefix(out.Message, want[1]+" ") {
			t.Errorf("%s is told as %s: %s", action, out.Reason, out.Message)
		}
	}
}

// A status with a longer message could never be written again.
func TestNoConditionIsLongerThanTheAPIServerTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"of letters": strings.Repeat("é", 1<<19), "that isn't UTF-8": strings.Repeat("\xffa", 1<<19)} {
		for _, out := range []Outcome{Invalid("Invalid", text), Waiting("Creating", text), Retry("Retrying", text, nil), Unresolved("NotFound", text)} {
			var conditions []metav1.Condition
			out.Describe(&conditions, 1)
			for _, condition := range conditions {
				if len(condition.Message) > brief.Condition || !utf8.ValidString(condition.Message) {
					t.Errorf("a text %s: %s of %s has %d bytes", name, condition.Type, out.Kind, len(condition.Message))
				}
			}
		}
	}
}
