package udptraffic

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

// clients send datagrams without a pause, each after the reply to the one before.
// None is sent again.
type clients struct {
	stop    atomic.Bool
	sending sync.WaitGroup

	mu       sync.Mutex
	sent     []int // by client
	lost     int
	answered map[string]int // by who answered
}

// whenSending starts so many clients. A datagram is lost if its reply isn't there
// within a time.
func (c *cluster) whenSending(number int, within time.Duration) *clients {
	c.t.Helper()
	s := &clients{sent: make([]int, number), answered: map[string]int{}}
	for client := range number {
		conn, err := net.Dial("udp4", net.JoinHostPort(c.address, port))
		if err != nil {
			c.t.Fatal(err)
		}
		s.sending.Go(func() {
			defer conn.Close()
			for n := 0; !s.stop.Load(); n++ {
				s.exchange(conn, client, n, within)
				time.Sleep(time.Millisecond) // the machine has other things to do
			}
		})
	}
	c.t.Cleanup(s.end)
	return s
}

func (s *clients) end() {
	s.stop.Store(true)
	s.sending.Wait()
}

func (s *clients) exchange(conn net.Conn, client, n int, within time.Duration) {
	datagram := fmt.Sprintf("datagram %d of client %d", n, client)
	_, _ = conn.Write([]byte(datagram))
	_ = conn.SetReadDeadline(time.Now().Add(within))
	reply := make([]byte, 1<<10)
	answerer := ""
	for answerer == "" {
		n, err := conn.Read(reply)
		if err != nil {
			break
		}
		// A reply to an earlier one is too late.
		if name := sidecar.Answerer(string(reply[:n])); string(reply[:n]) == sidecar.Greeting(name, datagram) {
			answerer = name
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[client]++
	if answerer == "" {
		s.lost++
		return
	}
	s.answered[answerer]++
}

// sentByAll waits until what each client is sending now has been answered, or is lost.
func (s *clients) sentByAll(t *testing.T) {
	t.Helper()
	now := func() []int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Clone(s.sent)
	}
	before := now()
	NewWithT(t).Eventually(func() bool {
		after := now()
		for client := range after {
			if after[client] == before[client] {
				return false
			}
		}
		return true
	}).WithTimeout(patience).WithPolling(time.Millisecond).Should(BeTrue(), "each client's going on")
}

// answeredBy tells whether a Pod has answered anything.
func (s *clients) answeredBy(p *pod) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.answered[p.name] > 0
	}
}

// told prints the counts.
func (s *clients) told(t *testing.T) (sent, answered int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var by []string
	for _, name := range slices.Sorted(maps.Keys(s.answered)) {
		by = append(by, fmt.Sprintf("%s %d", name, s.answered[name]))
		answered += s.answered[name]
	}
	for _, count := range s.sent {
		sent += count
	}
	t.Logf("%d datagrams sent, %d answered (%s), %d lost", sent, answered, strings.Join(by, ", "), s.lost)
	return sent, answered
}
