package node_test

import (
	"maps"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/controllers/node"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// counted is what is told to those who count.
type counted struct {
	mu      sync.Mutex
	removed int
	halted  map[string]string
}

func (c *counted) deleting(o *node.Options) {
	deleting(o)
	c.halted = map[string]string{}
	o.Removed = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.removed++
	}
	o.Halted = func(node, cause string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.halted[node] = cause; cause == "" {
			delete(c.halted, node)
		}
	}
}

func (c *counted) now() (removed int, halted map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removed, maps.Clone(c.halted)
}

func TestRemovalsAndWhatHaltsThemAreCounted(t *testing.T) {
	s, instances, _ := crew(t, 2)
	var told counted
	s.run(told.deleting)
	s.lose(instances...)
	first, second := instances[0].Name, instances[1].Name
	s.Eventually(func(g Gomega) {
		removed, halted := told.now()
		g.Expect(halted).To(Equal(map[string]string{first: "ListEmpty", second: "ListEmpty"}))
		g.Expect(removed).To(BeZero())
	}).Should(Succeed())

	s.join(s.sim.AddInstance("", exosim.Instance{Name: "successor", Manager: &exosim.Manager{ID: s.pool.ID}}))
	s.Eventually(func(g Gomega) {
		removed, halted := told.now()
		g.Expect(removed).To(Equal(1), "one of three may go")
		g.Expect(halted).To(ConsistOf("ShareUsedUp"))
	}).Should(Succeed())
}
