package dataplane

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A race detector makes the most of this one.
func TestChangesUnderTraffic(t *testing.T) {
	plane := givenPlane(t, Options{})
	pool := givenPool(t, 3)
	overTCP, overUDP := pool.service(ProtocolTCP), pool.service(ProtocolUDP)
	whenApplied(t, plane, overTCP, overUDP)
	thenHealthy(t, plane, overTCP, pool.members...)
	thenHealthy(t, plane, overUDP, pool.members...)

	var (
		traffic  sync.WaitGroup
		attempts atomic.Int64
		stop     = make(chan struct{})
		toTCP    = overTCP // the originals change below
		toUDP    = overUDP
	)
	for range 4 {
		traffic.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c, err := connect(anyClient, toTCP); err == nil {
					_ = c.echo("hello")
					c.Close()
				}
				if c, err := connect(anyClient, toUDP); err == nil {
					_, _ = c.exchange("hello", 10*time.Millisecond)
					c.Close()
				}
				plane.Health(toTCP.ID)
				attempts.Add(1)
			}
		})
	}
	everyone := overTCP.Backends
	for round := range 100 {
		pool.members[round%3].healthy.Store(round%2 == 0)
		backends := slices.Delete(slices.Clone(everyone), round%3, round%3+1)
		strategy := []string{StrategyRoundRobin, StrategySourceHash, StrategyMaglevHash}[round%3]
		overTCP.Backends, overUDP.Backends = backends, backends
		overTCP.Strategy, overUDP.Strategy = strategy, strategy
		overTCP.HealthCheck.Retries = 1 + round%4
		whenApplied(t, plane, overTCP, overUDP)
		before := attempts.Load()
		eventually(t, func() bool { return attempts.Load() > before })
	}
	close(stop)
	traffic.Wait()

	for _, m := range pool.members {
		m.healthy.Store(true)
	}
	overTCP.Backends, overUDP.Backends = everyone, everyone
	whenApplied(t, plane, overTCP, overUDP)
	thenHealthy(t, plane, overTCP, pool.members...)
	thenHealthy(t, plane, overUDP, pool.members...)
	whoAnswers(t, overTCP, 6)
	whoAnswers(t, overUDP, 6)
}
