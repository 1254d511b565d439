package udphealth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// whereToAsk is the addresses at which a socket bound to one of these hears us,
// the best first. What comes from outside reaches an address of the Pod's, so that
// goes before a socket for the Pod alone. An IPv6 socket mostly takes IPv4 too,
// and then works where IPv6 is switched off.
func whereToAsk(bound []netip.Addr) []netip.Addr {
	var outside, inside []netip.Addr
	for _, address := range bound {
		switch {
		case address == netip.IPv4Unspecified():
			outside = append(outside, loopback4)
		case address == netip.IPv6Unspecified():
			outside = append(outside, loopback4, loopback6)
		case address.IsMulticast() || address.IsLinkLocalUnicast():
			// It hears no ordinary datagram, or needs a zone to be reached.
		case address.IsLoopback():
			inside = append(inside, address)
		default:
			outside = append(outside, address)
		}
	}
	var all []netip.Addr
	for _, address := range append(outside, inside...) {
		if !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// asker asks one target, one question at a time.
type asker struct {
	exchange *udpprobe.Exchange
	port     uint16
	timeout  time.Duration
	buffer   []byte
}

// maxReplies to one question that are looked at: an application may send others
// what we get as well.
const maxReplies = 16

// ask wants one reply that is as expected, within the timeout, from any of the
// addresses; the next is asked only if nobody is at one.
func (a *asker) ask(ctx context.Context, addresses []netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	err := errors.New("the socket is bound to no address at which it could be asked")
	for _, address := range addresses {
		if err = a.askAt(ctx, netip.AddrPortFrom(address, a.port)); !isUnreachable(err) {
			return err
		}
	}
	return err
}

func (a *asker) askAt(ctx context.Context, address netip.AddrPort) error {
	id := uint16(rand.N(1 << 16)) //nolint:gosec // 16 bits; whoever could guess it shares our loopback
	request, err := a.exchange.Request(id)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address.String())
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	defer conn.Close()
	// Whoever ends us doesn't wait for the timeout.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(request); err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	for range maxReplies {
		n, readErr := conn.Read(a.buffer)
		switch {
		case errors.Is(readErr, os.ErrDeadlineExceeded) && err != nil:
			return err // what came instead tells more
		case errors.Is(readErr, os.ErrDeadlineExceeded):
			return fmt.Errorf("%s sent no reply within %s", address, a.timeout)
		case readErr != nil:
			return fmt.Errorf("waiting for the reply of %s: %w", address, readErr)
		}
		if err = a.exchange.Judge(id, a.buffer[:n]); err == nil {
			return nil
		}
	}
	return err
}

// isUnreachable: nothing could be sent, or a host said that nobody is there.
func isUnreachable(err error) bool {
	return slices.ContainsFunc([]error{
		syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
	}, func(refusal error) bool { return errors.Is(err, refusal) })
}
