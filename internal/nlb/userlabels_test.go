package nlb

import (
	"maps"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestALabelThatExoscaleRefusesIsInvalid(t *testing.T) {
	t.Parallel()
	all := wanted().Attributes.Labels
	with := func(labels map[string]string, edits ...func(*LoadBalancerWant)) LoadBalancerWant {
		return wanted(append(edits, func(w *LoadBalancerWant) { maps.Copy(w.Attributes.Labels, labels) })...)
	}
	one := func(value string) map[string]string { return map[string]string{"team": value} }
	applied := func(w *LoadBalancerWant) { w.AppliedLabelKeys, w.Held = append(w.AppliedLabelKeys, "team"), true }
	tried := func(w *LoadBalancerWant) { w.AppliedLabelKeys = append(w.AppliedLabelKeys, "team") }
	bearing := func(value string) LoadBalancerGot { return present(labelled(plus(all, "team", value))) }
	for name, c := range map[string]struct {
		want LoadBalancerWant
		got  LoadBalancerGot
		says string // "" if it is allowed
	}{
		"a slash":                         {with(one("net/eu")), LoadBalancerGot{}, `spec.labels: Exoscale doesn't allow the value "net/eu" of "team": it holds '/'. Use at most 128 letters, digits and * + ! - _ ?, and no digit at the beginning`},
		"a digit at the beginning":        {with(one("2nd")), LoadBalancerGot{}, `the value "2nd" of "team": it begins with a digit`},
		"a dot":                           {with(one("v1.2")), LoadBalancerGot{}, `: it holds '.'`},
		"a space":                         {with(one("net eu")), LoadBalancerGot{}, `: it holds ' '`},
		"a letter of another alphabet":    {with(one("zürich")), LoadBalancerGot{}, `: it holds 'ü'`},
		"too long":                        {with(one(strings.Repeat("a", 129))), LoadBalancerGot{}, ": it has 129 characters"},
		"the longest":                     {with(one(strings.Repeat("a", 128))), LoadBalancerGot{}, ""},
		"all that is allowed":             {with(one("-aZ09*+!_?")), LoadBalancerGot{}, ""},
		"nothing":                         {with(one("")), LoadBalancerGot{}, ""},
		"a key of all sorts":              {with(map[string]string{"example.com/1.a b": "x"}), LoadBalancerGot{}, ""},
		"the first of several":            {with(map[string]string{"b": "1", "a": "2", "c": "x"}), LoadBalancerGot{}, `the value "2" of "a"`},
		"added to an NLB that is served":  {with(one("1")), present(), `the value "1" of "team"`},
		"in place of another":             {with(one("1")), bearing("net"), `the value "1" of "team"`},
		"that is there already":           {with(one("1")), bearing("1"), ""},
		"that somebody took off":          {with(one("1"), applied), present(), ""},
		"that was tried, and no more":     {with(one("1"), tried), LoadBalancerGot{}, `the value "1" of "team"`},
		"in place of another of ours":     {with(one("1"), applied), bearing("net"), `the value "1" of "team"`},
		"of an NLB that has vanished":     {with(one("1"), applied), LoadBalancerGot{}, ""},
		"of one to be adopted":            {with(one("1"), byID), by(ProofConsent, present()), `the value "1" of "team"`},
		"of one that is retained for us":  {with(one("1")), by(ProofRetained, present()), `the value "1" of "team"`},
		"of one that has lost our labels": {with(one("1")), by(ProofRecorded, present()), ""}, // they come first
		"of one that is another's":        {with(one("1"), byID), by(ProofNone, present()), ""},
		"of one that goes away":           {with(one("1")), present(in(StateDeleting)), ""},
		"of one to be deleted":            {with(one("1"), deleting), present(), ""},
		"of an External one":              {with(one("1"), asExternal), by(ProofExternal, present()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			move := DiffLoadBalancer(c.want, c.got)
			if invalid := move.Action == Conflict && move.Reason == v1alpha1.ReasonInvalid; invalid != (c.says != "") || !strings.Contains(move.Message, c.says) {
				t.Errorf("the move is %s %s %q, want %q", move.Action, move.Reason, move.Message, c.says)
			}
		})
	}
}
