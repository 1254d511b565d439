package journal

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const (
	opCreate = "create-load-balancer"
	opUpdate = "update-load-balancer"
	opGet    = "get-operation"
)

func TestAChangeFromItsIntentToItsEnd(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer()
	start := s.journalTime.Now()

	out, err := c.create(func() {
		intent := s.read(c.Now).Now.Status.Operation
		s.g.Expect(intent).NotTo(BeNil(), "the intent is stored before the request is sent")
		s.g.Expect(intent.ID).To(BeEmpty())
		s.g.Expect(intent.Name).To(Equal(c.Now.Name))
		s.g.Expect(intent.StartedAt.Time).To(BeTemporally("==", start))
	})
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(out.Kind).To(Equal(outcome.KindWaiting))
	s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonCreating))
	s.g.Expect(out.Message).To(ContainSubstring(c.Now.Status.Operation.ID))

	stored := s.read(c.Now).Now.Status
	s.g.Expect(stored.Operation.ID).To(Equal(s.sim.PendingOperations()[0].ID), "the operation's id is stored")
	s.g.Expect(stored.ID).To(Equal(s.sim.LoadBalancers("")[0].ID), "and so is what the answer told")

	waiting, ended := s.journal.Progress(t.Context(), c.entry())
	s.g.Expect(ended).To(BeFalse())
	s.g.Expect(waiting).To(HaveValue(HaveField("Reason", v1alpha1.ReasonCreating)))
	s.g.Expect(s.woken.heard()).To(BeEmpty())

	c.ended()
	s.g.Eventually(s.woken.heard).Should(ConsistOf(c.owner()))
	waiting, ended = s.journal.Progress(t.Context(), c.entry())
	s.g.Expect(waiting).To(BeNil())
	s.g.Expect(ended).To(BeTrue())

	op := s.journal.Conclude(t.Context(), c.entry())
	s.g.Expect(op.ID).To(Equal(stored.Operation.ID))
	s.g.Expect(c.Now.Status.Operation).To(BeNil())
	s.g.Expect(s.operations.Result(exosim.DefaultZone, op.ID).State).To(Equal(exoscale.Unknown), "the result is forgotten")
	s.g.Expect(s.journal.Conclude(t.Context(), c.entry())).To(BeNil(), "what is closed can't be closed again")
	s.g.Expect(s.sim.Calls().Operations[opCreate]).To(Equal(1))
}

func TestAnIntentOnAStaleObjectIsNotBegun(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer()
	s.edit(c)

	_, err := c.create()
	s.g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "%v", err)
	s.g.Expect(c.began).To(BeZero())
	s.g.Expect(s.sim.Calls().Writes).To(BeZero())
	s.g.Expect(s.read(c.Now).Now.Status.Operation).To(BeNil())

	again := s.read(c.Now).started()
	s.g.Expect(again.began).To(Equal(1), "who has read the latest may begin at once")
}

// Two rounds that read the same, say of an old and a new leader: one begins.
func TestOfTwoRoundsOneBegins(t *testing.T) {
	s := newScene(t)
	one := s.loadBalancer()
	two := s.read(one.Now)
	one.started()
	out, err := two.create()
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonWaitingForOperation), "in one process, the change in flight is known")
	s.restart()
	_, err = two.create()
	s.g.Expect(apierrors.IsConflict(err)).To(BeTrue(), "%v", err)
	s.g.Expect(s.sim.Calls().Operations[opCreate]).To(Equal(1))
}

