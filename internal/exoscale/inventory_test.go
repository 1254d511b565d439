package exoscale

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// news collects the callbacks of an inventory.
type news struct {
	mu       sync.Mutex
	ids      []string
	members  int
	zones    int
	vanished int
}

func (n *news) options(interval time.Duration) InventoryOptions {
	count := func(what *int) func(string) {
		return func(string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			*what++
		}
	}
	return InventoryOptions{
		Interval: interval,
		Changed: func(_, id string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.ids = append(n.ids, id)
		},
		MembersChanged: count(&n.members),
		ZoneChanged:    count(&n.zones),
	}
}

func (n *news) of(id string) func() bool {
	return func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return slices.Contains(n.ids, id)
	}
}

func (n *news) count(what *int) func() int {
	return func() int {
		n.mu.Lock()
		defer n.mu.Unlock()
		return *what
	}
}

func (n *news) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ids, n.members, n.zones = nil, 0, 0
}

func TestOneListFeedsAHundredReaders(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	id := cloud.loadBalancer("web", cloud.pool(2))
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: never})
	cloud.resetCalls()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			list, err := inventory.LoadBalancers(ctx, cloud.zone)
			if err != nil || len(list) != 1 {
				t.Errorf("%v, %v", list, err)
			}
			if lb, err := inventory.LoadBalancer(ctx, cloud.zone, id); err != nil || lb.ID != id {
				t.Errorf("%v, %v", lb, err)
			}
			if pools, err := inventory.InstancePools(ctx, cloud.zone); err != nil || len(pools) != 1 {
				t.Errorf("%v, %v", pools, err)
			}
			if instances, err := inventory.Instances(ctx, cloud.zone); err != nil || len(instances) != 2 {
				t.Errorf("%v, %v", instances, err)
			}
		})
	}
	all.Wait()
	g.Expect(cloud.calls(opListLoadBalancers)).To(Equal(1))
	g.Expect(cloud.calls(opGetLoadBalancer)).To(BeZero())
	g.Expect(cloud.calls(opListInstancePools)).To(Equal(1))
	g.Expect(cloud.calls(opListInstances)).To(Equal(1))
	g.Expect(cloud.calls(opListSKSClusters)).To(BeZero(), "what nobody asks for isn't read")
	for range 10 {
		_, err := inventory.FreshInstances(ctx, cloud.zone)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(cloud.calls(opListInstances)).To(Equal(1), "forced reads are limited")
}

func TestChangesInTheCloudAreTold(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	client := cloud.client()
	pool := cloud.pool(2)
	same, drifts := cloud.loadBalancer("same", pool), cloud.loadBalancer("drifts", pool)
	told := &news{}
	inventory := cloud.inventory(client, told.options(10*time.Millisecond))
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = inventory.Instances(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())

	description := "by somebody"
	cloud.done(client.UpdateLoadBalancer(ctx, cloud.zone, drifts, nlb.LoadBalancerChange{Description: &description}))
	g.Eventually(told.of(drifts)).Should(BeTrue(), "one that differs")
	appears := cloud.done(client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "appears"})).ReferenceID
	g.Eventually(told.of(appears)).Should(BeTrue(), "one that appeared")
	g.Eventually(func() (nlb.LoadBalancer, error) { return inventory.LoadBalancer(ctx, cloud.zone, appears) }).Should(HaveField("State", nlb.StateRunning))
	g.Expect(told.of(same)()).To(BeFalse(), "one that is the same is no news")
	told.forget()
	cloud.done(client.DeleteLoadBalancer(ctx, seen(cloud.zone, appears)))
	g.Eventually(told.of(appears)).Should(BeTrue(), "one that vanished")
	cloud.scale(pool, 3)
	g.Eventually(told.count(&told.members)).ShouldNot(BeZero(), "an instance more")
	g.Eventually(told.of(same)).Should(BeTrue(), "and with it a backend more")
}

func TestAbsenceInAListIsConfirmed(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: never})
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	id := cloud.loadBalancer("not in the list yet", cloud.pool(1))
	lb, err := inventory.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred(), "a list that lacks it isn't believed")
	g.Expect(lb.ID).To(Equal(id))

	before := cloud.calls(opGetLoadBalancer)
	for range 10 {
		_, err = inventory.LoadBalancer(ctx, cloud.zone, someID)
		g.Expect(ClassOf(err)).To(Equal(NotFound))
	}
	g.Expect(cloud.calls(opGetLoadBalancer)-before).To(Equal(1), "once confirmed, an absence is remembered")
}

