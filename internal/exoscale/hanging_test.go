package exoscale

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// callers are many who ask at once, as workers do.
type callers struct {
	all                sync.WaitGroup
	answered, deferred atomic.Int32 // with what there is, with ErrLater
	failed             atomic.Int32
}

func (c *callers) ask(n int, question func() error) {
	for range n {
		c.all.Go(func() {
			switch err := question(); {
			case err == nil:
				c.answered.Add(1)
			case errors.Is(err, ErrLater) && ClassOf(err) == Transient:
				c.deferred.Add(1)
			default:
				c.failed.Add(1)
			}
		})
	}
}

const manyCallers, few = 25, 2

// limited lets few callers wait, and others a moment.
func (n *news) limited() InventoryOptions {
	options := n.options(never)
	options.Waiting, options.Moment = few, 10*time.Millisecond
	return options
}

func TestFewWaitForAListThatHangs(t *testing.T) {
	ctx := context.Background()
	for name, question := range map[string]struct {
		path string
		ask  func(*Inventory, string) error
		told func(*news) *int
	}{
		"NLBs": {"load-balancer", func(i *Inventory, zone string) error {
			_, err := i.LoadBalancers(ctx, zone)
			return err
		}, func(n *news) *int { return &n.zones }},
		"one NLB": {"load-balancer", func(i *Inventory, zone string) error {
			_, err := i.LoadBalancer(ctx, zone, someID)
			if ClassOf(err) == NotFound {
				return nil
			}
			return err
		}, func(n *news) *int { return &n.zones }},
		"NLBs before a create": {"load-balancer", func(i *Inventory, zone string) error {
			_, err := i.FreshLoadBalancers(ctx, zone)
			return err
		}, func(n *news) *int { return &n.zones }},
		"all NLBs that are known": {"load-balancer", func(i *Inventory, _ string) error {
			_, err := i.KnownLoadBalancers(ctx)
			return err
		}, func(n *news) *int { return &n.zones }},
		"pools": {"instance-pool", func(i *Inventory, zone string) error {
			_, err := i.InstancePools(ctx, zone)
			return err
		}, func(n *news) *int { return &n.members }},
		"an instance that is missing": {"instance", func(i *Inventory, zone string) error {
			_, err := i.FreshInstances(ctx, zone)
			return err
		}, func(n *news) *int { return &n.members }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cloud := givenCloud(t)
			gateway, through := cloud.gateway()
			gateway.hold("GET", question.path)
			told := &news{}
			inventory := cloud.inventory(cloud.client(through, patiently), told.limited())
			var asking callers
			ask := func() error { return question.ask(inventory, cloud.zone) }
			asking.ask(manyCallers, ask)
			g.Eventually(asking.deferred.Load).Should(BeNumerically("==", manyCallers-few), "while it still hangs")
			g.Expect(ask()).To(MatchError(ErrLater), "and nobody else begins to wait")
			g.Expect(asking.answered.Load()+asking.failed.Load()).To(BeZero(), "those who stay wait on")

			gateway.letGo()
			asking.all.Wait()
			g.Expect(asking.answered.Load()).To(BeNumerically("==", few))
			g.Eventually(told.count(question.told(told))).ShouldNot(BeZero(), "those who were sent away are woken")
			g.Expect(ask()).To(Succeed())
		})
	}
}

// patiently lets requests hang for longer than any test.
func patiently(o *Options) { o.Timeout = never }

func TestFewWaitForAReadOfOneNLBThatHangs(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(1)
	first, second := cloud.loadBalancer("first", pool), cloud.loadBalancer("second", pool)
	gateway, through := cloud.gateway()
	told := &news{}
	inventory := cloud.inventory(cloud.client(through, patiently), told.limited())
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	gateway.hold("GET", "load-balancer/")
	inventory.Invalidate(Key{Zone: cloud.zone, ID: first})
	read := func(id string) func() error {
		return func() error {
			_, err := inventory.LoadBalancer(ctx, cloud.zone, id)
			return err
		}
	}
	var asking callers
	asking.ask(manyCallers, read(first))
	g.Eventually(asking.deferred.Load).Should(BeNumerically("==", manyCallers-few))
	g.Expect(read(second)()).To(Succeed(), "what is known is answered from memory")
	inventory.Invalidate(Key{Zone: cloud.zone, ID: second})
	g.Expect(read(second)()).To(MatchError(ErrLater), "it is the zone that is slow")

	gateway.letGo()
	asking.all.Wait()
	g.Expect(asking.answered.Load()).To(BeNumerically("==", few))
	g.Eventually(told.of(first)).Should(BeTrue(), "those who were sent away are woken")
	g.Eventually(told.of(second)).Should(BeTrue())
	g.Expect(read(second)()).To(Succeed())
	g.Expect(cloud.calls(opGetLoadBalancer)).To(Equal(2), "it was read for all of them")
}