func TestTheIdOfAnOperationIsNotLost(t *testing.T) {
	t.Run("when the object is edited while the request is under way", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		_, err := c.create(func() { s.edit(c) })
		s.g.Expect(err).NotTo(HaveOccurred())
		stored := s.read(c.Now).Now
		s.g.Expect(stored.Status.Operation.ID).NotTo(BeEmpty())
		s.g.Expect(stored.Spec.Description).To(Equal("edited"))
	})
	t.Run("when the operator is stopped while the request is under way", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		ctx, stop := context.WithCancel(t.Context())
		_, err := s.journal.Start(ctx, c.entry(), c.creation(), c, func(ctx context.Context) (exoscale.Operation, error) {
			stop()
			return s.cloud.CreateLoadBalancer(ctx, s.listed(), nlb.LoadBalancerAttributes{Name: c.Now.Name})
		}, func(exoscale.Operation) {})
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(s.read(c.Now).Now.Status.Operation.ID).NotTo(BeEmpty())
	})
	t.Run("unless the object itself is gone, which is an error", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		_, err := c.create(func() { s.g.Expect(server.Delete(t.Context(), c.Now.DeepCopy())).To(Succeed()) })
		s.g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		c.ended()
		s.g.Eventually(s.woken.heard).Should(ConsistOf(c.owner()), "the operation is followed all the same")
	})
}

// How an operation ended, as the cloud tells it, and what comes of it.
func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		fails  string // the reason of the operation's failure; "" if it succeeds
		kind   outcome.Kind
		reason string
		stays  bool // the intent: what was to be made may be there all the same
	}{
		"it succeeds":                {},
		"it was incorrect":           {"incorrect", outcome.KindBlocked, v1alpha1.ReasonCloudError, false},
		"it isn't supported":         {"unsupported", outcome.KindBlocked, v1alpha1.ReasonCloudError, false},
		"it was forbidden":           {"forbidden", outcome.KindBlocked, v1alpha1.ReasonForbidden, true},
		"something wasn't found":     {"not-found", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
		"it was in conflict":         {"conflict", outcome.KindRetry, v1alpha1.ReasonRetrying, false},
		"the NLB was busy":           {"busy", outcome.KindWaiting, v1alpha1.ReasonWaitingForOperation, true},
		"the cloud was unavailable":  {"unavailable", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
		"it was interrupted":         {"interrupted", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
		"the cloud had a fault":      {"fault", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
		"it was done in part":        {"partial", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
		"nobody knows why it failed": {"unknown", outcome.KindRetry, v1alpha1.ReasonRetrying, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if test.fails != "" {
				s.sim.Fault(exosim.Fault{Operation: opCreate, Kind: exosim.FaultOperationFailure, Reason: test.fails})
			}
			c := s.loadBalancer().started().ended()
			was := *c.Now.Status.Operation
			out, ended := s.journal.Progress(t.Context(), c.entry())
			if test.fails == "" {
				s.g.Expect(out).To(BeNil())
				s.g.Expect(ended).To(BeTrue())
				s.g.Expect(c.Now.Status.Operation).NotTo(BeNil(), "the entry is closed by Conclude, once the effect is seen")
				return
			}
			s.g.Expect(ended).To(BeFalse())
			s.g.Expect(out).To(HaveValue(And(HaveField("Kind", test.kind), HaveField("Reason", test.reason))))
			s.g.Expect(out.Message).To(HavePrefix("Create of the NLB: "))
			var left *v1alpha1.Operation
			if test.stays {
				left = &v1alpha1.Operation{Action: was.Action, Name: was.Name, StartedAt: was.StartedAt}
			}
			s.g.Expect(c.Now.Status.Operation).To(Equal(left), "nobody follows the operation any more")
			s.g.Expect(s.operations.Result(exosim.DefaultZone, was.ID).State).To(Equal(exoscale.Unknown), "the result is forgotten")
			s.g.Expect(out.After).To(BeNumerically(">", 0))
			held, err := c.create()
			s.g.Expect(err).NotTo(HaveOccurred())
			s.g.Expect(held.Reason).To(Equal(test.reason), "the next attempt waits")
			s.g.Expect(c.began).To(Equal(1))
			s.g.Expect(c.Now.Status.Operation).To(Equal(left), "and what is recorded stays meanwhile")
		})
	}

	t.Run("a change of what is there already failed", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made()
		s.sim.Fault(exosim.Fault{Operation: opUpdate, Kind: exosim.FaultOperationFailure, Reason: "unavailable"})
		_, err := c.describe("shop")
		s.g.Expect(err).NotTo(HaveOccurred())
		c.ended()
		out, ended := s.journal.Progress(t.Context(), c.entry())
		s.g.Expect(ended).To(BeFalse())
		s.g.Expect(out).To(HaveValue(HaveField("Reason", v1alpha1.ReasonRetrying)))
		s.g.Expect(c.Now.Status.Operation).To(BeNil(), "there is nothing whose owner would have to be proven")
	})
	t.Run("nothing is recorded", func(t *testing.T) {
		s := newScene(t)
		out, ended := s.journal.Progress(t.Context(), s.loadBalancer().entry())
		s.g.Expect(out).To(BeNil())
		s.g.Expect(ended).To(BeFalse())
	})
	t.Run("an intent whose answer was lost isn't followed", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		c.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: c.Now.Name}
		out, ended := s.journal.Progress(t.Context(), c.entry())
		s.g.Expect(out).To(BeNil())
		s.g.Expect(ended).To(BeFalse())
	})
	t.Run("an earlier process started it", func(t *testing.T) {
		s := newScene(t)
		before := s.loadBalancer().started()
		s.restart()
		c := s.read(before.Now)
		for range 2 {
			out, ended := s.journal.Progress(t.Context(), c.entry())
			s.g.Expect(ended).To(BeFalse())
			s.g.Expect(out).To(HaveValue(HaveField("Reason", v1alpha1.ReasonCreating)))
		}
		c.ended()
		s.g.Eventually(s.woken.heard).Should(ConsistOf(c.owner()))
		_, ended := s.journal.Progress(t.Context(), c.entry())
		s.g.Expect(ended).To(BeTrue())
	})
	t.Run("the cloud has forgotten it", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		c.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: c.Now.Name, ID: "00000000-0000-4000-8000-000000000000"}
		s.g.Eventually(func() bool {
			_, ended := s.journal.Progress(t.Context(), c.entry())
			return ended
		}).Should(BeTrue(), "then the NLB itself tells what came of it")
	})
	t.Run("it can't be asked for", func(t *testing.T) {
		s := newScene(t)
		s.sim.Fault(exosim.Fault{Operation: opGet, Kind: exosim.FaultStatus, Status: 500})
		c := s.loadBalancer().started()
		s.g.Eventually(func() string {
			out, _ := s.journal.Progress(t.Context(), c.entry())
			return out.Message
		}).Should(ContainSubstring("how far it is can't be asked for: get-operation"))
		s.g.Expect(c.Now.Status.Operation).NotTo(BeNil(), "that is no failure of the change")
	})
	t.Run("it mayn't be asked for", func(t *testing.T) {
		s := newScene(t)
		s.sim.Fault(exosim.Fault{Operation: opGet, Kind: exosim.FaultStatus, Status: 403})
		c := s.loadBalancer().started()
		s.g.Eventually(func() *outcome.Outcome {
			out, _ := s.journal.Progress(t.Context(), c.entry())
			return out
		}).Should(HaveValue(And(HaveField("Kind", outcome.KindBlocked), HaveField("Reason", v1alpha1.ReasonForbidden))), "somebody has to act")
		s.g.Expect(c.Now.Status.Operation).NotTo(BeNil(), "that is no failure of the change, either")
	})
}

