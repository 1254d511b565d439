package exoscale

import (
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func lb(id, description string) nlb.LoadBalancer {
	return nlb.LoadBalancer{ID: id, Description: description}
}

// The tests speak of one NLB "a", read in many orders.
func TestReadsThatOvertakeEachOther(t *testing.T) {
	for name, tc := range map[string]struct {
		do        func(b *balancers)
		want      known
		wantState string
	}{
		"what no list has and nobody read is unsure": {
			do:   func(b *balancers) { b.putList(b.begin(), nil) },
			want: unsure,
		},
		"what a read of the NLB itself missed is absent": {
			do:   func(b *balancers) { b.putAbsent(b.begin(), "a") },
			want: absent,
		},
		"an older list doesn't replace a newer read": {
			do: func(b *balancers) {
				list := b.begin()
				b.putOne(b.begin(), lb("a", "new"))
				b.putList(list, []nlb.LoadBalancer{lb("a", "old")})
			},
			want: present, wantState: "new",
		},
		"an older list doesn't bring back what is gone": {
			do: func(b *balancers) {
				list := b.begin()
				b.putAbsent(b.begin(), "a")
				b.putList(list, []nlb.LoadBalancer{lb("a", "old")})
			},
			want: absent,
		},
		"an older list doesn't hide what is new": {
			do: func(b *balancers) {
				list := b.begin()
				b.putOne(b.begin(), lb("a", "new"))
				b.putList(list, nil)
			},
			want: present, wantState: "new",
		},
		"an older read doesn't replace a newer list": {
			do: func(b *balancers) {
				read := b.begin()
				b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "new")})
				b.putOne(read, lb("a", "old"))
			},
			want: present, wantState: "new",
		},
		"an older read doesn't bring back what a newer list has forgotten": {
			do: func(b *balancers) {
				read := b.begin()
				b.putList(b.begin(), nil)
				b.putOne(read, lb("a", "old"))
			},
			want: unsure,
		},
		"what vanishes from a list is unsure, not absent": {
			do: func(b *balancers) {
				b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "")})
				b.putList(b.begin(), nil)
			},
			want: unsure,
		},
		"a confirmed absence stands while lists agree": {
			do: func(b *balancers) {
				b.putAbsent(b.begin(), "a")
				b.putList(b.begin(), nil)
			},
			want: absent,
		},
		"a list can end a confirmed absence": {
			do: func(b *balancers) {
				b.putAbsent(b.begin(), "a")
				b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "back")})
			},
			want: present, wantState: "back",
		},
		"a stale mark asks for a read": {
			do: func(b *balancers) {
				b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "")})
				b.invalidate("a")
			},
			want: unsure,
		},
		"a read that began before the mark doesn't lift it": {
			do: func(b *balancers) {
				read := b.begin()
				b.invalidate("a")
				b.putOne(read, lb("a", "old"))
			},
			want: unsure,
		},
		"a read that began after the mark lifts it": {
			do: func(b *balancers) {
				b.invalidate("a")
				b.putOne(b.begin(), lb("a", "new"))
			},
			want: present, wantState: "new",
		},
		"a list that began after the mark lifts it": {
			do: func(b *balancers) {
				b.invalidate("a")
				b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "new")})
			},
			want: present, wantState: "new",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b balancers
			tc.do(&b)
			got, is := b.get("a")
			if is != tc.want || got.Description != tc.wantState {
				t.Errorf("got %v %q, want %v %q", is, got.Description, tc.want, tc.wantState)
			}
		})
	}
}

func TestPutListTellsWhatChanged(t *testing.T) {
	var b balancers
	health := func(healthy bool) nlb.LoadBalancer {
		return nlb.LoadBalancer{ID: "health", Services: []nlb.Service{{Health: []nlb.BackendHealth{{PublicIP: "192.0.2.1", Healthy: healthy}}}}}
	}
	if got := b.putList(b.begin(), []nlb.LoadBalancer{lb("same", ""), lb("differs", "1"), lb("vanishes", ""), health(true)}); got != nil {
		t.Errorf("the first list is news: %v", got)
	}
	got := b.putList(b.begin(), []nlb.LoadBalancer{lb("same", ""), lb("differs", "2"), lb("appears", ""), health(false)})
	if diff := cmp.Diff([]string{"appears", "differs", "health", "vanishes"}, got); diff != "" {
		t.Error(diff)
	}
	if got := b.putList(b.begin(), b.all()); got != nil {
		t.Errorf("the same list is news: %v", got)
	}
}

