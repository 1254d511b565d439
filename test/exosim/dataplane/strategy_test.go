package dataplane

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// manyBackends returns n addresses, sorted.
func manyBackends(n int) []netip.Addr {
	list := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	for len(list) < n {
		list = append(list, list[len(list)-1].Next())
	}
	return list
}

// manyClients returns n clients, all of different IPs and ports.
func manyClients(n int) []netip.AddrPort {
	list := make([]netip.AddrPort, n)
	for i := range list {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], 0xCB007100+uint32(i))
		list[i] = netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(20000+i%40000))
	}
	return list
}

func all(netip.Addr) bool { return true }

func allBut(lost netip.Addr) func(netip.Addr) bool {
	return func(addr netip.Addr) bool { return addr != lost }
}

func chosen(s *selector, clients []netip.AddrPort) []netip.Addr {
	var list []netip.Addr
	for turn, client := range clients {
		list = append(list, s.candidates(client, uint64(turn))[0])
	}
	return list
}

func TestCandidates(t *testing.T) {
	abc := addrs("10.0.0.1", "10.0.0.2", "10.0.0.3")
	client := netip.MustParseAddrPort("203.0.113.7:4242")
	tests := map[string]struct {
		strategy string
		members  []netip.Addr
		healthy  func(netip.Addr) bool
		turn     uint64
		want     []netip.Addr
	}{
		"round-robin begins with the first backend":        {StrategyRoundRobin, abc, all, 0, addrs("10.0.0.1", "10.0.0.2", "10.0.0.3")},
		"round-robin goes on to the next":                  {StrategyRoundRobin, abc, all, 1, addrs("10.0.0.2", "10.0.0.3", "10.0.0.1")},
		"round-robin begins anew after the last":           {StrategyRoundRobin, abc, all, 3, addrs("10.0.0.1", "10.0.0.2", "10.0.0.3")},
		"round-robin leaves out the unhealthy":             {StrategyRoundRobin, abc, allBut(abc[1]), 1, addrs("10.0.0.3", "10.0.0.1")},
		"round-robin without members has none":             {StrategyRoundRobin, nil, all, 0, nil},
		"source-hash without healthy members has none":     {StrategySourceHash, abc[:1], allBut(abc[0]), 0, nil},
		"source-hash with one healthy member has that one": {StrategySourceHash, abc[:2], allBut(abc[0]), 0, abc[1:2]},
		"maglev-hash without healthy members has none":     {StrategyMaglevHash, abc[:1], allBut(abc[0]), 0, nil},
		"maglev-hash with one healthy member has that one": {StrategyMaglevHash, abc[:2], allBut(abc[0]), 0, abc[1:2]},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := newSelector(test.strategy, test.members, test.healthy).candidates(client, test.turn)
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryHealthyBackendIsACandidateOnce(t *testing.T) {
	members := manyBackends(7)
	for _, strategy := range []string{StrategyRoundRobin, StrategySourceHash, StrategyMaglevHash} {
		s := newSelector(strategy, members, allBut(members[3]))
		for turn, client := range manyClients(200) {
			got := s.candidates(client, uint64(turn))
			slices.SortFunc(got, netip.Addr.Compare)
			if !slices.Equal(got, s.healthy) {
				t.Fatalf("%s: candidates of %s are %v, want %v in some order", strategy, client, got, s.healthy)
			}
		}
	}
}

func TestStrategiesSpreadEvenly(t *testing.T) {
	members, clients := manyBackends(5), manyClients(10000)
	for _, strategy := range []string{StrategyRoundRobin, StrategySourceHash, StrategyMaglevHash} {
		share := map[netip.Addr]int{}
		for _, backend := range chosen(newSelector(strategy, members, all), clients) {
			share[backend]++
		}
		for _, member := range members {
			if share[member] < 1800 || share[member] > 2200 {
				t.Errorf("%s: %s has %d of 10000 clients, want about 2000", strategy, member, share[member])
			}
		}
	}
}

func TestSourceHashIgnoresTheClientsPort(t *testing.T) {
	s := newSelector(StrategySourceHash, manyBackends(5), all)
	for _, client := range manyClients(100) {
		want := s.candidates(client, 0)[0]
		other := netip.AddrPortFrom(client.Addr(), client.Port()+1)
		if got := s.candidates(other, 1)[0]; got != want {
			t.Errorf("%s goes to %s, but %s to %s", client, want, other, got)
		}
	}
}

func TestMaglevHashTellsTheClientsPortsApart(t *testing.T) {
	s := newSelector(StrategyMaglevHash, manyBackends(5), all)
	used := map[netip.Addr]bool{}
	for port := range uint16(100) {
		used[s.candidates(netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), 1024+port), 0)[0]] = true
	}
	if len(used) != 5 {
		t.Errorf("100 connections of one client use %d of 5 backends", len(used))
	}
}

func TestAFailedHealthCheckMovesOnlyTheClientsOfThatBackend(t *testing.T) {
	members, clients := manyBackends(5), manyClients(10000)
	lost := members[2]
	tests := map[string]struct{ mayMove int }{
		StrategySourceHash: {0},
		StrategyMaglevHash: {400}, // of 8000: Maglev isn't perfectly consistent
	}
	for strategy, test := range tests {
		t.Run(strategy, func(t *testing.T) {
			before := chosen(newSelector(strategy, members, all), clients)
			after := chosen(newSelector(strategy, members, allBut(lost)), clients)
			moved, inherited := 0, map[netip.Addr]int{}
			for i := range clients {
				switch {
				case before[i] == lost:
					inherited[after[i]]++
				case before[i] != after[i]:
					moved++
				}
			}
			if moved > test.mayMove {
				t.Errorf("%d clients of the remaining backends moved, want at most %d", moved, test.mayMove)
			}
			for _, member := range members {
				if member != lost && (inherited[member] < 350 || inherited[member] > 650) {
					t.Errorf("%s inherits %d clients, want about 500", member, inherited[member])
				}
			}
		})
	}
}

func TestMaglevTableIsFullAndFair(t *testing.T) {
	for _, n := range []int{1, 2, 3, 50, 100} {
		slots := make([]int, n)
		for _, i := range maglevTable(manyBackends(n)) {
			slots[i]++
		}
		if least, most := slices.Min(slots), slices.Max(slots); most-least > 1 {
			t.Errorf("%d backends have between %d and %d slots, want a difference of 1 at most", n, least, most)
		}
	}
}