// A change that has ended is not made again only because reads lag behind.
func TestUnseen(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer().started().ended()
	out := s.journal.Unseen(c.entry())
	s.g.Expect(out).To(HaveValue(And(
		HaveField("Kind", outcome.KindWaiting),
		HaveField("Message", "Create of the NLB has ended; waiting until Exoscale shows it"),
		HaveField("After", effectNet),
	)))
	s.journalTime.Step(Visibility)
	s.g.Expect(s.journal.Unseen(c.entry())).NotTo(BeNil(), "to the last moment")
	s.journalTime.Step(time.Nanosecond)
	s.g.Expect(s.journal.Unseen(c.entry())).To(BeNil(), "then it is believed to be missing")

	lost := s.loadBalancer()
	lost.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, StartedAt: metav1.NewTime(s.journalTime.Now())}
	s.g.Expect(s.journal.Unseen(lost.entry())).To(HaveValue(
		HaveField("Message", "Create of the NLB may have been begun; waiting whether Exoscale shows it")))
}

// What came of a create without an answer is sure only after a while.
func TestLost(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	begun := func(action v1alpha1.OperationAction, id string, ago time.Duration) *v1alpha1.Operation {
		return &v1alpha1.Operation{Action: action, ID: id, StartedAt: metav1.NewTime(now.Add(-ago))}
	}
	for name, test := range map[string]struct {
		op   *v1alpha1.Operation
		want bool
	}{
		"nothing is recorded":                     {nil, false},
		"a create, just now":                      {begun(v1alpha1.ActionCreate, "", 0), true},
		"a create, to the last moment":            {begun(v1alpha1.ActionCreate, "", Visibility), true},
		"a create, longer ago":                    {begun(v1alpha1.ActionCreate, "", Visibility+1), false},
		"a create whose operation is known":       {begun(v1alpha1.ActionCreate, "op", 0), false},
		"a change, which the NLB itself tells of": {begun(v1alpha1.ActionUpdate, "", 0), false},
		"a delete, which can be repeated":         {begun(v1alpha1.ActionDelete, "", 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			j := New(KindLoadBalancer, nil, clocktesting.NewFakeClock(now))
			object := &v1alpha1.NetworkLoadBalancer{Status: v1alpha1.NetworkLoadBalancerStatus{Operation: test.op}}
			if got := j.Lost(Entry{Object: object, Operation: &object.Status.Operation}); got != test.want {
				t.Errorf("lost: %t", got)
			}
		})
	}
}

