package exoscale

import (
	"fmt"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestResultsAreBounded(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := results{keep: time.Hour, most: 3, clock: clock}
	for n := range 5 {
		r.put("z", fmt.Sprint(n), Result{State: Success})
	}
	if _, is := r.get("z", "1"); is || len(r.byID) != 3 {
		t.Errorf("%d results are kept, the oldest among them: %v", len(r.byID), is)
	}
	if _, is := r.get("z", "2"); !is {
		t.Error("the newest ones are lost")
	}
	for n := range 100 {
		r.put("z", "forgotten", Result{})
		r.forget("z", "forgotten")
		if len(r.order) > 10 {
			t.Fatalf("after %d forgotten results, %d keys are kept", n, len(r.order))
		}
	}
	clock.Step(time.Hour)
	if _, is := r.get("z", "4"); is {
		t.Error("an old result is given out")
	}
	r.put("z", "new", Result{})
	if len(r.byID) != 1 || len(r.order) != 1 {
		t.Errorf("old results are kept: %d, %d", len(r.byID), len(r.order))
	}
}

func TestResultOf(t *testing.T) {
	for name, tc := range map[string]struct {
		op   v3.Operation
		want Result
	}{
		"success names the NLB": {
			v3.Operation{State: v3.OperationStateSuccess, Reference: &v3.OperationReference{ID: "0b12"}},
			Result{State: Success, ReferenceID: "0b12"},
		},
		"success without a reference": {
			v3.Operation{State: v3.OperationStateSuccess}, Result{State: Success},
		},
		"a failure has class, reason and words": {
			v3.Operation{State: v3.OperationStateFailure, Reason: v3.OperationReasonConflict, Message: "name is in use"},
			Result{State: Failure, Class: Conflict, Reason: "conflict", Message: "name is in use"},
		},
		"a timeout is a failure that may pass": {
			v3.Operation{State: v3.OperationStateTimeout}, Result{State: Failure, Class: Transient, Reason: "timeout"},
		},
		"a state that we don't know is pending": {
			v3.Operation{State: "paused"}, Result{State: Pending},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, resultOf(operationOf(tc.op))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResultErr(t *testing.T) {
	err := Result{State: Failure, Class: Busy, Reason: "busy", Message: "being migrated"}.Err()
	if ClassOf(err) != Busy || err.Error() != "the operation failed (busy): being migrated" {
		t.Errorf("%v (%s)", err, ClassOf(err))
	}
	for _, state := range []OperationState{Pending, Success, Unknown, Gone} {
		if err := (Result{State: state}).Err(); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
}
