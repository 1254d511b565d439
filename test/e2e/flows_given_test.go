//go:build linux

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// flows are datagrams through an NLB, one after the other without waiting for the
// answers, until they are stopped: some flows of one port each, that stay with their
// Pod as long as they can, and one that takes another port for every datagram.
type flows struct {
	to      string
	end     chan struct{}
	running sync.WaitGroup

	mu         sync.Mutex
	sent       int
	unanswered map[string]bool
}

// beat is the time between two datagrams of a flow.
const beat = 20 * time.Millisecond

// startFlows opens so many that last, beside the one that doesn't.
func (s *scene) startFlows(to *v1alpha1.NLBService, lasting int) *flows {
	s.Helper()
	f := &flows{to: addressOf(to), end: make(chan struct{}), unanswered: map[string]bool{}}
	for range lasting {
		conn, err := net.Dial("udp4", f.to)
		s.must(err)
		f.running.Go(func() { f.hear(conn) })
		f.running.Go(func() {
			f.everyBeat(func(message string) { _, _ = fmt.Fprintln(conn, message) }) // what is lost is counted
			_ = conn.SetReadDeadline(time.Now().Add(answerPatience))
		})
	}
	f.running.Go(func() {
		f.everyBeat(func(message string) {
			f.running.Go(func() {
				if _, err := ask("udp4", f.to, message); err == nil {
					f.answered(message)
				}
			})
		})
	})
	return f
}

func (f *flows) everyBeat(send func(message string)) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		f.mu.Lock()
		f.sent++
		message := fmt.Sprintf("message %d", f.sent)
		f.unanswered[message] = true
		f.mu.Unlock()
		send(message)
		select {
		case <-f.end:
			return
		case <-ticker.C:
		}
	}
}

// hear takes answers until the deadline that is set in the end.
func (f *flows) hear(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		answer, err := reader.ReadString('\n')
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if _, message, found := strings.Cut(strings.TrimSpace(answer), " "); found {
			f.answered(message)
		}
	}
}

func (f *flows) answered(message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.unanswered, message)
}

// stop ends them, waits for the last answers, and counts.
func (f *flows) stop() (sent, lost int) {
	close(f.end)
	f.running.Wait()
	return f.sent, len(f.unanswered)
}