// A change that the cloud accepts and doesn't make isn't sent over and over.
func TestIneffective(t *testing.T) {
	waits := HaveValue(And(
		HaveField("Kind", outcome.KindWaiting), HaveField("Reason", v1alpha1.ReasonUpdating), HaveField("After", effectNet),
		HaveField("Message", "Exoscale accepted the change; waiting until it shows it"),
	))
	t.Run("the same change waits, and then counts as failed", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made().described("shop")
		for _, passed := range []time.Duration{0, Visibility - 1, 1} {
			s.journalTime.Step(passed)
			s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(waits)
		}
		s.journalTime.Step(1)
		failed := s.journal.Ineffective(c.describing("shop"))
		s.g.Expect(failed).To(HaveValue(And(HaveField("Kind", outcome.KindRetry), HaveField("Reason", v1alpha1.ReasonRetrying))))
		s.g.Expect(failed.After).To(BeNumerically(">", 0))
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil(), "that is told once")

		held, err := c.describe("shop")
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(held).To(Equal(*failed), "the next attempt waits")
		s.g.Expect(c.began).To(Equal(2), "the create, and the change")
		s.journalTime.Step(failed.After)
		c.described("shop")
		s.g.Expect(c.began).To(Equal(3))
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(waits, "and so on")
	})
	t.Run("a change whose operation failed wasn't made", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made()
		s.sim.Fault(exosim.Fault{Operation: opUpdate, Kind: exosim.FaultOperationFailure, Reason: "incorrect", Count: 1})
		_, err := c.describe("shop")
		s.g.Expect(err).NotTo(HaveOccurred())
		c.ended()
		failed, _ := s.journal.Progress(t.Context(), c.entry())
		s.g.Expect(failed).To(HaveValue(HaveField("Reason", v1alpha1.ReasonCloudError)))
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil(), "the failure goes on being told")
	})
	t.Run("another change passes", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made().described("shop")
		s.g.Expect(s.journal.Ineffective(c.describing("bank"))).To(BeNil())
		c.described("bank")
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil(), "the last change counts")
		s.g.Expect(s.journal.Ineffective(c.describing("bank"))).To(waits)
		s.journalTime.Step(Visibility + 1)
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil(), "another one, later, too")
		_, err := c.describe("shop")
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(c.began).To(Equal(4), "nothing has failed")
	})
	t.Run("a change that can't be left without effect passes", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made()
		s.g.Expect(s.journal.Ineffective(c.entry())).To(BeNil(), "a create doesn't say what it changes")
	})
	t.Run("another object's change passes", func(t *testing.T) {
		s := newScene(t)
		s.loadBalancer().made().described("shop")
		s.g.Expect(s.journal.Ineffective(s.loadBalancer().describing("shop"))).To(BeNil())
	})
	t.Run("what was as wanted in between is changed anew", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made().described("shop")
		s.journal.Succeeded(c.entry())
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil())
	})
	t.Run("a change that was refused wasn't made", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer().made()
		s.sim.Fault(exosim.Fault{Operation: opUpdate, Kind: exosim.FaultStatus, Status: 409, Count: 1})
		_, err := c.describe("shop")
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(s.journal.Ineffective(c.describing("shop"))).To(BeNil())
	})
	t.Run("a new process makes it once more", func(t *testing.T) {
		s := newScene(t)
		before := s.loadBalancer().made().described("shop")
		s.restart()
		s.g.Expect(s.journal.Ineffective(before.describing("shop"))).To(BeNil())
	})
}