func TestWhatWasMarkedIsReadAgain(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	client := cloud.client()
	pool := cloud.pool(1)
	ids := []string{cloud.loadBalancer("a", pool), cloud.loadBalancer("b", pool), cloud.loadBalancer("c", pool), cloud.loadBalancer("d", pool)}
	inventory := cloud.inventory(client, InventoryOptions{Interval: never})
	read := func() {
		t.Helper()
		_, err := inventory.LoadBalancers(ctx, cloud.zone)
		g.Expect(err).NotTo(HaveOccurred())
	}
	read()
	cloud.resetCalls()
	read()
	inventory.Invalidate(Key{Zone: cloud.zone, ID: ids[0]})
	read()
	read()
	g.Expect(cloud.calls(opGetLoadBalancer)).To(Equal(1), "one mark, one read")
	g.Expect(cloud.calls(opListLoadBalancers)).To(BeZero())
	for _, id := range ids {
		inventory.Invalidate(Key{Zone: cloud.zone, ID: id})
	}
	read()
	g.Expect(cloud.calls(opGetLoadBalancer)).To(Equal(1))
	g.Expect(cloud.calls(opListLoadBalancers)).To(Equal(1), "many marks, one list")
	inventory.Invalidate(Key{Zone: cloud.zone, Name: "lost"})
	read()
	g.Expect(cloud.calls(opListLoadBalancers)).To(Equal(2), "a lost create, one list")
	inventory.Invalidate(Key{Zone: cloud.zone, ID: ids[1]})
	_, err := inventory.LoadBalancer(ctx, cloud.zone, ids[2])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cloud.calls(opGetLoadBalancer)).To(Equal(1), "a mark on another one costs nothing")
	_, err = inventory.LoadBalancer(ctx, cloud.zone, ids[1])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cloud.calls(opGetLoadBalancer)).To(Equal(2))
}

func TestAFreshListIsFresh(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: never})
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	id := cloud.loadBalancer("lost", cloud.pool(1))
	list, err := inventory.FreshLoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(ContainElement(HaveField("ID", id)))
}

// Revoked and restored credentials are seen by every object, though only the
// inventory calls.
func TestRevokedCredentialsAreToldAndHeal(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	source := &changing{}
	source.set(cloud.credentials)
	told := &news{}
	inventory := cloud.inventory(cloud.client(func(o *Options) { o.Credentials = source }), told.options(never))
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())

	source.set(Credentials{Key: cloud.credentials.Key, Secret: "revoked"})
	g.Eventually(told.count(&told.zones)).Should(Equal(2), "of the change, and of what it led to")
	cloud.resetCalls()
	for range 50 {
		_, err = inventory.LoadBalancers(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(InvalidCredentials))
		_, err = inventory.LoadBalancer(ctx, cloud.zone, someID)
		g.Expect(ClassOf(err)).To(Equal(InvalidCredentials))
	}
	g.Expect(cloud.calls(opListLoadBalancers)+cloud.calls(opGetLoadBalancer)).To(BeNumerically("<=", 2), "who asks is answered from memory")

	source.set(cloud.credentials)
	g.Eventually(told.count(&told.zones)).Should(Equal(4))
	_, err = inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestAZoneHealsByItself(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	cloud.refuseAll(opListLoadBalancers, 503)
	told := &news{}
	inventory := cloud.inventory(cloud.client(), told.options(20*time.Millisecond))
	inventory.Watch(cloud.zone)
	g.Eventually(told.count(&told.zones)).Should(Equal(1))
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Transient))
	cloud.clearFaults()
	g.Eventually(told.count(&told.zones)).Should(Equal(2))
	_, err = inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestAnUnknownZoneIsToldAndForgotten(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: never})
	for range 3 {
		inventory.Watch("xx-nowhere-1")
		_, err := inventory.LoadBalancers(ctx, "xx-nowhere-1")
		g.Expect(ClassOf(err)).To(Equal(UnknownZone))
	}
	g.Expect(cloud.calls(opListZones)).To(Equal(1))
	g.Eventually(func() int {
		inventory.mu.Lock()
		defer inventory.mu.Unlock()
		return len(inventory.zones)
	}).Should(BeZero(), "names of zones that aren't don't pile up")
}

func TestIdleCostsOneListAnInterval(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(1)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		cloud.loadBalancer(name, pool)
	}
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: 20 * time.Millisecond})
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	cloud.resetCalls()
	g.Eventually(func() int { return cloud.calls(opListLoadBalancers) }).Should(BeNumerically(">=", 5))
	g.Expect(cloud.allCalls()).To(BeNumerically("<=", cloud.calls(opListLoadBalancers)), "nothing but the list is called")
}
