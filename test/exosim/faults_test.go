package exosim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const create = "create-load-balancer"

// create asks for an NLB and tells what became of the call.
func (w *world) create(name string) (*v3.Operation, error) {
	return w.sdk.CreateLoadBalancer(context.Background(), v3.CreateLoadBalancerRequest{Name: name})
}

// names are those of the NLBs that there are.
func (w *world) names() []string {
	names := []string{}
	for _, lb := range w.LoadBalancers("") {
		names = append(names, lb.Name)
	}
	return names
}

func TestAFaultHitsTheCallsThatItsRuleCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nth, count int
		want       string // x for each of six calls that is hit
	}{
		"all":                 {0, 0, "xxxxxx"},
		"the second":          {2, 0, ".x...."},
		"the first three":     {0, 3, "xxx..."},
		"two from the fourth": {4, 2, "...xx."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := given(t)
			w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultStatus, Nth: c.nth, Count: c.count})
			var got strings.Builder
			for n := range 6 {
				must(t, "", w.listed()) // of another operation: neither hit nor counted
				if _, err := w.create(fmt.Sprint(n)); err != nil {
					got.WriteString("x")
				} else {
					got.WriteString(".")
				}
			}
			if got.String() != c.want {
				t.Errorf("hit %s, want %s", got.String(), c.want)
			}
		})
	}
}

func (w *world) listed() error {
	_, err := w.sdk.ListLoadBalancers(context.Background())
	return err
}

func TestChanceIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	hits := func(seed uint64) string {
		w := given(t)
		w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Probability: 0.5, Seed: seed})
		var got strings.Builder
		for range 40 {
			fmt.Fprint(&got, w.listed() != nil, " ")
		}
		return got.String()
	}
	first := hits(1)
	if again := hits(1); first != again {
		t.Errorf("seed 1 hit\n%s and then\n%s", first, again)
	}
	if first == hits(2) {
		t.Error("seeds 1 and 2 hit the same calls")
	}
	if !strings.Contains(first, "true") || !strings.Contains(first, "false") {
		t.Errorf("half of the calls should be hit: %s", first)
	}
}

func TestAStatusFaultAnswersWithoutDoingAnything(t *testing.T) {
	t.Parallel()
	w := given(t)
	remove := w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Zone: exosim.DefaultZone, Operation: "*"})
	_, err := w.create("web")
	refusedAs(t, err, v3.ErrServiceUnavailable, "simulated failure")
	remove()

	w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Status: 429, RetryAfter: 7, Message: "slow down"})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/v2/zone", http.NoBody)
	request = must(t, request, err)
	response, err := http.DefaultClient.Do(request)
	response = must(t, response, err)
	defer response.Body.Close()
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "7" {
		t.Errorf("answered with %d and Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
	w.ClearFaults()
	if got := w.names(); len(got) != 0 {
		t.Errorf("made %v", got)
	}
}

func TestAResetLosesTheReplyAndWithItTheEffectOrNot(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultResetBefore, Nth: 1})
	w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultResetAfter, Nth: 2})
	var api *v3.APIError
	for _, name := range []string{"before", "after"} {
		if _, err := w.create(name); err == nil || errors.As(err, &api) {
			t.Errorf("%s: the connection wasn't cut: %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"after"}, w.names()); diff != "" {
		t.Errorf("NLBs (-want +got)\n%s", diff)
	}
	calls := w.MutatingCalls()
	if len(calls) != 2 || calls[0].Status != 0 || calls[1].Status != 200 {
		t.Errorf("the journal says %+v", calls)
	}
}

func TestLatencyHoldsTheAnswerBack(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultLatency, Latency: time.Hour})
	ctx, giveUp := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer giveUp()
	_, err := w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
	if err := w.listed(); err != nil {
		t.Errorf("another call was hit: %v", err)
	}
	w.ClearFaults()
	w.Fault(exosim.Fault{Kind: exosim.FaultLatency, Latency: time.Millisecond})
	w.nlb("web")
}

