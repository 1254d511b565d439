package exoscale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func owner(name string) Owner {
	return Owner{Kind: "NetworkLoadBalancer", NamespacedName: types.NamespacedName{Namespace: "default", Name: name}}
}

// bells counts who was woken, and runs a check at that moment.
type bells struct {
	mu    sync.Mutex
	rung  map[Owner]int
	check func(Owner)
}

func (b *bells) ring(o Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = map[Owner]int{}
	}
	b.rung[o]++
	if b.check != nil {
		b.check(o)
	}
}

func (b *bells) of(o Owner) func() int {
	return func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.rung[o]
	}
}

// tracker is what the tests of Operations work with, running.
type tracker struct {
	*cloud
	client     *Client
	inventory  *Inventory
	operations *Operations
	bells      *bells
}

func givenTracker(t *testing.T, options ...func(*cloudOptions)) *tracker {
	t.Helper()
	return givenTrackerThatPolls(t, OperationsOptions{PollInterval: 5 * time.Millisecond}, options...)
}

func givenTrackerThatPolls(t *testing.T, polls OperationsOptions, options ...func(*cloudOptions)) *tracker {
	t.Helper()
	c := givenCloud(t, options...)
	client := c.client()
	inventory := c.inventory(client, InventoryOptions{Interval: never})
	b := &bells{}
	o := NewOperations(client, inventory, b.ring, polls)
	c.run(o.Run)
	return &tracker{cloud: c, client: client, inventory: inventory, operations: o, bells: b}
}

func (tr *tracker) create(name string) (Operation, error) {
	return tr.operations.Start(context.Background(), Key{Zone: tr.zone, Name: name}, owner(name), createNamed(tr.client, tr.zone, name))
}

func createNamed(client *Client, zone, name string) func(context.Context) (Operation, error) {
	return func(ctx context.Context) (Operation, error) {
		return client.CreateLoadBalancer(ctx, emptyZone(zone), nlb.LoadBalancerAttributes{Name: name})
	}
}

func (tr *tracker) describe(id, description string, by Owner) (Operation, error) {
	return tr.operations.Start(context.Background(), Key{Zone: tr.zone, ID: id}, by, func(ctx context.Context) (Operation, error) {
		return tr.client.UpdateLoadBalancer(ctx, tr.zone, id, nlb.LoadBalancerChange{Description: &description})
	})
}

func TestAnOperationEndsWithItsOwnerWokenAndTheNLBReadFresh(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	tr := givenTracker(t)
	_, err := tr.inventory.LoadBalancers(ctx, tr.zone) // the memory is from before
	g.Expect(err).NotTo(HaveOccurred())
	var seen Result
	var made nlb.LoadBalancer
	var operation string
	ready := make(chan struct{})
	tr.bells.check = func(Owner) {
		<-ready
		seen = tr.operations.Result(tr.zone, operation)
		made, _ = tr.inventory.LoadBalancer(ctx, tr.zone, seen.ReferenceID)
	}
	tr.hold()
	op, err := tr.create("web")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Pending))
	operation = op.ID
	close(ready)
	tr.letEnd()
	g.Eventually(tr.bells.of(owner("web"))).Should(Equal(1))
	g.Expect(seen.State).To(Equal(Success), "the result is there when the owner is woken")
	g.Expect(made.State).To(Equal(nlb.StateRunning), "and so is the NLB as it is after the operation")
	g.Expect(made.Address).NotTo(BeEmpty())

	tr.operations.Forget(tr.zone, op.ID)
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Unknown))
}

// What the inventory knew before the change must not be what the woken owner sees.
func TestAChangedNLBIsReadAfterTheChange(t *testing.T) {
	for name, n := range map[string]int{"a few": 1, "many at once": 2 * fewFlying} {
		t.Run(name, func(t *testing.T) {
			g, ctx := NewWithT(t), context.Background()
			tr := givenTrackerThatPolls(t, OperationsOptions{PollInterval: 5 * time.Millisecond, SlowInterval: 20 * time.Millisecond})
			pool := tr.pool(1)
			ids := make([]string, n)
			for i := range ids {
				ids[i] = tr.loadBalancer(fmt.Sprint("web-", i), pool)
			}
			_, err := tr.inventory.LoadBalancers(ctx, tr.zone)
			g.Expect(err).NotTo(HaveOccurred())
			tr.bells.check = func(o Owner) {
				lb, err := tr.inventory.LoadBalancer(ctx, tr.zone, o.Name)
				if err != nil || lb.Description != "changed" {
					t.Errorf("the owner sees %q, %v", lb.Description, err)
				}
			}
			for _, id := range ids {
				_, err := tr.describe(id, "changed", owner(id))
				g.Expect(err).NotTo(HaveOccurred())
			}
			for _, id := range ids {
				g.Eventually(tr.bells.of(owner(id))).Should(Equal(1))
			}
		})
	}
}

