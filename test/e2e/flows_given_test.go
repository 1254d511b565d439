//go:build linux

package e2e

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// flows are conversations through an NLB that go on until they are ended: some from
// one port each, that stay with their Pod as long as they can, and one that takes
// another port for every datagram.
type flows struct {
	sent, answered atomic.Int64
	end            chan struct{}
	running        sync.WaitGroup
}

// beat is the time between two datagrams of a flow.
const beat = 20 * time.Millisecond

// startFlows opens so many that last.
func (s *scene) startFlows(to *v1alpha1.NLBService, lasting int) *flows {
	s.Helper()
	f := &flows{end: make(chan struct{})}
	for range lasting {
		conn, err := net.Dial("udp4", addressOf(to))
		s.must(err)
		f.running.Go(func() {
			defer conn.Close()
			f.converse(func(message string) error {
				if err := conn.SetDeadline(time.Now().Add(answerPatience)); err != nil {
					return err
				}
				_, err := exchange(conn, message)
				return err
			})
		})
	}
	f.running.Go(func() {
		f.converse(func(message string) error {
			_, err := ask("udp4", addressOf(to), message)
			return err
		})
	})
	return f
}

func (f *flows) converse(exchange func(message string) error) {
	for {
		if err := exchange("message " + strconv.FormatInt(f.sent.Add(1), 10)); err == nil {
			f.answered.Add(1)
		}
		select {
		case <-f.end:
			return
		case <-time.After(beat):
		}
	}
}

// stop ends them, and returns what they counted.
func (f *flows) stop() (sent, answered int) {
	close(f.end)
	f.running.Wait()
	return int(f.sent.Load()), int(f.answered.Load())
}
