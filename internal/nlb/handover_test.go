package nlb

import (
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestWhetherTrafficIsHandedOver(t *testing.T) {
	t.Parallel()
	cordoned := PoolState{ID: "1", Name: "blue", Cordoned: 2}
	with := func(p PoolState, pods int) PoolState { p.Pods = pods; return p }
	ready := PoolState{ID: "2", Name: "green", InService: 2, Ready: 2}
	starting := PoolState{ID: "2", Name: "green", InService: 2}
	probe := func(healthy, total int) *ProbeState { return &ProbeState{Fits: true, Healthy: healthy, Total: total} }
	for name, c := range map[string]struct {
		over   HandOver
		step   HandOverStep
		reason string
	}{
		"a Node of the old pool is in service": {HandOver{Old: PoolState{InService: 1, Cordoned: 1}, New: ready, Probe: probe(2, 2), Room: RoomNone}, Stay, v1alpha1.ReasonRetrying},

		"Local: Pods in the old pool, none in the new":    {HandOver{Old: with(cordoned, 1), New: ready, Local: true, Room: RoomFree}, Stay, v1alpha1.ReasonWaitingForPods},
		"Local: Pods in both":                             {HandOver{Old: with(cordoned, 1), New: with(ready, 3), Local: true, Probe: probe(2, 2)}, Stay, v1alpha1.ReasonWaitingForPods},
		"Local: Pods in neither":                          {HandOver{Old: cordoned, New: ready, Local: true, Room: RoomFree}, Stay, v1alpha1.ReasonWaitingForPods},
		"Local: Pods in neither, and a full NLB":          {HandOver{Old: cordoned, New: ready, Local: true, Room: RoomNone}, Stay, v1alpha1.ReasonWaitingForPods},
		"Local: Pods only in the new":                     {HandOver{Old: cordoned, New: with(ready, 1), Local: true, Room: RoomFree}, OpenProbe, v1alpha1.ReasonProbingInstancePool},
		"Local: Pods only in the new, full NLB":           {HandOver{Old: cordoned, New: with(ready, 1), Local: true, Room: RoomNone}, Move, ""},
		"no Node of the new pool is ready":                {HandOver{Old: cordoned, New: starting, Probe: probe(2, 2)}, Stay, v1alpha1.ReasonNoEligibleNodes},
		"no Node of the new pool is ready, full NLB":      {HandOver{Old: cordoned, New: starting, Room: RoomNone}, Stay, v1alpha1.ReasonNoEligibleNodes},
		"the old pool is gone, no Node of the new ready":  {HandOver{New: starting, Room: RoomFree}, Stay, v1alpha1.ReasonNoEligibleNodes},
		"the old pool is gone":                            {HandOver{New: ready, Room: RoomFree}, OpenProbe, v1alpha1.ReasonProbingInstancePool},
		"cordoned, room for a probe":                      {HandOver{Old: cordoned, New: ready, Room: RoomFree}, OpenProbe, v1alpha1.ReasonProbingInstancePool},
		"cordoned, others are probing":                    {HandOver{Old: cordoned, New: ready, Room: RoomTaken}, AwaitProbe, v1alpha1.ReasonProbingInstancePool},
		"cordoned, full NLB":                              {HandOver{Old: cordoned, New: ready, Room: RoomNone}, Move, ""},
		"a probe of another pool, or with another check":  {HandOver{Old: cordoned, New: ready, Probe: &ProbeState{Healthy: 2, Total: 2}}, CloseProbe, v1alpha1.ReasonProbingInstancePool},
		"a probe that nothing is known of":                {HandOver{Old: cordoned, New: ready, Probe: probe(0, 0)}, AwaitProbe, v1alpha1.ReasonProbingInstancePool},
		"a probe that finds none healthy":                 {HandOver{Old: cordoned, New: ready, Probe: probe(0, 2)}, AwaitProbe, v1alpha1.ReasonProbingInstancePool},
		"a probe that finds one healthy":                  {HandOver{Old: cordoned, New: ready, Probe: probe(1, 2)}, Move, ""},
		"a probe that finds one healthy, two are wanted":  {HandOver{Old: cordoned, New: ready, Probe: probe(1, 2), MinHealthy: 2}, AwaitProbe, v1alpha1.ReasonProbingInstancePool},
		"a probe that finds one healthy, at the last":     {HandOver{Old: cordoned, New: ready, Probe: &ProbeState{Fits: true, Healthy: 1, Total: 1, Over: true}}, Move, ""},
		"a probe whose turn is over":                      {HandOver{Old: cordoned, New: ready, Probe: &ProbeState{Fits: true, Total: 2, Over: true}}, PauseProbe, v1alpha1.ReasonNoHealthyBackends},
		"a pause after that":                              {HandOver{Old: cordoned, New: ready, Room: RoomFree, Paused: true}, AwaitProbe, v1alpha1.ReasonNoHealthyBackends},
		"a pause after that, and the NLB is full by then": {HandOver{Old: cordoned, New: ready, Room: RoomNone, Failed: true, Paused: true}, Stay, v1alpha1.ReasonNoHealthyBackends},
		"the NLB is full, and the last probe failed":      {HandOver{Old: cordoned, New: ready, Room: RoomNone, Failed: true}, Stay, v1alpha1.ReasonNoHealthyBackends},
		"the last probe failed, and its pause is over":    {HandOver{Old: cordoned, New: ready, Room: RoomFree, Failed: true}, OpenProbe, v1alpha1.ReasonProbingInstancePool},
		"two are wanted, and the pool has one":            {HandOver{Old: cordoned, New: ready, Probe: probe(1, 1), MinHealthy: 2}, Move, ""},
		"another port has moved":                          {HandOver{Old: PoolState{InService: 2}, New: ready, Begun: true, Room: RoomFree}, OpenProbe, v1alpha1.ReasonProbingInstancePool},
		"another port has moved, the new one is healthy":  {HandOver{Old: PoolState{InService: 2}, New: ready, Begun: true, Probe: probe(2, 2)}, Move, ""},
		"another port has moved, no Node there is ready":  {HandOver{Old: PoolState{InService: 2}, New: starting, Begun: true}, Stay, v1alpha1.ReasonNoEligibleNodes},
		"another port has moved, Pods are in both":        {HandOver{Old: with(PoolState{InService: 2}, 1), New: with(ready, 1), Local: true, Begun: true}, Stay, v1alpha1.ReasonWaitingForPods},
		"deselected, Pods are in both":                    {HandOver{Old: with(PoolState{ID: "1"}, 1), New: with(ready, 1), Local: true, Deselected: true, Probe: probe(2, 2)}, Move, ""},
		"deselected, Pods are only in the old":            {HandOver{Old: with(PoolState{ID: "1"}, 1), New: ready, Local: true, Deselected: true, Probe: probe(2, 2)}, Stay, v1alpha1.ReasonWaitingForPods},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.over.Decide()
			if got.Step != c.step || got.Reason != c.reason {
				t.Errorf("got %s for reason %q (%s), want %s for %q", got.Step, got.Reason, got.Message, c.step, c.reason)
			}
			if (got.Message == "") != (c.step == Move) || strings.Contains(got.Message, "%!") {
				t.Errorf("the message is %q", got.Message)
			}
		})
	}
}