func TestAFailedOperationHasAClass(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	tr.failOperation(opCreateLoadBalancer, "conflict")
	op, err := tr.create("web")
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(tr.bells.of(owner("web"))).Should(Equal(1))
	result := tr.operations.Result(tr.zone, op.ID)
	g.Expect(result.State).To(Equal(Failure))
	g.Expect(result.Class).To(Equal(Conflict))
	g.Expect(result.Reason).To(Equal("conflict"))
	g.Expect(ClassOf(result.Err())).To(Equal(Conflict))
}

func TestOneChangeOfAnNLBAtATime(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	id := tr.loadBalancer("web", tr.pool(1))
	other := tr.loadBalancer("other", tr.pool(1))
	before := tr.writes()

	tr.hold()
	_, err := tr.describe(id, "first", owner("first"))
	g.Expect(err).NotTo(HaveOccurred())
	for range 3 {
		_, err = tr.describe(id, "second", owner("second"))
		g.Expect(err).To(MatchError(ErrBusy))
	}
	_, err = tr.describe(other, "third", owner("third"))
	g.Expect(err).NotTo(HaveOccurred(), "another NLB is free")
	g.Expect(tr.writes()-before).To(Equal(2), "who is refused calls nobody")
	tr.letEnd()
	g.Eventually(tr.bells.of(owner("second"))).Should(Equal(1), "who was refused is woken, once")
	_, err = tr.describe(id, "second", owner("second"))
	g.Expect(err).NotTo(HaveOccurred(), "and finds the NLB free")
	g.Eventually(tr.bells.of(owner("second"))).Should(Equal(2))
}

func TestWhoAsksWhetherAnNLBIsBusyIsWokenOnceItIsnt(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	id := tr.loadBalancer("web", tr.pool(1))
	key := Key{Zone: tr.zone, ID: id}
	g.Expect(tr.operations.Busy(key, owner("asks"))).To(BeFalse(), "nothing is in flight")

	before := tr.writes()
	begun, waits, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(waits) })
	defer release()
	go func() {
		defer close(done)
		_, _ = tr.operations.Start(context.Background(), key, owner("first"), func(context.Context) (Operation, error) {
			close(begun)
			<-waits
			return Operation{}, &Error{Class: Invalid, Message: "not begun at all"}
		})
	}()
	<-begun
	for range 3 {
		g.Expect(tr.operations.Busy(key, owner("second"))).To(BeTrue(), "from the request on")
	}
	g.Expect(tr.operations.Busy(Key{ID: id}, owner("third"))).To(BeTrue(), "no zone is the default zone")
	g.Expect(tr.operations.Busy(Key{Zone: tr.zone, Name: "web"}, owner("fourth"))).To(BeFalse(), "another key")
	g.Expect(tr.writes()).To(Equal(before), "who asks calls nobody")
	release()
	<-done
	g.Eventually(tr.bells.of(owner("second"))).Should(Equal(1), "who asked is woken, once")
	g.Eventually(tr.bells.of(owner("third"))).Should(Equal(1))
	g.Expect(tr.bells.of(owner("asks"))()).To(BeZero(), "who found it free isn't")
	g.Expect(tr.bells.of(owner("fourth"))()).To(BeZero())
	g.Expect(tr.operations.Busy(key, owner("second"))).To(BeFalse(), "and to ask holds nothing")
}

func TestALostAnswerFreesTheNLBAndMarksIt(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	tr := givenTracker(t)
	id := tr.loadBalancer("web", tr.pool(1))
	_, err := tr.inventory.LoadBalancers(ctx, tr.zone)
	g.Expect(err).NotTo(HaveOccurred())

	tr.resetAfter(opUpdateLoadBalancer)
	_, err = tr.describe(id, "made all the same", owner("web"))
	g.Expect(ClassOf(err)).To(Equal(Transient))
	g.Eventually(func(g Gomega) {
		lb, err := tr.client.LoadBalancer(ctx, tr.zone, id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lb.Description).To(Equal("made all the same"))
	}).Should(Succeed())
	lb, err := tr.inventory.LoadBalancer(ctx, tr.zone, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.Description).To(Equal("made all the same"), "the next read is fresh")
	_, err = tr.describe(id, "again", owner("web"))
	g.Expect(err).NotTo(HaveOccurred(), "the NLB is free")
}