func (s *scene) edit(c *change) {
	s.t.Helper()
	got := s.read(c.Now).Now
	got.Spec.Description = "edited"
	if err := server.Update(s.t.Context(), got); err != nil {
		s.t.Fatal(err)
	}
}

// What the cloud says to the request itself.
func TestRefusedRequests(t *testing.T) {
	for name, test := range map[string]struct {
		fault  exosim.Fault
		kind   outcome.Kind
		reason string
		stays  bool // the intent
		held   bool // the next attempt waits
	}{
		"an invalid request":   {exosim.Fault{Status: 400}, outcome.KindBlocked, v1alpha1.ReasonCloudError, false, true},
		"wrong credentials":    {exosim.Fault{Status: 401}, outcome.KindBlocked, v1alpha1.ReasonInvalidCredentials, false, true},
		"a right that lacks":   {exosim.Fault{Status: 403}, outcome.KindBlocked, v1alpha1.ReasonForbidden, false, true},
		"a bill to be paid":    {exosim.Fault{Status: 402}, outcome.KindBlocked, v1alpha1.ReasonCloudError, false, true},
		"a wrong endpoint":     {exosim.Fault{Status: 404}, outcome.KindRetry, v1alpha1.ReasonRetrying, true, true},
		"a conflict":           {exosim.Fault{Status: 409}, outcome.KindRetry, v1alpha1.ReasonRetrying, false, true},
		"another's change":     {exosim.Fault{Status: 423}, outcome.KindWaiting, v1alpha1.ReasonWaitingForOperation, false, false},
		"too many requests":    {exosim.Fault{Status: 429}, outcome.KindRetry, v1alpha1.ReasonRetrying, true, true},
		"a fault of the cloud": {exosim.Fault{Status: 500}, outcome.KindRetry, v1alpha1.ReasonRetrying, true, true},
		"a lost request":       {exosim.Fault{Kind: exosim.FaultResetBefore}, outcome.KindRetry, v1alpha1.ReasonRetrying, true, true},
		"a lost answer":        {exosim.Fault{Kind: exosim.FaultResetAfter}, outcome.KindRetry, v1alpha1.ReasonRetrying, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if test.fault.Operation, test.fault.Count = opCreate, 1; test.fault.Kind == "" {
				test.fault.Kind = exosim.FaultStatus
			}
			s.sim.Fault(test.fault)
			c := s.loadBalancer()
			out, err := c.create()
			s.g.Expect(err).NotTo(HaveOccurred())
			s.g.Expect(out).To(And(HaveField("Kind", test.kind), HaveField("Reason", test.reason)))
			s.g.Expect(c.Now.Status.Operation != nil).To(Equal(test.stays), "the intent stays only if it may have been done")
			s.g.Expect(s.read(c.Now).Now.Status.Operation).To(HaveValue(HaveField("ID", "")), "a crash now leaves the intent")
			if test.stays {
				s.g.Expect(s.journal.Conclude(t.Context(), c.entry()).ID).To(BeEmpty())
			}
			again, err := s.read(c.Now).create()
			s.g.Expect(err).NotTo(HaveOccurred())
			if held := again.Message == out.Message; held != test.held {
				t.Errorf("the next attempt is held back: %t; it says %s", held, again.Message)
			}
		})
	}

	t.Run("a change of what isn't there", func(t *testing.T) {
		s := newScene(t)
		c := s.loadBalancer()
		c.Now.Status.ID = "00000000-0000-4000-8000-000000000000"
		out, err := s.journal.Start(t.Context(), c.entry(), v1alpha1.Operation{Action: v1alpha1.ActionUpdate}, c, func(ctx context.Context) (exoscale.Operation, error) {
			description := "changed"
			return s.cloud.UpdateLoadBalancer(ctx, exosim.DefaultZone, c.Now.Status.ID, nlb.LoadBalancerChange{Description: &description})
		}, func(exoscale.Operation) {})
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonRetrying))
		s.g.Expect(c.Now.Status.Operation).To(BeNil())
	})

	t.Run("a used up quota", func(t *testing.T) {
		s := newScene(t)
		s.sim.SetQuota("", "network-load-balancer", 0)
		out, err := s.loadBalancer().create()
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonQuotaExceeded))
	})

	t.Run("a change of the same NLB in flight is waited for, and nobody is asked", func(t *testing.T) {
		s := newScene(t)
		first := s.loadBalancer().started()
		lost := v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "before", StartedAt: metav1.NewTime(s.journalTime.Now())}
		second := s.read(first.Now)
		for _, recorded := range []*v1alpha1.Operation{nil, &lost} { // say its status was lost
			second.Now.Status.Operation = recorded
			before := second.Now.DeepCopy()
			out, err := second.create()
			s.g.Expect(err).NotTo(HaveOccurred())
			s.g.Expect(out.Kind).To(Equal(outcome.KindWaiting))
			s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonWaitingForOperation))
			s.g.Expect(second.began).To(BeZero())
			s.g.Expect(second.Now).To(Equal(before), "what is recorded stays")
		}
		s.g.Expect(s.read(first.Now).Now.ResourceVersion).To(Equal(first.Now.ResourceVersion), "nothing is written")
		first.ended()
		s.g.Eventually(s.woken.heard).Should(ContainElement(second.owner()))
	})

	t.Run("who is woken by another's change finds the NLB free, and isn't held back", func(t *testing.T) {
		s := newScene(t)
		holder := s.loadBalancer().made()
		other := s.loadBalancer()
		other.Now.Status.ID = holder.Now.Status.ID // say two objects for one NLB, as services are
		_, err := holder.describe("first")
		s.g.Expect(err).NotTo(HaveOccurred())
		out, err := other.describe("second")
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonWaitingForOperation))
		s.g.Expect(other.began).To(BeZero())
		s.g.Expect(s.read(other.Now).Now.Status.Operation).To(BeNil(), "no intent is written")
		holder.ended()
		s.g.Eventually(s.woken.heard).Should(ContainElement(other.owner()))
		out, err = other.describe("second")
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(out.Reason).To(Equal(v1alpha1.ReasonUpdating))
		s.g.Expect(other.began).To(Equal(1))
	})
}

