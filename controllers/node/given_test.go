package node_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/node"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes a fraction of a second.
const patience = time.Minute

// plane is the control plane of all tests. They run one after the other: Nodes
// have no namespaces.
var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	os.Exit(withPlane(m.Run))
}

func withPlane(run func() int) int {
	var err error
	if plane, err = controlplane.Start(context.Background(), controlplane.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return run()
}

// scene is a cluster of Nodes and a simulated cloud with a pool. The test plays
// the kubelets, and the controller that keeps NodeIdentities true.
type scene struct {
	Gomega
	client.WithWatch
	t     *testing.T
	sim   *exosim.Server
	pool  exosim.InstancePool
	clock *shiftedClock
	// interval between two lists, and how long each call may take; inventory reads
	// the lists once run was called.
	interval, timeout time.Duration
	inventory         *exoscale.Inventory
}

func newScene(t *testing.T, size int64) *scene {
	t.Helper()
	c, err := client.NewWithWatch(plane.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{Gomega: NewWithT(t), WithWatch: c, t: t, clock: &shiftedClock{Clock: clock.RealClock{}}, interval: 100 * time.Millisecond, timeout: patience}
	s.SetDefaultEventuallyTimeout(patience)
	s.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	s.sim = exosim.StartTestServer(t, exosim.Options{})
	s.pool = s.sim.AddPool("", exosim.InstancePool{Name: "workers", Size: size, InstancePrefix: "workers"})
	t.Cleanup(func() {
		for _, kind := range []client.Object{&corev1.Node{}, &v1alpha1.NodeIdentity{}} {
			if err := c.DeleteAllOf(context.Background(), kind); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// run runs the controllers until the test ends, on short times.
func (s *scene) run(edit func(*node.Options)) {
	s.t.Helper()
	mgr, err := ctrl.NewManager(plane.Config(), ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}})
	s.Expect(err).NotTo(HaveOccurred())
	cloud, err := exoscale.NewClient(exoscale.Options{
		Endpoint: s.sim.Endpoint, Zone: exosim.DefaultZone, Credentials: exoscale.StaticCredentials(s.sim.Key, s.sim.Secret),
		RateLimit: exoscale.RateLimit{PerSecond: 1000, Burst: 1000}, Timeout: s.timeout,
	})
	s.Expect(err).NotTo(HaveOccurred())
	s.inventory, err = exoscale.NewInventory(cloud, exoscale.InventoryOptions{Interval: s.interval})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(mgr.Add(s.inventory)).To(Succeed())
	options := node.Options{
		Client: mgr.GetClient(), Cloud: cloud, Inventory: s.inventory, Events: mgr.GetEventRecorder("test"), Clock: s.clock,
		Limits:  nodegone.Limits{MinAge: time.Nanosecond, Grace: time.Nanosecond, MaxListAge: time.Hour},
		Recheck: 50 * time.Millisecond, SkipNameValidation: true,
	}
	edit(&options)
	s.Expect(node.Setup(s.t.Context(), mgr, options)).To(Succeed())

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the manager ended: %v", err)
		}
	})
}

func initialising(o *node.Options) { o.Initialise = true }

func deleting(o *node.Options) { o.Delete = true }

// members are the instances of the pool.
func (s *scene) members() []exosim.Instance { return s.sim.Members(s.pool.ID) }

// register makes the Node of an instance, as its kubelet does.
func (s *scene) register(instance exosim.Instance, edit func(*corev1.Node)) *corev1.Node {
	s.t.Helper()
	made := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: instance.Name}}
	if edit != nil {
		edit(made)
	}
	status := made.Status
	s.Expect(s.Create(s.t.Context(), made)).To(Succeed())
	before := made.DeepCopy()
	status.NodeInfo.SystemUUID = instance.ID
	made.Status = status
	s.Expect(s.Status().Patch(s.t.Context(), made, client.MergeFrom(before))).To(Succeed())
	return made
}

// uninitialised is a Node that waits for its cloud provider.
func uninitialised(n *corev1.Node) {
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: nodeinit.Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule})
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.Name}}
}

