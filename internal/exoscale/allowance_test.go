package exoscale

import (
	"context"
	"math"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestTheAllowanceIsWhatMemoryShows(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	source := &changing{}
	source.set(cloud.credentials)
	id := cloud.loadBalancer("one", cloud.pool(1))
	client := cloud.client(func(o *Options) { o.Credentials = source })
	inventory := cloud.inventory(client, InventoryOptions{Interval: 20 * time.Millisecond, Quota: true})
	operations := NewOperations(client, inventory, func(Owner) {}, OperationsOptions{})
	zone, nlb := Key{Zone: cloud.zone, Name: "two"}, Key{Zone: cloud.zone, ID: id}
	is := func(key Key) func() Allowance { return func() Allowance { return operations.Allowance(key) } }

	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(operations.Allowance(nlb)).To(Equal(Allowance{Used: 1}), "one service")
	g.Eventually(is(zone)).Should(Equal(Allowance{Used: 1, Limit: math.MaxInt64}), "one NLB, and no limit")

	cloud.quota(7)
	cloud.loadBalancer("another", cloud.pool(1))
	g.Eventually(is(zone)).Should(Equal(Allowance{Used: 2, Limit: 7}))

	before := operations.Allowance(zone).Access
	source.set(cloud.credentials)
	g.Expect(operations.Allowance(zone).Access).To(Equal(before+1), "the credentials were written anew")
	cloud.refuseAll(opListLoadBalancers, 503)
	g.Eventually(func() error { _, err := inventory.LoadBalancers(ctx, cloud.zone); return err }).Should(HaveOccurred())
	g.Expect(operations.Allowance(zone).Access).To(Equal(before+1), "nothing is better yet")
	cloud.clearFaults()
	g.Eventually(is(nlb)).Should(HaveField("Access", before+2), "the zone is readable again")

	cloud.resetCalls()
	for range 100 {
		operations.Allowance(Key{Zone: cloud.zone, ID: someID})
	}
	g.Expect(cloud.calls(opGetLoadBalancer)).To(BeZero(), "nobody is asked")
}

func TestThatAnNLBIsGoneIsTold(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(1)
	listed, read := cloud.loadBalancer("listed", pool), cloud.loadBalancer("read", pool)
	told := &news{}
	options := told.options(never)
	options.Vanished = func(string) { told.mu.Lock(); defer told.mu.Unlock(); told.vanished++ }
	inventory := cloud.inventory(cloud.client(), options)
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = inventory.FreshLoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(told.count(&told.vanished)()).To(BeZero())

	cloud.sim.DeleteLoadBalancer(listed)
	_, err = inventory.FreshLoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(told.count(&told.vanished)()).To(Equal(1), "by a list")

	cloud.sim.DeleteLoadBalancer(read)
	inventory.Invalidate(Key{Zone: cloud.zone, ID: read})
	_, err = inventory.LoadBalancer(ctx, cloud.zone, read)
	g.Expect(ClassOf(err)).To(Equal(NotFound))
	g.Expect(told.count(&told.vanished)()).To(Equal(2), "by a read")
}
