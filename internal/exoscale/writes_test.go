package exoscale

import (
	"testing"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestAChangeOfAnNLBTakesOnePartARound(t *testing.T) {
	ptr := func(s string) *string { return &s }
	some, none := map[string]string{"k": "v"}, map[string]string{}
	for name, tc := range map[string]struct {
		change nlb.LoadBalancerChange
		update bool
		reset  v3.ResetLoadBalancerFieldField
	}{
		"a new name":                           {nlb.LoadBalancerChange{Name: ptr("n")}, true, ""},
		"a new description":                    {nlb.LoadBalancerChange{Description: ptr("d")}, true, ""},
		"new labels":                           {nlb.LoadBalancerChange{Labels: &some}, true, ""},
		"a cleared description":                {nlb.LoadBalancerChange{Description: ptr("")}, false, "description"},
		"cleared labels":                       {nlb.LoadBalancerChange{Labels: &none}, false, "labels"},
		"what is set comes first":              {nlb.LoadBalancerChange{Name: ptr("n"), Description: ptr(""), Labels: &none}, true, "description"},
		"the description is cleared first":     {nlb.LoadBalancerChange{Description: ptr(""), Labels: &none}, false, "description"},
		"cleared labels after the description": {nlb.LoadBalancerChange{Description: ptr("d"), Labels: &none}, true, "labels"},
		"nothing":                              {nlb.LoadBalancerChange{}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, update := updateOf(tc.change); update != tc.update {
				t.Errorf("update %v, want %v", update, tc.update)
			}
			if field, _ := resetOf(tc.change); field != tc.reset {
				t.Errorf("then reset %q, want %q", field, tc.reset)
			}
		})
	}
}

func TestOnlyClearsDescription(t *testing.T) {
	check := nlb.HealthCheck{Mode: nlb.ProbeTCP, Port: 30080}
	got := nlb.Service{ID: "s", Name: "web", Description: "old", InstancePoolID: "pool", Protocol: nlb.TCP, Port: 80, TargetPort: 30080, Strategy: nlb.RoundRobin, HealthCheck: check, State: nlb.StateRunning}
	want := nlb.ServiceAttributes{Name: "web", InstancePoolID: "pool", Protocol: nlb.TCP, Port: 80, TargetPort: 30080, Strategy: nlb.RoundRobin, HealthCheck: check}
	if !onlyClearsDescription(got, want) {
		t.Error("a cleared description isn't seen")
	}
	for name, change := range map[string]func(*nlb.Service, *nlb.ServiceAttributes){
		"another description": func(_ *nlb.Service, want *nlb.ServiceAttributes) { want.Description = "new" },
		"no description yet":  func(got *nlb.Service, _ *nlb.ServiceAttributes) { got.Description = "" },
		"name":                func(_ *nlb.Service, want *nlb.ServiceAttributes) { want.Name = "other" },
		"target port":         func(_ *nlb.Service, want *nlb.ServiceAttributes) { want.TargetPort = 1 },
		"strategy":            func(_ *nlb.Service, want *nlb.ServiceAttributes) { want.Strategy = nlb.MaglevHash },
		"health check":        func(_ *nlb.Service, want *nlb.ServiceAttributes) { want.HealthCheck.Retries = 9 },
	} {
		got, want := got, want
		change(&got, &want)
		if onlyClearsDescription(got, want) {
			t.Errorf("%s: the update would be skipped", name)
		}
	}
}
