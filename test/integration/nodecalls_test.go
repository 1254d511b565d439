package integration

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// idleCalls are the calls of a world at rest, by operation, during some lists of
// the instances, and how many there may be of each: one a sync period.
func (w *world) idleCalls() (calls map[string]int, most int) {
	w.t.Helper()
	w.settles()
	since := time.Now()
	w.sim.ResetCalls()
	w.g.Eventually(func() int { return w.sim.Calls().Operations["list-instances"] }).Should(BeNumerically(">=", 5))
	calls = w.sim.Calls().Operations
	return calls, int(time.Since(since)/syncPeriod) + 1 // the first may come at once
}

// At rest nothing is called that a few Nodes don't call for, too, and that not
// more often: one list of each kind a sync period, whatever the number of Nodes.
func TestCallsAtRestDoNotGrowWithTheNodes(t *testing.T) {
	t.Parallel()
	kinds := map[int][]string{}
	for _, pools := range []int{1, 5} {
		nodes := 2 * pools * pools
		t.Run(fmt.Sprintf("Nodes: %d, pools: %d", nodes, pools), func(t *testing.T) {
			w := newWorld(t, setup{Nodes: -1, Operator: func(o *app.Options) { o.NodeInitialization, o.NodeDeletion = true, true }})
			network := w.sim.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "storage", StartIP: "10.40.0.1", EndIP: "10.40.0.254", Netmask: "255.255.255.0"})
			nodepools := make([]exosim.SKSNodepool, pools)
			for i := range pools {
				pool := w.pool
				if i > 0 {
					pool = w.addPool(fmt.Sprint("pool-", i), -1)
				}
				w.sim.MutatePool(pool.ID, func(p *exosim.InstancePool) { p.PrivateNetworks = []exosim.Ref{{ID: network.ID}} })
				w.sim.ScalePool(pool.ID, nodes/pools)
				nodepools[i] = exosim.SKSNodepool{Name: pool.Name, InstancePool: exosim.Ref{ID: pool.ID}}
				for _, instance := range w.sim.Members(pool.ID) {
					w.addNode(instance, pool.Name)
				}
			}
			w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: nodepools})
			w.g.Eventually(w.identities).Should(And(HaveLen(nodes), HaveEach("True/Verified")))

			calls, most := w.idleCalls()
			for operation, times := range calls {
				kinds[pools] = append(kinds[pools], operation)
				w.g.Expect(times).To(BeNumerically("<=", most), operation)
			}
			w.g.Expect(calls).To(HaveKey("list-private-networks"))
			w.g.Expect(calls).To(HaveKey("list-sks-clusters"))
		})
	}
	NewWithT(t).Expect(kinds[5]).To(ConsistOf(kinds[1]))
}

// A scale-up is identified by what two lists of each kind tell: the one that may
// have begun before it, and the next. No further one is answered here.
func TestAScaleUpIsIdentifiedWithinTwoLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 2, Operator: unhurried})
	w.g.Eventually(w.identities).Should(And(HaveLen(2), HaveEach("True/Verified")))
	const grown = 32
	w.sim.ScalePool(w.pool.ID, grown)
	for _, list := range []string{"list-instances", "list-instance-pools"} {
		w.sim.Fault(exosim.Fault{Operation: list, Kind: exosim.FaultLatency, Latency: time.Hour, Nth: 3, Count: 1000})
	}
	w.g.Eventually(w.identities).Should(HaveLen(grown))
	for _, instance := range w.sim.Members(w.pool.ID)[2:] {
		w.g.Expect(w.identity(instance.Name).Spec.InstanceID).To(Equal(instance.ID))
		w.addNode(instance, "workers")
	}
	w.g.Eventually(w.identities).Should(And(HaveLen(grown), HaveEach("True/Verified")), "as soon as their Nodes join, without any further call")
	w.g.Expect(w.sim.Calls().Operations).NotTo(HaveKey("get-instance"))
}