func TestALostCreateIsFoundByAList(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	tr := givenTracker(t)
	_, err := tr.inventory.LoadBalancers(ctx, tr.zone)
	g.Expect(err).NotTo(HaveOccurred())
	tr.resetAfter(opCreateLoadBalancer)
	_, err = tr.create("web")
	g.Expect(ClassOf(err)).To(Equal(Transient))
	list, err := tr.inventory.LoadBalancers(ctx, tr.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(ContainElement(HaveField("Name", "web")))
}

func TestAChangeThatPanicsFreesTheNLB(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	key := Key{Zone: tr.zone, Name: "web"}
	g.Expect(func() {
		_, _ = tr.operations.Start(context.Background(), key, owner("web"), func(context.Context) (Operation, error) { panic("bug") })
	}).To(Panic())
	_, err := tr.create("web")
	g.Expect(err).NotTo(HaveOccurred())
}

func TestAnOperationOfAnEarlierProcessIsResumed(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	tr := givenTracker(t)
	tr.hold()
	op, err := tr.client.CreateLoadBalancer(ctx, emptyZone(tr.zone), nlb.LoadBalancerAttributes{Name: "web"}) // not by the tracker
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Unknown))
	key := Key{Zone: tr.zone, Name: "web"}
	for range 3 {
		tr.operations.Resume(key, owner("web"), op.ID)
	}
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Pending))
	_, err = tr.create("web")
	g.Expect(err).To(MatchError(ErrBusy), "a resumed operation holds its NLB")
	tr.letEnd()
	g.Eventually(tr.bells.of(owner("web"))).Should(Equal(1))
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Success))
	tr.operations.Resume(key, owner("web"), op.ID)
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Success), "what has ended isn't resumed")
}

func TestAnOperationThatTheCloudForgotIsGone(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	for _, id := range []string{someID, "recorded by something else"} {
		tr.operations.Resume(Key{Zone: tr.zone, ID: someID}, owner(id), id)
		g.Eventually(tr.bells.of(owner(id))).Should(Equal(1))
		g.Expect(tr.operations.Result(tr.zone, id).State).To(Equal(Gone))
	}
}

func TestTroubleWithPollingKeepsAnOperationPending(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	tr.refuseAll(opGetOperation, 403)
	op, err := tr.create("web")
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() Class { return tr.operations.Result(tr.zone, op.ID).Class }).Should(Equal(Forbidden), "the owner can tell why")
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Pending))
	tr.clearFaults()
	g.Eventually(tr.bells.of(owner("web"))).Should(Equal(1))
	g.Expect(tr.operations.Result(tr.zone, op.ID).State).To(Equal(Success))
}

// createMany starts n creates at once and waits until all owners were woken.
func (tr *tracker) createMany(g Gomega, n int) (ids []string) {
	operations := make([]Operation, n)
	failures := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { operations[i], failures[i] = tr.create(fmt.Sprintf("web-%d", i)) })
	}
	all.Wait()
	for i := range n {
		g.Expect(failures[i]).NotTo(HaveOccurred())
		g.Eventually(tr.bells.of(owner(fmt.Sprintf("web-%d", i)))).Should(Equal(1))
		ids = append(ids, operations[i].ID)
	}
	return ids
}

