package dataplane

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// connectTimeout bounds one attempt to reach a backend.
const connectTimeout = 3 * time.Second

// dial connects to a backend from the client's own IP where it can: an NLB
// keeps the client's IP, and all of 127/8 is ours to send from. The port is the
// kernel's choice, since the client's own is taken.
func dial(ctx context.Context, protocol string, client netip.Addr, target netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	if client.IsLoopback() && target.Addr().IsLoopback() {
		source := netip.AddrPortFrom(client, 0)
		dialer.Control = sharePorts
		if protocol == ProtocolUDP {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(source)
		} else {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(source)
		}
	}
	return dialer.DialContext(ctx, protocol+"4", target.String())
}

// pause waits before an accept or read that failed is tried again, so that a
// lasting failure (no file descriptors left) doesn't spin.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
}
