package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/persist"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes milliseconds.
const patience = time.Minute

// server is a client of the API server of all tests.
var server client.Client

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code, err := withServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(run func() int) (code int, err error) {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	cluster, err := controlplane.Start(context.Background(), controlplane.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	config := cluster.Config()
	config.QPS, config.Burst = 500, 1000
	if server, err = client.New(config, client.Options{}); err != nil {
		return 0, err
	}
	return run(), nil
}

// scene is a simulated cloud in which time stands still, the cloud layer that
// speaks to it, and a journal with a clock of its own.
type scene struct {
	t   *testing.T
	g   Gomega
	sim *exosim.Server
	// cloudTime passes for operations, journalTime for what the journal remembers.
	cloudTime, journalTime *clocktesting.FakeClock
	cloud                  *exoscale.Client
	inventory              *exoscale.Inventory
	operations             *exoscale.Operations
	journal                *Journal
	woken                  *bell
}

// operationDelay is how long operations take by the time of the cloud.
const operationDelay = time.Second

func newScene(t *testing.T) *scene {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	s := &scene{
		t: t, g: NewWithT(t),
		cloudTime: clocktesting.NewFakeClock(now), journalTime: clocktesting.NewFakeClock(now),
	}
	s.g.SetDefaultEventuallyTimeout(patience)
	s.sim = exosim.StartTestServer(t, exosim.Options{Clock: s.cloudTime, OperationDelay: operationDelay})
	var err error
	if s.cloud, err = exoscale.NewClient(exoscale.Options{
		Endpoint: s.sim.Endpoint, Zone: exosim.DefaultZone, Credentials: exoscale.StaticCredentials(s.sim.Key, s.sim.Secret),
		RateLimit: exoscale.RateLimit{PerSecond: 10000, Burst: 10000},
	}); err != nil {
		t.Fatal(err)
	}
	s.restart()
	return s
}

// restart is a new process: it knows nothing of what the last one began.
func (s *scene) restart() {
	s.t.Helper()
	var err error
	s.inventory, err = exoscale.NewInventory(s.cloud, exoscale.InventoryOptions{Interval: time.Hour})
	if err != nil {
		s.t.Fatal(err)
	}
	s.woken = &bell{}
	s.operations = exoscale.NewOperations(s.cloud, s.inventory, s.woken.ring, exoscale.OperationsOptions{PollInterval: 5 * time.Millisecond})
	s.journal = New(KindLoadBalancer, s.operations, s.journalTime)
	s.run(s.inventory.Start)
	s.run(s.operations.Run)
}

// run runs something until the test ends, and waits for its end.
func (s *scene) run(start func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = start(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// bell notes whom the cloud layer wakes.
type bell struct {
	mu   sync.Mutex
	rung []exoscale.Owner
}

func (b *bell) ring(owner exoscale.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, owner)
}

func (b *bell) heard() []exoscale.Owner {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]exoscale.Owner(nil), b.rung...)
}

// change is an object that has one to make, and its place in the journal.
type change struct {
	*persist.Object[*v1alpha1.NetworkLoadBalancer]
	s     *scene
	began int // how many times the request was sent
}

// loadBalancer makes an object on the API server.
func (s *scene) loadBalancer() *change {
	s.t.Helper()
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{GenerateName: "nlb-", Namespace: "default"}}
	if err := server.Create(s.t.Context(), object); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := client.IgnoreNotFound(server.Delete(context.Background(), object)); err != nil {
			s.t.Error(err)
		}
	})
	return s.read(object)
}

// read is the object as a new round would find it.
func (s *scene) read(object *v1alpha1.NetworkLoadBalancer) *change {
	s.t.Helper()
	got := &v1alpha1.NetworkLoadBalancer{}
	if err := server.Get(s.t.Context(), client.ObjectKeyFromObject(object), got); err != nil {
		s.t.Fatal(err)
	}
	return &change{Object: persist.New(server, got), s: s}
}

