package exoscale

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes a fraction of a second.
const patience = time.Minute

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(patience)
	os.Exit(m.Run())
}

// cloud is a simulated Exoscale, as the tests speak of it.
type cloud struct {
	t           *testing.T
	sim         *exosim.Server
	clock       *movedClock
	delay       time.Duration
	zone        string
	credentials Credentials
}

type cloudOptions struct {
	operationDelay time.Duration
}

func givenCloud(t *testing.T, options ...func(*cloudOptions)) *cloud {
	t.Helper()
	o := cloudOptions{operationDelay: 5 * time.Millisecond}
	for _, option := range options {
		option(&o)
	}
	moved := &movedClock{}
	sim := exosim.StartTestServer(t, exosim.Options{OperationDelay: o.operationDelay, Clock: moved})
	return &cloud{
		t: t, sim: sim, clock: moved, delay: o.operationDelay, zone: exosim.DefaultZone,
		credentials: Credentials{Key: sim.Key, Secret: sim.Secret},
	}
}

// movedClock is the real one, ahead by what the test says.
type movedClock struct{ ahead atomic.Int64 }

// Now implements exosim.Clock.
func (c *movedClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// hold lets no operation that is started from now on end, until letEnd is called.
func (c *cloud) hold() { c.sim.SetOperationDelay(never) }

// letEnd ends the operations that were held, and lets others take their time.
func (c *cloud) letEnd() {
	c.sim.SetOperationDelay(c.delay)
	c.clock.ahead.Add(int64(never))
}

// pool makes an instance pool of so many instances, and gives its id.
func (c *cloud) pool(size int64) string {
	return c.sim.AddPool(c.zone, exosim.InstancePool{Name: "workers", Size: size}).ID
}

func (c *cloud) scale(pool string, size int) { c.sim.ScalePool(pool, size) }

func (c *cloud) quota(limit int64) { c.sim.SetQuota(c.zone, "network-load-balancer", limit) }

func (c *cloud) calls(operation string) int { return c.sim.Calls().Operations[operation] }

func (c *cloud) allCalls() int {
	calls := c.sim.Calls()
	return calls.Reads + calls.Writes
}

func (c *cloud) writes() int { return c.sim.Calls().Writes }

func (c *cloud) resetCalls() { c.sim.ResetCalls() }

// The next call of the operation goes wrong.

func (c *cloud) resetBefore(operation string) {
	c.next(operation, exosim.Fault{Kind: exosim.FaultResetBefore})
}
func (c *cloud) resetAfter(operation string) {
	c.next(operation, exosim.Fault{Kind: exosim.FaultResetAfter})
}

func (c *cloud) refuse(operation string, status int) {
	c.next(operation, exosim.Fault{Kind: exosim.FaultStatus, Status: status})
}

func (c *cloud) slow(operation string, latency time.Duration) {
	c.next(operation, exosim.Fault{Kind: exosim.FaultLatency, Latency: latency})
}

// failOperation lets the operation that the next call starts fail.
func (c *cloud) failOperation(operation, reason string) {
	c.next(operation, exosim.Fault{Kind: exosim.FaultOperationFailure, Reason: reason})
}

// refuseAll refuses every call of the operation, until clearFaults.
func (c *cloud) refuseAll(operation string, status int) {
	c.sim.Fault(exosim.Fault{Operation: operation, Kind: exosim.FaultStatus, Status: status})
}

func (c *cloud) clearFaults() { c.sim.ClearFaults() }

func (c *cloud) next(operation string, fault exosim.Fault) {
	fault.Operation, fault.Count = operation, 1
	c.sim.Fault(fault)
}