func TestAnOperationFailsForTheReasonGiven(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultOperationFailure, Reason: "busy", Message: "not now", Nth: 1})
	op, err := w.create("web")
	if op = must(t, op, err); op.State != v3.OperationStatePending {
		t.Errorf("at once the operation is %s", op.State)
	}
	w.clock.pass(time.Second)
	op = w.ended(op, nil)
	if op.State != v3.OperationStateFailure || op.Reason != "busy" || op.Message != "not now" {
		t.Errorf("it ended as %s: %s (%s)", op.State, op.Message, op.Reason)
	}
	if got := w.names(); len(got) != 0 {
		t.Errorf("the operation that failed made %v", got)
	}

	w.Fault(exosim.Fault{Operation: create, Kind: exosim.FaultOperationFailure, Timeout: true, Immediate: true, Nth: 1})
	op, err = w.create("web")
	if op = must(t, op, err); op.State != v3.OperationStateTimeout || op.Reason != "unknown" {
		t.Errorf("the second operation is answered as %s (%s), want timeout at once", op.State, op.Reason)
	}
}

// TestAFailedOperationLeavesWhatItsEffectSays goes through every change of an
// NLB and its services, and each effect.
func TestAFailedOperationLeavesWhatItsEffectSays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	type state struct{ LB, Description, Service, Port string } // "" where there is none
	was := state{"running", "front", "running", "80"}
	for operation, c := range map[string]struct {
		change            func(w *world, lb, service v3.UUID) (*v3.Operation, error)
		undone, done, bad state
	}{
		"update-load-balancer": {
			func(w *world, lb, _ v3.UUID) (*v3.Operation, error) {
				return w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "new"})
			}, was, state{"running", "new", "running", "80"}, state{"error", "front", "running", "80"},
		},
		"reset-load-balancer-field": {
			func(w *world, lb, _ v3.UUID) (*v3.Operation, error) {
				return w.sdk.ResetLoadBalancerField(ctx, lb, v3.ResetLoadBalancerFieldFieldDescription)
			}, was, state{"running", "", "running", "80"}, state{"error", "front", "running", "80"},
		},
		"delete-load-balancer": {
			func(w *world, lb, _ v3.UUID) (*v3.Operation, error) { return w.sdk.DeleteLoadBalancer(ctx, lb) },
			was, state{}, state{"error", "front", "running", "80"},
		},
		"update-load-balancer-service": {
			func(w *world, lb, service v3.UUID) (*v3.Operation, error) {
				return w.sdk.UpdateLoadBalancerService(ctx, lb, service, v3.UpdateLoadBalancerServiceRequest{Port: 81})
			}, was, state{"running", "front", "running", "81"}, state{"running", "front", "error", "80"},
		},
		"delete-load-balancer-service": {
			func(w *world, lb, service v3.UUID) (*v3.Operation, error) {
				return w.sdk.DeleteLoadBalancerService(ctx, lb, service)
			}, was, state{"running", "front", "", ""}, state{"running", "front", "error", "80"},
		},
	} {
		for effect, want := range map[string]state{exosim.EffectNone: c.undone, exosim.EffectDone: c.done, exosim.EffectError: c.bad} {
			t.Run(operation+" "+effect, func(t *testing.T) {
				t.Parallel()
				w := given(t, func(o *exosim.Options) { o.CascadeDelete = true })
				lb := exosimNLB(w)
				service := w.service(lb, "http", 80)
				w.Fault(exosim.Fault{Operation: operation, Kind: exosim.FaultOperationFailure, Effect: effect})
				if op := w.ended(c.change(w, lb, service)); op.State != v3.OperationStateFailure {
					t.Errorf("the operation ended as %s", op.State)
				}
				var got state
				if left, found := w.LoadBalancer(lb.String()); found {
					got.LB, got.Description = left.State, left.Description
					for _, s := range left.Services {
						got.Service, got.Port = s.State, fmt.Sprint(s.Port)
					}
				}
				if got != want {
					t.Errorf("left %+v, want %+v", got, want)
				}
			})
		}
	}
}

func TestAFailedCreateOrAddLeavesWhatItsEffectSays(t *testing.T) {
	t.Parallel()
	for effect, want := range map[string]string{exosim.EffectNone: "", exosim.EffectDone: "running", exosim.EffectError: "error"} {
		t.Run(effect, func(t *testing.T) {
			t.Parallel()
			w := given(t)
			lb := exosimNLB(w)
			w.Fault(exosim.Fault{Kind: exosim.FaultOperationFailure, Effect: effect})
			w.ended(w.create("new"))
			w.ended(w.sdk.AddServiceToLoadBalancer(context.Background(), lb, w.onPort("http", 80)))
			var gotNLB, gotService string
			for _, got := range w.LoadBalancers("") {
				if got.Name == "new" {
					gotNLB = got.State
				}
				for _, service := range got.Services {
					gotService = service.State
				}
			}
			if gotNLB != want || gotService != want {
				t.Errorf("left an NLB %q and a service %q, want %q", gotNLB, gotService, want)
			}
		})
	}
}

