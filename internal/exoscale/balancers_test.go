package exoscale

import (
	"testing"

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