func TestToRead(t *testing.T) {
	var b balancers
	b.putList(b.begin(), []nlb.LoadBalancer{lb("a", ""), lb("b", "")})
	if list, ids := b.toRead(); list || ids != nil {
		t.Errorf("after a list: %v %v", list, ids)
	}
	b.invalidate("b")
	b.invalidateList()
	if list, ids := b.toRead(); !list || !cmp.Equal(ids, []string{"b"}) {
		t.Errorf("after the marks: %v %v", list, ids)
	}
	b.putList(b.begin(), b.all())
	if list, ids := b.toRead(); list || ids != nil {
		t.Errorf("after another list: %v %v", list, ids)
	}
}

func TestAbsentOnesAreForgottenOnceNobodyAsks(t *testing.T) {
	var b balancers
	b.putAbsent(b.begin(), "a")
	for range 3 {
		b.putList(b.begin(), nil)
	}
	if len(b.entries) != 0 {
		t.Errorf("%d entries are kept", len(b.entries))
	}
}

func TestAllIsNotChangedAfterwards(t *testing.T) {
	var b balancers
	b.putList(b.begin(), []nlb.LoadBalancer{lb("a", "1"), lb("b", "1")})
	before := b.all()
	b.putOne(b.begin(), lb("a", "2"))
	if before[0].Description != "1" || b.all()[0].Description != "2" {
		t.Errorf("before %v, after %v", before, b.all())
	}
	_ = append(before, lb("c", ""))
	if len(b.all()) != 2 {
		t.Error("an append reached the memory")
	}
}

func TestWhatAReadLeavesOutIsAsItWasSeenLast(t *testing.T) {
	check := nlb.HealthCheck{Mode: "tcp", Port: 30080, Interval: 10, Timeout: 5, Retries: 1}
	whole := nlb.Service{ID: "s", Name: "web", InstancePoolID: "pool", Protocol: "tcp", Port: 80, TargetPort: 30080, Strategy: "round-robin", HealthCheck: check}
	of := func(services ...nlb.Service) nlb.LoadBalancer {
		return nlb.LoadBalancer{ID: "a", Name: "n", Address: "192.0.2.1", Services: services}
	}
	with := func(s nlb.Service, incomplete ...string) nlb.Service {
		s.Incomplete = incomplete
		return s
	}
	unknown := func(lb nlb.LoadBalancer) nlb.LoadBalancer {
		lb.ServicesUnknown = true
		return lb
	}
	moved := with(whole)
	moved.InstancePoolID = "other"
	for name, tc := range map[string]struct{ before, now, want nlb.LoadBalancer }{
		"nothing is left out":                 {of(whole), of(moved), of(moved)},
		"none are left":                       {of(whole), of(), of()},
		"the services are left out":           {of(whole), unknown(of()), unknown(of(whole))},
		"the services were never seen":        {nlb.LoadBalancer{}, unknown(of()), unknown(of())},
		"name and address are left out":       {of(whole), nlb.LoadBalancer{ID: "a", Services: []nlb.Service{whole}}, of(whole)},
		"the pool is left out":                {of(whole), of(nlb.Service{ID: "s", Name: "new", Incomplete: []string{partPool}}), of(nlb.Service{ID: "s", Name: "new", InstancePoolID: "pool", Incomplete: []string{partPool}})},
		"the health check is left out":        {of(whole), of(nlb.Service{ID: "s", Incomplete: []string{partHealthCheck}}), of(nlb.Service{ID: "s", HealthCheck: check, Incomplete: []string{partHealthCheck}})},
		"of another service there is no view": {of(whole), of(nlb.Service{ID: "t", Incomplete: []string{partPool}}), of(nlb.Service{ID: "t", Incomplete: []string{partPool}})},
		"all but the id is left out": {
			of(whole),
			of(nlb.Service{ID: "s", Incomplete: partsLeftOut(v3.LoadBalancerService{Healthcheck: &v3.LoadBalancerServiceHealthcheck{}})}),
			of(with(whole, partsLeftOut(v3.LoadBalancerService{Healthcheck: &v3.LoadBalancerServiceHealthcheck{}})...)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b balancers
			if tc.before.ID != "" {
				b.putList(b.begin(), []nlb.LoadBalancer{tc.before})
			}
			b.putOne(b.begin(), tc.now)
			if got, _ := b.get("a"); !cmp.Equal(tc.want, got) {
				t.Error(cmp.Diff(tc.want, got))
			}
			if tc.before.ID == "" {
				return
			}
			var missing balancers
			missing.putList(missing.begin(), []nlb.LoadBalancer{tc.before})
			missing.putList(missing.begin(), nil)
			missing.putOne(missing.begin(), tc.now)
			if got, _ := missing.get("a"); !cmp.Equal(tc.want, got) {
				t.Errorf("after a list that lacks it: %s", cmp.Diff(tc.want, got))
			}
		})
	}
}