// A zone in trouble is asked by the background alone.
func TestAKeptErrorIsAnAnswer(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	gateway, through := cloud.gateway()
	gateway.with("GET", "load-balancer", "{}")
	gateway.with("GET", "instance", "{}")
	told := &news{}
	inventory := cloud.inventory(cloud.client(through, patiently), told.options(never))
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Transient))
	_, err = inventory.Instances(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Transient))

	list, instances := gateway.hold("GET", "load-balancer"), gateway.hold("GET", "instance")
	g.Eventually(list.arrived.Load).Should(BeNumerically("==", 1), "the background tries again")
	g.Eventually(instances.arrived.Load).Should(BeNumerically("==", 1))
	for range manyCallers { // each of these would hang if it waited
		_, err := inventory.LoadBalancers(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(Transient))
		_, err = inventory.LoadBalancer(ctx, cloud.zone, someID)
		g.Expect(ClassOf(err)).To(Equal(Transient))
		_, err = inventory.FreshLoadBalancers(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(Transient))
		_, err = inventory.Instances(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(Transient))
		_, err = inventory.FreshInstances(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(Transient))
	}
	g.Expect(list.arrived.Load()+instances.arrived.Load()).To(BeNumerically("==", 2), "nobody but the background calls")
	gateway.restore()
	gateway.letGo()
	g.Eventually(told.count(&told.zones)).Should(BeNumerically(">=", 2))
	_, err = inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
}

// Programs that end soon don't start the inventory: there who asks reads.
func TestWithoutABackgroundWhoAsksReads(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	cloud.refuseAll(opListLoadBalancers, 403)
	inventory, err := NewInventory(cloud.client(), InventoryOptions{Interval: time.Millisecond})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Forbidden))
	cloud.clearFaults()
	g.Eventually(func() error {
		_, err := inventory.LoadBalancers(ctx, cloud.zone)
		return err
	}).Should(Succeed(), "nobody else would look again")
	_, err = inventory.FreshLoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestACrowdIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{most: 2, moment: time.Second, clock: clock.RealClock{}}
		hanging := map[string]*flight{"a": newFlight(), "b": newFlight(), "c": newFlight()}
		waits := map[string]*callers{"a": {}, "b": {}, "c": {}}
		ask := func(zone string, n int) {
			waits[zone].ask(n, func() error { return c.wait(t.Context(), zone, "NLBs", hanging[zone]) })
			synctest.Wait()
		}
		expect := func(when, zone string, deferred, answered int32) {
			t.Helper()
			synctest.Wait()
			if w := waits[zone]; w.deferred.Load() != deferred || w.answered.Load() != answered || w.failed.Load() != 0 {
				t.Errorf("%s: %d of zone %s were sent away, %d answered; want %d, %d", when, w.deferred.Load(), zone, w.answered.Load(), deferred, answered)
			}
		}
		ask("a", 10)
		expect("for a moment all wait", "a", 0, 0)
		time.Sleep(time.Second)
		expect("then few stay", "a", 8, 0)
		ask("a", 5)
		expect("and nobody else begins to wait", "a", 13, 0)
		ask("b", 10)
		time.Sleep(time.Second)
		expect("another zone has its own", "b", 8, 0)
		ask("c", 10)
		expect("but all zones together have a limit", "c", 10, 0)
		if !hanging["a"].end(nil) {
			t.Error("it isn't told that somebody left")
		}
		expect("when the answer comes, those who stayed have it", "a", 13, 2)
		ask("a", 3)
		expect("and so has who comes later", "a", 13, 5)
		ask("c", 10)
		time.Sleep(time.Second)
		expect("there is room again", "c", 18, 0)
		hanging["b"].end(nil)
		hanging["c"].end(nil)
		for zone := range waits {
			waits[zone].all.Wait()
		}
		if c.all != 0 || len(c.staying) != 0 {
			t.Errorf("afterwards %d wait, %v", c.all, c.staying)
		}
	})
}

// One answer that asks to wait for an hour silenced a zone for that long.
func TestNobodyIsSilencedForAnHour(t *testing.T) {
	const most = 2*time.Minute + 12*time.Second // spread
	ctx := context.Background()
	for operation, call := range map[string]func(*Client, string) error{
		opListZones:         func(c *Client, zone string) error { _, err := c.LoadBalancers(ctx, zone); return err },
		opListLoadBalancers: func(c *Client, zone string) error { _, err := c.LoadBalancers(ctx, zone); return err },
		opListInstances:     func(c *Client, zone string) error { _, err := c.Instances(ctx, zone); return err },
		opGetOperation:      func(c *Client, zone string) error { _, err := c.GetOperation(ctx, zone, someID); return err },
		opGetQuota:          func(c *Client, zone string) error { _, err := c.Quota(ctx, zone, quotaLoadBalancers); return err },
		opCreateLoadBalancer: func(c *Client, zone string) error {
			_, err := c.CreateLoadBalancer(ctx, emptyZone(zone), nlb.LoadBalancerAttributes{Name: "web"})
			return err
		},
	} {
		for _, status := range []int{401, 403, 429, 503} {
			t.Run(fmt.Sprint(operation, " ", status), func(t *testing.T) {
				cloud := givenCloud(t)
				cloud.sim.Fault(exosim.Fault{Operation: operation, Kind: exosim.FaultStatus, Status: status, RetryAfter: 3600})
				err := call(cloud.client(), cloud.zone)
				if asked := retryAfterOf(err); err == nil || asked <= 0 || asked > 2*time.Minute {
					t.Errorf("%v asks to wait for %s", err, asked)
				}
				if delay := retryDelay(1, time.Minute, err); delay > most {
					t.Errorf("a list is read again after %s", delay)
				}
				if delay := pollDelay(1, time.Second, err); delay > most {
					t.Errorf("operations are asked about again after %s", delay)
				}
			})
		}
	}
	for name, value := range map[string]string{"seconds": "3600", "a date": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "more than fits": "9999999999999"} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, time.Now()); got <= 0 || got > 2*time.Minute {
			t.Errorf("%s: %s", name, got)
		}
	}
}