func TestRoomForAProbeService(t *testing.T) {
	t.Parallel()
	holding := func(services, probes int) []Service {
		all := make([]Service, services)
		for range probes {
			all = append(all, Service{Name: ProbeName("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Port: FirstProbePort})
		}
		return all
	}
	for name, c := range map[string]struct {
		services, probes, away int
		want                   ProbeRoom
	}{
		"an NLB with one service":                      {1, 0, 0, RoomFree},
		"one, and two are probed":                      {1, 2, 0, RoomFree},
		"one, and as many are probed as may be":        {1, 3, 0, RoomTaken},
		"the last place but one":                       {8, 0, 0, RoomFree},
		"the last place but one is probed at":          {8, 1, 0, RoomTaken},
		"the last place is the first probe's":          {9, 0, 0, RoomFree},
		"the last place is probed at":                  {9, 1, 0, RoomTaken},
		"the last place is of one that will be back":   {9, 0, 1, RoomNone},
		"the last but one is of one that will be back": {8, 0, 1, RoomFree},
		"a full NLB": {10, 0, 0, RoomNone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := RoomForProbe(holding(c.services, c.probes), c.away); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWhoseAProbeServiceIs(t *testing.T) {
	t.Parallel()
	const uid, other = "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "7ba7b810-9dad-11d1-80b4-00c04fd430c8"
	mark, theirs := MarkOf("cluster", "shop", "web"), MarkOf("cluster", "shop", "other")
	claim := ServiceClaim{Mark: mark, Port: 443, Protocol: TCP, HolderOf: func(id string) string { return map[string]string{"held": "shop/other"}[id] }}
	want := wantedAttributes()
	probe := func(uid string, mark Mark, edits ...func(*ServiceAttributes)) Service {
		attributes := ProbeFor(uid, FirstProbePort, want, mark)
		for _, edit := range edits {
			edit(&attributes)
		}
		return *standing(attributes)
	}
	for name, c := range map[string]struct {
		service Service
		ours    bool
	}{
		"by its name and mark":                       {probe(uid, mark), true},
		"by its name":                                {probe(uid, Mark{}), true},
		"by its mark, of an object made anew":        {probe(other, mark), true},
		"of another object":                          {probe(other, theirs), false},
		"of another object, without mark":            {probe(other, Mark{}), false},
		"one that another object has in its status":  {Service{ID: "held", Name: ProbeName(uid), Port: FirstProbePort, Protocol: TCP}, false},
		"outside the range":                          {probe(uid, mark, func(a *ServiceAttributes) { a.Port = 444 }), false},
		"a service of the user's, with our mark":     {probe(uid, mark, func(a *ServiceAttributes) { a.Name = "probe-of-mine" }), false},
		"the service itself, with a port of a probe": {*standing(ServiceAttributes{Name: ServiceName(uid, 64900, TCP), Port: 64900, Protocol: TCP}), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ProbeIsOurs(c.service, claim, uid); got != c.ours {
				t.Errorf("got %t, want %t", got, c.ours)
			}
			if ServiceIsOurs(c.service, claim) {
				t.Error("it is taken for the service itself")
			}
		})
	}
	ports := map[int32]bool{}
	for range LastProbePort - FirstProbePort + 1 {
		ports[FreeProbePort(uid, ports)] = true
	}
	if len(ports) != 100 || ports[0] || FreeProbePort(uid, ports) != 0 {
		t.Errorf("%d ports were given", len(ports))
	}
}