// After a failure the next attempt waits, longer each time, whatever wakes the
// object; what the user does about it is tried at once.
func TestHoldingBack(t *testing.T) {
	for name, c := range map[string]struct {
		status         int
		first, longest time.Duration
	}{
		"what may pass":             {409, 2 * time.Second, time.Minute},
		"what a person has to mend": {400, time.Minute, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) { holdsBack(t, c.status, c.first, c.longest) })
	}
}

func holdsBack(t *testing.T, status int, shortest, longest time.Duration) {
	s := newScene(t)
	remove := s.sim.Fault(exosim.Fault{Operation: opCreate, Kind: exosim.FaultStatus, Status: status})
	c := s.loadBalancer()
	var before *v1alpha1.NetworkLoadBalancer
	attempt := func() (outcome.Outcome, int) {
		c = s.read(c.Now)
		before = c.Now.DeepCopy()
		out, err := c.create()
		s.g.Expect(err).NotTo(HaveOccurred())
		return out, c.began
	}

	first, _ := attempt()
	delays := []time.Duration{first.After}
	for range 6 {
		s.journalTime.Step(delays[len(delays)-1] - time.Nanosecond)
		held, began := attempt()
		s.g.Expect(began).To(BeZero(), "too early")
		s.g.Expect(held.Message).To(Equal(first.Message), "it goes on telling why")
		s.g.Expect(held.After).To(Equal(time.Nanosecond), "and looks again when it is time")
		s.g.Expect(c.Now).To(Equal(before), "what is recorded stays")
		s.g.Expect(s.read(c.Now).Now).To(Equal(before), "nothing is written")

		s.journalTime.Step(time.Nanosecond)
		again, began := attempt()
		s.g.Expect(began).To(Equal(1))
		delays = append(delays, again.After)
	}
	s.g.Expect(delays[0]).To(And(BeNumerically(">=", shortest), BeNumerically("<=", shortest*6/5)))
	for i := range delays[1:] {
		s.g.Expect(delays[i+1]).To(BeNumerically(">=", delays[i]), "%v", delays)
	}
	s.g.Expect(delays[len(delays)-1]).To(BeNumerically("~", longest, longest/4))

	s.edit(c)
	_, began := attempt()
	s.g.Expect(began).To(Equal(1), "a new spec is tried at once")

	other := s.loadBalancer()
	_, err := other.create()
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(other.began).To(Equal(1), "another object isn't held back")

	remove()
	s.journalTime.Step(2 * longest)
	_, began = attempt()
	s.g.Expect(began).To(Equal(1))
	c.ended()
	s.journal.Conclude(t.Context(), c.entry())
	failed := s.journal.Failed(c.entry(), outcome.Attempt{}, outcome.Outcome{Kind: first.Kind})
	s.g.Expect(failed.After).To(BeNumerically("<=", first.After*3/2), "after a success it begins anew")
	s.journal.Succeeded(c.entry())
	_, began = attempt()
	s.g.Expect(began).To(Equal(1), "what is forgotten holds nobody back")
}