func TestAStaleReadAnswersFromThePast(t *testing.T) {
	t.Parallel()
	w := given(t)
	list := func() int {
		t.Helper()
		got, err := w.sdk.ListLoadBalancers(context.Background())
		return len(must(t, got, err).LoadBalancers)
	}
	w.nlb("first")
	w.clock.pass(time.Minute)
	second := w.nlb("second")

	w.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStaleRead, Age: 30 * time.Second, Nth: 1})
	if got := list(); got != 1 {
		t.Errorf("half a minute ago there were %d NLBs, want 1", got)
	}
	if got := list(); got != 2 {
		t.Errorf("now there are %d NLBs, want 2", got)
	}
	w.Fault(exosim.Fault{Kind: exosim.FaultStaleRead, Age: time.Hour, Nth: 1})
	if got := list(); got != 0 {
		t.Errorf("an hour ago there were %d NLBs, want none", got)
	}
	w.Fault(exosim.Fault{Kind: exosim.FaultStaleRead, Nth: 1})
	w.done(w.sdk.DeleteLoadBalancer(context.Background(), second))
	if got := list(); got != 2 {
		t.Errorf("before the last change there were %d NLBs, want 2", got)
	}
}

func TestARuleThatMakesNoSenseIsAMistakeInTheTest(t *testing.T) {
	t.Parallel()
	w := given(t)
	for want, fault := range map[string]exosim.Fault{
		`operation: "make-coffee" isn't simulated`: {Operation: "make-coffee", Kind: exosim.FaultStatus},
		`kind: "explosion" is none of`:             {Kind: "explosion"},
		`never hits list-load-balancers`:           {Operation: "list-load-balancers", Kind: exosim.FaultOperationFailure},
		`stale-read never hits get-operation`:      {Operation: "get-operation", Kind: exosim.FaultStaleRead},
		`nth, count: must not be negative`:         {Kind: exosim.FaultStatus, Nth: -1},
		`probability: must be from 0 to 1, is 2`:   {Kind: exosim.FaultStatus, Probability: 2},
		`latency: must be positive`:                {Kind: exosim.FaultLatency},
		`status: must be from 400 to 599, is 200`:  {Kind: exosim.FaultStatus, Status: 200},
		`reason: "mood" is none of`:                {Kind: exosim.FaultOperationFailure, Reason: "mood"},
		`effect: "partly" is none of`:              {Kind: exosim.FaultOperationFailure, Effect: "partly"},
		`age: must not be negative`:                {Kind: exosim.FaultStaleRead, Age: -1},
		`after: must not be negative`:              {Kind: exosim.FaultStatus, After: -1},
		`for: must not be negative`:                {Kind: exosim.FaultStatus, For: -1},
		`late: must be positive`:                   {Kind: exosim.FaultLateEffect},
		`latency: must not be negative`:            {Kind: exosim.FaultHang, Latency: -1},
		`form: must be html or json, is "xml"`:     {Kind: exosim.FaultGateway, Form: "xml"},
		`of gateway it must be one of`:             {Kind: exosim.FaultGateway, Effect: exosim.EffectError},
		`of latency it must be one of []`:          {Kind: exosim.FaultLatency, Latency: 1, Effect: exosim.EffectDone},
		`fields: must be given`:                    {Kind: exosim.FaultIncomplete, Operation: "list-instances"},
		`lacking-object never hits`:                {Kind: exosim.FaultLackingObject, Operation: get},
		`lacking-service never hits`:               {Kind: exosim.FaultLackingService, Operation: "list-instances"},
		`other-object never hits`:                  {Kind: exosim.FaultOtherObject, Operation: list},
		`other-organization never hits`:            {Kind: exosim.FaultOtherOrganization, Operation: "list-zones"},
		`late-effect never hits`:                   {Kind: exosim.FaultLateEffect, Late: 1, Operation: list},
		`there is no zone "de-fra-1"`:              {Kind: exosim.FaultStatus, Zone: "de-fra-1"},
	} {
		panics(t, want, func() { w.Fault(fault) })
	}
}

// panics checks that a call panics with a message that holds the words.
func panics(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("it panicked with %q, want %q", got, want)
		}
	}()
	call()
}