// reports is a Node whose kubelet says so of itself; Unknown is what Kubernetes
// says of one that is silent.
func reports(ready corev1.ConditionStatus) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: ready, Reason: "Test", LastHeartbeatTime: metav1.NewTime(time.Now().Add(-time.Hour)),
		}}
	}
}

// report lets the kubelet of a Node say so from now on.
func (s *scene) report(name string, ready corev1.ConditionStatus) {
	s.t.Helper()
	s.Eventually(func() error {
		n, err := s.node(name)
		if err != nil {
			return err
		}
		reports(ready)(n)
		return s.Status().Update(s.t.Context(), n)
	}).Should(Succeed())
}

// identify makes the NodeIdentity of an instance, or changes its status.
func (s *scene) identify(instance exosim.Instance, verified metav1.ConditionStatus, edits ...func(*v1alpha1.NodeIdentity)) {
	s.t.Helper()
	known := &v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: instance.Name},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: instance.ID, Zone: exosim.DefaultZone, Hostname: instance.Name},
	}
	if err := s.Create(s.t.Context(), known); !apierrors.IsAlreadyExists(err) {
		s.Expect(err).NotTo(HaveOccurred())
	}
	s.Eventually(func() error {
		if err := s.Get(s.t.Context(), client.ObjectKeyFromObject(known), known); err != nil {
			return err
		}
		known.Status = v1alpha1.NodeIdentityStatus{
			ObservedGeneration: known.Generation, NodeName: instance.Name, InstanceName: instance.Name, InstanceState: instance.State,
			InstanceType: "standard.medium", InstancePoolID: s.pool.ID,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeExternalIP, Address: instance.PublicIP}},
		}
		meta.SetStatusCondition(&known.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionVerified, Status: verified, Reason: "Test"})
		for _, edit := range edits {
			edit(known)
		}
		return s.Status().Update(s.t.Context(), known)
	}).Should(Succeed())
}

func (s *scene) node(name string) (*corev1.Node, error) {
	n := &corev1.Node{}
	return n, s.Get(s.t.Context(), client.ObjectKey{Name: name}, n)
}

// goes waits until a Node is no more.
func (s *scene) goes(name string) {
	s.t.Helper()
	s.Eventually(func() bool { _, err := s.node(name); return apierrors.IsNotFound(err) }).Should(BeTrue(), "Node %s stays: %q", name, s.told(name))
}

// stays fails if a Node is no more, or another.
func (s *scene) stays(before *corev1.Node) {
	s.t.Helper()
	now, err := s.node(before.Name)
	s.Expect(err).NotTo(HaveOccurred(), "Node %s is gone: %q", before.Name, s.told(before.Name))
	s.Expect(now.UID).To(Equal(before.UID))
}

// told are the Events about a Node.
func (s *scene) told(name string) []string {
	var list eventsv1.EventList
	if err := s.List(context.Background(), &list); err != nil {
		return []string{err.Error()}
	}
	var told []string
	for _, e := range list.Items {
		if e.Regarding.Kind == "Node" && e.Regarding.Name == name {
			told = append(told, fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Note))
		}
	}
	return told
}

// tells waits for an Event about a Node.
func (s *scene) tells(name, reason, part string) {
	s.t.Helper()
	s.Eventually(func() bool {
		return slices.ContainsFunc(s.told(name), func(told string) bool { return strings.Contains(told, " "+reason+": ") && strings.Contains(told, part) })
	}).Should(BeTrue(), "no Event %s with %q: %q", reason, part, s.told(name))
}

// asks waits until an operation was called so many times more.
func (s *scene) asks(operation string, times int) {
	s.t.Helper()
	before := s.sim.Calls().Operations[operation]
	s.Eventually(func() int { return s.sim.Calls().Operations[operation] - before }).Should(BeNumerically(">=", times), operation)
}

// shiftedClock is the real one, ahead by what the test says.
type shiftedClock struct {
	clock.Clock
	ahead atomic.Int64
}

func (c *shiftedClock) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.ahead.Load())) }

func (c *shiftedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
