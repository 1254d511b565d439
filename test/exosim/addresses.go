package exosim

import (
	"fmt"
	"net"
	"net/netip"
	"os"
)

// Addresses are given out of 127.0.0.0/8, so that a data plane can use them:
// NLBs get theirs from 127.64.0.0/10, instances from 127.128.0.0/10. A cloud
// with a data plane has a /20 of each to itself.
var (
	sharedNLBAddresses      = addressBlock{prefix: netip.MustParsePrefix("127.64.0.0/10")}
	sharedInstanceAddresses = addressBlock{prefix: netip.MustParsePrefix("127.128.0.0/10")}
)

const (
	leasedBlocks = 1024 // of /20 in a /10
	leasePort    = 65000
)

// addressBlock gives out the addresses of a prefix in turn.
type addressBlock struct {
	prefix netip.Prefix
	last   netip.Addr
}

// next is the next address that isn't in use. Network and broadcast addresses of
// every /24 are left out. It panics when all are in use.
func (b *addressBlock) next(used func(string) bool) string {
	if !b.last.IsValid() {
		b.last = b.prefix.Masked().Addr()
	}
	for wrapped := 0; wrapped < 2; {
		b.last = b.last.Next()
		if !b.prefix.Contains(b.last) {
			b.last = b.prefix.Masked().Addr()
			wrapped++
		}
		if octet := b.last.As4()[3]; octet != 0 && octet != 255 && !used(b.last.String()) {
			return b.last.String()
		}
	}
	panic(fmt.Sprintf("exosim: no address of %s is free", b.prefix))
}

// leaseBlocks finds blocks that no other process on this machine uses. They are
// ours as long as the listener is open.
func leaseBlocks() (nlbs, instances addressBlock, lease net.Listener, err error) {
	for try := range leasedBlocks {
		n := (os.Getpid() + try) % leasedBlocks
		nlbs = addressBlock{prefix: block(64, n)}
		guard := netip.AddrPortFrom(block(64, n).Addr(), leasePort)
		if lease, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(guard)); err == nil {
			return nlbs, addressBlock{prefix: block(128, n)}, lease, nil
		}
	}
	return addressBlock{}, addressBlock{}, nil, fmt.Errorf("the data plane needs all of 127.0.0.0/8 on this machine, as Linux has it, and found no free part of 127.64.0.0/10: %w", err)
}

// block is the n-th /20 of the /10 that begins at 127.first.0.0.
func block(first, n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(first + n/16), byte(n % 16 * 16), 0}), 20)
}

// newLoadBalancerIP needs the mutex.
func (c *Cloud) newLoadBalancerIP() string {
	return c.nlbIPs.next(func(ip string) bool {
		for _, z := range c.zones {
			for _, lb := range z.state.loadBalancers {
				if lb.IP == ip {
					return true
				}
			}
		}
		return false
	})
}

// newInstanceIP needs the mutex. s is the state being made, whose instances
// count, too.
func (c *Cloud) newInstanceIP(s *zoneState) string {
	states := []*zoneState{s}
	for _, z := range c.zones {
		states = append(states, z.state)
	}
	return c.instanceIPs.next(func(ip string) bool {
		for _, state := range states {
			for _, instance := range state.instances {
				if instance.PublicIP == ip {
					return true
				}
			}
		}
		return false
	})
}
