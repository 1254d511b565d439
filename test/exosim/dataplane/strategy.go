package dataplane

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
)

// maglevSize is the number of slots of a Maglev table: a prime, as the
// permutations need, and more than a hundred slots for each of the hundred
// backends that a pool may reasonably have, which keeps shares within 1 %.
const maglevSize = 16381

// selector chooses backends for clients by one strategy. It never changes.
type selector struct {
	strategy string
	members  []netip.Addr // sorted
	healthy  []netip.Addr // sorted, some of members
	maglev   []uint16     // slot → index in healthy; only for maglev-hash
}

// newSelector expects sorted members.
func newSelector(strategy string, members []netip.Addr, healthy func(netip.Addr) bool) *selector {
	s := &selector{strategy: strategy, members: members}
	for _, member := range members {
		if healthy(member) {
			s.healthy = append(s.healthy, member)
		}
	}
	if strategy == StrategyMaglevHash && len(s.healthy) > 0 {
		s.maglev = maglevTable(s.healthy)
	}
	return s
}

// candidates lists the healthy backends for a client: the chosen one, then the
// others as stand-ins should it refuse. turn counts the calls for round-robin.
func (s *selector) candidates(client netip.AddrPort, turn uint64) []netip.Addr {
	if len(s.healthy) == 0 {
		return nil
	}
	first := s.choose(client, turn)
	return slices.Concat(s.healthy[first:], s.healthy[:first])
}

func (s *selector) choose(client netip.AddrPort, turn uint64) int {
	switch s.strategy {
	case StrategySourceHash:
		return s.chooseBySource(client.Addr())
	case StrategyMaglevHash:
		return int(s.maglev[hash(clientKey(client))%maglevSize])
	default:
		return int(turn % uint64(len(s.healthy)))
	}
}

// chooseBySource hashes over all members, so that a failed health check moves
// no client but those of the failed backend; these are spread over the rest by
// the part of the hash that the first choice hasn't used.
func (s *selector) chooseBySource(client netip.Addr) int {
	key, members := hash(client.AsSlice()), uint64(len(s.members))
	preferred := s.members[key%members]
	if i, healthy := slices.BinarySearchFunc(s.healthy, preferred, netip.Addr.Compare); healthy {
		return i
	}
	return int(key / members % uint64(len(s.healthy)))
}

// maglevTable fills the lookup table of "Maglev: A Fast and Reliable Software
// Network Load Balancer" (NSDI 2016), section 3.4: each backend has a
// permutation of the slots and in turn takes its next free one.
func maglevTable(backends []netip.Addr) []uint16 {
	const free = ^uint16(0)
	next, skip := make([]uint64, len(backends)), make([]uint64, len(backends))
	for i, backend := range backends {
		key := backend.AsSlice()
		next[i] = hash(append(key, "offset"...)) % maglevSize
		skip[i] = hash(append(key, "skip"...))%(maglevSize-1) + 1
	}
	table := slices.Repeat([]uint16{free}, maglevSize)
	for filled := 0; filled < maglevSize; filled++ {
		i := filled % len(backends)
		for table[next[i]] != free {
			next[i] = (next[i] + skip[i]) % maglevSize
		}
		table[next[i]] = uint16(i)
	}
	return table
}

func clientKey(client netip.AddrPort) []byte {
	return binary.BigEndian.AppendUint16(client.Addr().AsSlice(), client.Port())
}

// hash is even and the same in every process; that it is slow doesn't show, as
// it is taken once a connection.
func hash(key []byte) uint64 {
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:])
}