// Fifty at once: the list tells when it is time to ask.
func TestPollingManyOperationsIsCheap(t *testing.T) {
	const n = 50
	g := NewWithT(t)
	tr := givenTrackerThatPolls(t, OperationsOptions{PollInterval: 100 * time.Millisecond, SlowInterval: never},
		func(o *cloudOptions) { o.operationDelay = time.Second })
	for _, id := range tr.createMany(g, n) {
		g.Expect(tr.operations.Result(tr.zone, id).State).To(Equal(Success))
	}
	t.Logf("%d operations: %d questions, %d lists, %d reads of one NLB", n,
		tr.calls(opGetOperation), tr.calls(opListLoadBalancers), tr.calls(opGetLoadBalancer))
	g.Expect(tr.calls(opGetOperation)).To(BeNumerically("<=", 2*n))
	g.Expect(tr.calls(opGetLoadBalancer)).To(BeNumerically("<", n/2))
	list, err := tr.inventory.LoadBalancers(context.Background(), tr.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(And(HaveLen(n), HaveEach(HaveField("State", nlb.StateRunning))), "all were read after their end")
}

// What the list doesn't show is asked about at the slower pace.
func TestAFailureAmongManyIsSeen(t *testing.T) {
	g := NewWithT(t)
	tr := givenTrackerThatPolls(t, OperationsOptions{PollInterval: 10 * time.Millisecond, SlowInterval: 50 * time.Millisecond},
		func(o *cloudOptions) { o.operationDelay = 100 * time.Millisecond })
	tr.failOperation(opCreateLoadBalancer, "unavailable")
	failed := 0
	for _, id := range tr.createMany(g, 2*fewFlying) {
		if result := tr.operations.Result(tr.zone, id); result.State == Failure {
			g.Expect(result.Class).To(Equal(Transient))
			failed++
		}
	}
	g.Expect(failed).To(Equal(1))
}

func TestNothingIsPolledWhenNothingIsInFlight(t *testing.T) {
	g := NewWithT(t)
	tr := givenTracker(t)
	_, err := tr.create("web")
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(tr.bells.of(owner("web"))).Should(Equal(1))
	g.Eventually(func() int {
		tr.operations.mu.Lock()
		defer tr.operations.mu.Unlock()
		return len(tr.operations.pollers) + len(tr.operations.flying) + len(tr.operations.locks)
	}).Should(BeZero(), "nothing is left behind")
}

func TestDoubtAfterAFailedStart(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{&Error{Class: Transient}, true}, {&Error{Class: Transient, Status: 503}, true}, {&Error{Class: Transient, Status: 429}, false},
		{&Error{Class: NotFound}, true}, {&Error{Class: Conflict}, true}, {&Error{Class: Busy}, true},
		{&Error{Class: Invalid}, false}, {&Error{Class: QuotaExceeded}, false}, {&Error{Class: InvalidCredentials}, false}, {&Error{Class: Forbidden}, false},
		{errors.New("of somebody else"), true},
	} {
		if got := castsDoubt(tc.err); got != tc.want {
			t.Errorf("%v: got %v", tc.err, got)
		}
	}
}

// Each request that begins a change takes a worker until Exoscale answers it.
func TestFewChangesBeginAtOnceInAZoneThatHangs(t *testing.T) {
	const most, many = 3, 12
	g := NewWithT(t)
	cloud := givenCloud(t)
	gateway, through := cloud.gateway()
	client := cloud.client(through, patiently)
	moved := clocktesting.NewFakeClock(time.Now())
	b := &bells{}
	inventory := cloud.inventory(client, InventoryOptions{Interval: never})
	operations := NewOperations(client, inventory, b.ring, OperationsOptions{MaxBeginning: most, Clock: moved})
	tr := &tracker{cloud: cloud, client: client, inventory: inventory, operations: operations, bells: b}
	var begun sync.WaitGroup
	begin := func(i int) { begun.Go(func() { _, _ = tr.create(fmt.Sprint("web-", i)) }) }

	hanging := gateway.hold("POST", "load-balancer")
	for i := range most {
		begin(i)
	}
	g.Eventually(hanging.arrived.Load).Should(BeNumerically("==", most))
	for i := most; i < many; i++ {
		_, err := tr.create(fmt.Sprint("web-", i))
		g.Expect(err).To(MatchError(ErrCrowded))
		g.Expect(operations.Busy(Key{Zone: cloud.zone, Name: fmt.Sprint("web-", i)}, owner(fmt.Sprint("web-", i)))).To(BeTrue(), "and says so before anything is written for it")
	}
	g.Expect(operations.Busy(Key{Zone: "another", Name: "web"}, owner("elsewhere"))).To(BeFalse(), "another zone is free")

	moved.Step(2 * slowBeginning) // it has shown to be slow
	gateway.letGo()
	begun.Wait()
	rung := func() (n int) {
		for i := most; i < many; i++ {
			n += min(1, b.of(owner(fmt.Sprint("web-", i)))())
		}
		return n
	}
	g.Expect(rung()).To(Equal(most), "as each ends, one of those who wait is woken")
	hanging = gateway.hold("POST", "load-balancer")
	begin(most)
	g.Eventually(hanging.arrived.Load).Should(BeNumerically("==", 1))
	_, err := tr.create(fmt.Sprint("web-", most+1))
	g.Expect(err).To(MatchError(ErrCrowded), "a zone that was slow gets one at a time")
	gateway.letGo()
	begun.Wait()
	g.Expect(rung()).To(Equal(2*most), "until it answers soon")
	for i := range most {
		_, err := tr.create(fmt.Sprint("web-", most+1+i))
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Eventually(rung).Should(Equal(many-most), "in the end nobody is left waiting")
}
