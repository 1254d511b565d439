package dataplane

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// client is a connection to a service that has been greeted by a member.
type client struct {
	net.Conn
	lines        *bufio.Reader
	member, seen string // who greeted, and the client address that it saw
}

var anyClient = netip.MustParseAddr("127.0.0.1")

// connect fails if the service doesn't lead to a member.
func connect(from netip.Addr, service Service) (*client, error) {
	var dialer net.Dialer
	source := netip.AddrPortFrom(from, 0)
	dialer.LocalAddr = net.TCPAddrFromAddrPort(source)
	if service.Protocol == ProtocolUDP {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(source)
	}
	conn, err := dialer.Dial(service.Protocol+"4", service.listenAddr().String())
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, lines: bufio.NewReaderSize(conn, maxDatagram)}
	if service.Protocol == ProtocolTCP {
		if err := c.readGreeting(); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return c, nil
}

func (c *client) readGreeting() error {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return err
	}
	c.member, c.seen, _ = strings.Cut(strings.TrimSpace(line), " ")
	return nil
}

func whenConnected(t *testing.T, from netip.Addr, service Service) *client {
	t.Helper()
	c, err := connect(from, service)
	if err != nil {
		t.Fatalf("connecting to %s: %v", service.listenAddr(), err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo sends a line over TCP and wants it back.
func (c *client) echo(line string) error {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c, line); err != nil {
		return err
	}
	got, err := c.lines.ReadString('\n')
	if err == nil && got != line+"\n" {
		return fmt.Errorf("echo of %q is %q", line, got)
	}
	return err
}

// exchange sends a datagram and returns the payload of the reply, which must
// come within the time given; who replied is in c.member.
func (c *client) exchange(payload string, within time.Duration) (string, error) {
	if _, err := io.WriteString(c, payload); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(within))
	reply := make([]byte, maxDatagram)
	n, err := c.Read(reply)
	if err != nil {
		return "", err
	}
	greeting, echoed, _ := strings.Cut(string(reply[:n]), "\n")
	c.member, c.seen, _ = strings.Cut(greeting, " ")
	return echoed, nil
}

// whoAnswers opens n connections, or UDP flows, one after the other, and counts
// the members that answered.
func whoAnswers(t *testing.T, service Service, n int) map[string]int {
	t.Helper()
	answers := map[string]int{}
	for range n {
		c := whenConnected(t, anyClient, service)
		if service.Protocol == ProtocolUDP {
			if _, err := c.exchange("hello", patience); err != nil {
				t.Fatalf("no reply from %s: %v", service.listenAddr(), err)
			}
		}
		answers[c.member]++
		c.Close()
	}
	return answers
}