func (c *change) owner() exoscale.Owner {
	return exoscale.Owner{Kind: KindLoadBalancer, NamespacedName: client.ObjectKeyFromObject(c.Now)}
}

func (c *change) entry() Entry {
	return Entry{
		Object: c.Now, Operation: &c.Now.Status.Operation, Key: LoadBalancerKey(c.Now, exosim.DefaultZone),
		Doing: func(action v1alpha1.OperationAction) string { return string(action) + " of the NLB" },
	}
}

// creation is the intent to make the NLB.
func (c *change) creation() v1alpha1.Operation {
	return v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: c.Now.Name}
}

// describe begins to change the description of the NLB.
func (c *change) describe(text string) (outcome.Outcome, error) {
	c.s.t.Helper()
	intent := v1alpha1.Operation{Action: v1alpha1.ActionUpdate, Name: c.Now.Name}
	return c.s.journal.Start(c.s.t.Context(), c.describing(text), intent, c, func(ctx context.Context) (exoscale.Operation, error) {
		c.began++
		return c.s.cloud.UpdateLoadBalancer(ctx, exosim.DefaultZone, c.Now.Status.ID, nlb.LoadBalancerChange{Description: &text})
	}, func(exoscale.Operation) {})
}

// describing is the entry of a change of the description.
func (c *change) describing(text string) Entry {
	entry := c.entry()
	entry.Change = "description → " + text
	return entry
}

// made is an object whose NLB is there.
func (c *change) made() *change {
	c.s.t.Helper()
	c.started().ended()
	c.s.journal.Conclude(c.s.t.Context(), c.entry())
	return c
}

// described is an object whose NLB has got a description, as the cloud says.
func (c *change) described(text string) *change {
	c.s.t.Helper()
	if out, err := c.describe(text); err != nil || out.Reason != v1alpha1.ReasonUpdating {
		c.s.t.Fatalf("%+v, %v", out, err)
	}
	c.ended()
	c.s.journal.Conclude(c.s.t.Context(), c.entry())
	return c
}

// create begins to make the NLB, with what a test does between the write of the
// intent and the request.
func (c *change) create(between ...func()) (outcome.Outcome, error) {
	c.s.t.Helper()
	entry := c.entry()
	entry.Key = exoscale.Key{Zone: exosim.DefaultZone, Name: c.Now.Name}
	return c.s.journal.Start(c.s.t.Context(), entry, c.creation(), c, func(ctx context.Context) (exoscale.Operation, error) {
		c.began++
		for _, do := range between {
			do()
		}
		return c.s.cloud.CreateLoadBalancer(ctx, c.s.listed(), nlb.LoadBalancerAttributes{Name: c.Now.Name})
	}, func(op exoscale.Operation) { c.Now.Status.ID = op.ReferenceID })
}

// started is create where nothing goes wrong.
func (c *change) started() *change {
	c.s.t.Helper()
	if out, err := c.create(); err != nil || out.Reason != v1alpha1.ReasonCreating {
		c.s.t.Fatalf("%+v, %v", out, err)
	}
	return c
}

// ended lets the operation end, and waits until the tracker has heard of it.
func (c *change) ended() *change {
	c.s.t.Helper()
	c.s.cloudTime.Step(operationDelay)
	c.s.g.Eventually(func() exoscale.OperationState {
		return c.s.operations.Result(exosim.DefaultZone, c.Now.Status.Operation.ID).State
	}).ShouldNot(BeElementOf(exoscale.Pending, exoscale.Unknown))
	return c
}

// listed are the NLBs of the zone, read now.
func (s *scene) listed() exoscale.ZoneEvidence {
	s.t.Helper()
	seen, err := s.inventory.ZoneEvidence(context.Background(), exosim.DefaultZone)
	if err != nil {
		s.t.Fatal(err)
	}
	return seen
}