// What a person has to mend is tried at once where the cause may be gone.
func TestARefusalIsTriedAgainOnceItsCauseMayBeGone(t *testing.T) {
	s := newScene(t)
	other := s.loadBalancer().made()
	s.sim.SetQuota("", "network-load-balancer", 1)
	c := s.loadBalancer()
	attempt := func() int {
		c = s.read(c.Now)
		_, err := c.create()
		s.g.Expect(err).NotTo(HaveOccurred())
		return c.began
	}
	s.g.Expect(attempt()).To(Equal(1))
	s.listed() // shows what there is
	s.g.Expect(attempt()).To(BeZero())
	s.sim.DeleteLoadBalancer(other.Now.Status.ID)
	s.g.Expect(attempt()).To(BeZero(), "nobody has seen it go")
	s.listed()
	s.g.Expect(attempt()).To(Equal(1))
}

func TestLoadBalancerKey(t *testing.T) {
	for name, test := range map[string]struct {
		op   *v1alpha1.Operation
		want exoscale.Key
	}{
		"an NLB that is being created goes by its name": {&v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "edge"}, exoscale.Key{Zone: "z", Name: "edge"}},
		"one that is being changed goes by its id":      {&v1alpha1.Operation{Action: v1alpha1.ActionUpdate, Name: "edge"}, exoscale.Key{Zone: "z", ID: "id"}},
		"and so does one that is left alone":            {nil, exoscale.Key{Zone: "z", ID: "id"}},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.NetworkLoadBalancer{Status: v1alpha1.NetworkLoadBalancerStatus{ID: "id", Operation: test.op}}
			if diff := cmp.Diff(test.want, LoadBalancerKey(object, "z")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
