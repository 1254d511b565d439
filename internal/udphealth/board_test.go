package udphealth

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

func givenTargets(t *testing.T, text string) []udpprobe.Target {
	t.Helper()
	targets, err := udpprobe.ParseTargets(text)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

func at(second int) time.Time { return time.Unix(int64(second), 0).UTC() }

var errHung = errors.New("no reply")

func TestBoard(t *testing.T) {
	type step struct {
		do             func(*Board)
		healthy, ready bool
	}
	good := func(target int) func(*Board) { return func(b *Board) { b.Record(target, nil, at(1)) } }
	bad := func(target int) func(*Board) { return func(b *Board) { b.Record(target, errHung, at(1)) } }
	drain := func(b *Board) { b.Drain() }
	for name, test := range map[string]struct {
		targets string
		wrong   error
		steps   []step
	}{
		"a target has to be checked first":            {"53", nil, []step{{func(*Board) {}, false, false}, {good(0), true, true}}},
		"one failure is enough, and one success":      {"53", nil, []step{{good(0), true, true}, {bad(0), false, false}, {good(0), true, true}}},
		"all targets have to be healthy":              {"53 54", nil, []step{{good(0), false, false}, {good(1), true, true}, {bad(0), false, false}}},
		"draining is for good, and leaves ready":      {"53", nil, []step{{good(0), true, true}, {drain, false, true}, {bad(0), false, false}, {good(0), false, true}, {drain, false, true}}},
		"draining before the first check":             {"53", nil, []step{{drain, false, false}, {good(0), false, true}}},
		"a wrong configuration is never healthy":      {"53", errHung, []step{{good(0), false, false}}},
		"a configuration without targets is, neither": {"", errHung, []step{{drain, false, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			var targets []udpprobe.Target
			if test.targets != "" {
				targets = givenTargets(t, test.targets)
			}
			board := NewBoard(targets, test.wrong, at(0))
			for i, step := range test.steps {
				step.do(board)
				if got := board.Status(); got.Healthy != step.healthy || got.Ready != step.ready {
					t.Errorf("after step %d: healthy %t, ready %t", i, got.Healthy, got.Ready)
				}
			}
		})
	}
}

func TestStatusOfATarget(t *testing.T) {
	board := NewBoard(givenTargets(t, "53/dns"), nil, at(0))
	for i, outcome := range []error{nil, nil, errHung, errHung, nil} {
		changed, _ := board.Record(0, outcome, at(i+1))
		if want := i == 0 || i == 2 || i == 4; changed != want {
			t.Errorf("check %d changed the state: %t", i, changed)
		}
	}
	last := at(4)
	want := []TargetStatus{{Name: "53/dns", State: Healthy, Since: at(5), Checks: 5, Failures: 2, LastError: "no reply", LastErrorTime: &last}}
	if diff := cmp.Diff(want, board.Status().Targets); diff != "" {
		t.Error(diff)
	}
}

// TestNames tells targets apart, and tells nothing of what is sent.
func TestNames(t *testing.T) {
	board := NewBoard(givenTargets(t, "7/probe;payload=text:secret 7/probe;payload=text:secret2 53/dns;query=a 53/dns 54"), nil, at(0))
	var got []string
	for _, target := range board.Status().Targets {
		got = append(got, target.Name)
	}
	if diff := cmp.Diff([]string{"7/probe", "7/probe#2", "53/dns;query=a.", "53/dns", "54/socket"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusIsACopy(t *testing.T) {
	board := NewBoard(givenTargets(t, "53"), nil, at(0))
	before := board.Status()
	board.Record(0, nil, at(1))
	if before.Targets[0].State != Unknown {
		t.Error("what was told before has changed")
	}
}
