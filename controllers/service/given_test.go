package service_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes a fraction of a second.
const patience = time.Minute

const (
	address = "192.0.2.10"
	nlbID   = "aaaaaaaa-0000-4000-8000-000000000001"
)

// plane is the control plane of all tests.
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

// scene is a namespace, a simulated cloud with one pool whose instances are
// Nodes, and the Service controller, which sees that namespace only. The test
// plays the other controllers, by writing the status of the children.
type scene struct {
	Gomega
	client.Client
	t    *testing.T
	ns   string
	sim  *exosim.Server
	pool exosim.InstancePool
	edit func(*service.Options)
	stop func()
	// reconciler is the one that runs, for rounds at a moment of the test's choice.
	reconciler *service.Reconciler
	writes     *counting
}

func newScene(t *testing.T, edit func(*service.Options)) *scene {
	t.Helper()
	s := newStage(t, edit)
	s.pool = s.addPool("workers", 2)
	s.start()
	return s
}

// newStage is a scene without Nodes, and with the controller yet to start.
func newStage(t *testing.T, edit func(*service.Options)) *scene {
	t.Helper()
	c, err := client.New(plane.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{Gomega: NewWithT(t), Client: c, t: t, edit: edit, ns: "scene-" + uuid.NewString()[:8]}
	s.SetDefaultEventuallyTimeout(patience)
	s.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	s.Expect(c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.ns}})).To(Succeed())
	s.sim = exosim.StartTestServer(t, exosim.Options{})
	return s
}

// start runs the controller until the test ends, or until s.stop is called.
func (s *scene) start() {
	s.t.Helper()
	mgr, err := ctrl.NewManager(plane.Config(), ctrl.Options{
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{s.ns: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(index.Setup(s.t.Context(), mgr.GetFieldIndexer())).To(Succeed())
	cloud, err := exoscale.NewClient(exoscale.Options{
		Endpoint: s.sim.Endpoint, Zone: exosim.DefaultZone, Credentials: exoscale.StaticCredentials(s.sim.Key, s.sim.Secret),
		RateLimit: exoscale.RateLimit{PerSecond: 1000, Burst: 1000},
	})
	s.Expect(err).NotTo(HaveOccurred())
	members := make(chan event.TypedGenericEvent[string], 64)
	inventory, err := exoscale.NewInventory(cloud, exoscale.InventoryOptions{
		Interval: 100 * time.Millisecond,
		MembersChanged: func(zone string) {
			select {
			case members <- event.TypedGenericEvent[string]{Object: zone}:
			default:
			}
		},
	})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(mgr.Add(inventory)).To(Succeed())
	all := handler.TypedEnqueueRequestsFromMapFunc(func(ctx context.Context, _ string) (requests []reconcile.Request) {
		var services corev1.ServiceList
		if err := mgr.GetClient().List(ctx, &services); err != nil {
			s.t.Errorf("listing the Services: %v", err)
		}
		for i := range services.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&services.Items[i])})
		}
		return requests
	})
	options := service.Options{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Inventory: inventory,
		Events: mgr.GetEventRecorder("test"), Clock: clock.RealClock{}, Wakeups: source.TypedChannel(members, all),
		Zone: exosim.DefaultZone, SkipNameValidation: true,
	}
	if s.edit != nil {
		s.edit(&options)
	}
	s.writes = &counting{Client: options.Client}
	options.Client = s.writes
	s.reconciler = service.New(options)
	s.Expect(s.reconciler.SetupWithManager(mgr)).To(Succeed())

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the manager ended: %v", err)
		}
	}
	s.t.Cleanup(s.stop)
}

// addPool makes a pool and a ready Node for each of its instances, verified as the
// NodeIdentity controller would.
func (s *scene) addPool(name string, size int64) exosim.InstancePool {
	s.t.Helper()
	pool := s.sim.AddPool("", exosim.InstancePool{Name: name, Size: size, InstancePrefix: name})
	for i, instance := range s.sim.Members(pool.ID) {
		s.verify(s.addNode(fmt.Sprintf("%s-%s-%d", s.ns, name, i), corev1.NodeSpec{ProviderID: "exoscale://" + instance.ID}))
	}
	return pool
}

func (s *scene) addNode(name string, spec corev1.NodeSpec) *corev1.Node {
	s.t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	s.Expect(s.Create(s.t.Context(), node)).To(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), node) })
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Test"}}
	s.Expect(s.Status().Update(s.t.Context(), node)).To(Succeed())
	return node
}

// verify says of a Node that it is the instance which it says to be.
func (s *scene) verify(node *corev1.Node) {
	s.t.Helper()
	identity := &v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: strings.TrimPrefix(node.Spec.ProviderID, "exoscale://"), Zone: exosim.DefaultZone, Hostname: node.Name},
	}
	s.Expect(s.Create(s.t.Context(), identity)).To(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), identity) })
	identity.Status.NodeName = node.Name
	identity.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionVerified, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonVerified, LastTransitionTime: metav1.Now(),
	}}
	s.Expect(s.Status().Update(s.t.Context(), identity)).To(Succeed())
}

// service makes one of our class, with TCP ports, changed by edit.
func (s *scene) service(name string, ports []int32, edit func(*corev1.Service)) *corev1.Service {
	s.t.Helper()
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr.To(v1alpha1.LoadBalancerClass),
			Selector: map[string]string{"app": name},
		},
	}
	for _, port := range ports {
		object.Spec.Ports = append(object.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("p%d", port), Port: port})
	}
	if edit != nil {
		edit(object)
	}
	s.Expect(s.Create(s.t.Context(), object)).To(Succeed())
	return object
}

// change edits an object as a user would, whatever happens to it meanwhile.
func change[T client.Object](s *scene, object T, edit func(T)) {
	s.t.Helper()
	s.Eventually(func() error {
		if err := s.Get(s.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		edit(object)
		return s.Update(s.t.Context(), object)
	}).Should(Succeed())
}

func annotate(object client.Object, key, value string) {
	annotations := maps.Clone(object.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}

// loadBalancer waits for the NetworkLoadBalancer of a Service.
func (s *scene) loadBalancer(name string) *v1alpha1.NetworkLoadBalancer {
	s.t.Helper()
	return awaited(s, &v1alpha1.NetworkLoadBalancer{}, name)
}

// nlbService waits for an NLBService.
func (s *scene) nlbService(name string) *v1alpha1.NLBService {
	s.t.Helper()
	return awaited(s, &v1alpha1.NLBService{}, name)
}

func awaited[T client.Object](s *scene, object T, name string) T {
	s.t.Helper()
	s.Eventually(func() error {
		return s.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, object)
	}).Should(Succeed(), "%s", s.story(name))
	return object
}

// story is what a Service says of itself, for failures.
func (s *scene) story(name string) string {
	object := &corev1.Service{}
	if err := s.Get(context.Background(), client.ObjectKey{Namespace: s.ns, Name: name}, object); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%v %+v", object.Finalizers, object.Status)
}

// run plays the controllers of the children: all is programmed.
func (s *scene) run(name string, ports ...string) {
	s.t.Helper()
	s.runLoadBalancer(name)
	for _, port := range ports {
		s.say(name+"-"+port, metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
	}
}

func (s *scene) runLoadBalancer(name string) {
	s.t.Helper()
	s.Eventually(func() error {
		lb := s.loadBalancer(name)
		lb.Status.ID, lb.Status.Address, lb.Status.Zone, lb.Status.State = nlbID, address, exosim.DefaultZone, "running"
		lb.Status.ObservedGeneration = lb.Generation
		lb.Status.Conditions = conditions(metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
		return s.Status().Update(s.t.Context(), lb)
	}).Should(Succeed())
}

// say gives an NLBService the conditions that its controller would.
func (s *scene) say(name string, programmed metav1.ConditionStatus, reason string) {
	s.t.Helper()
	s.Eventually(func() error {
		child := s.nlbService(name)
		child.Status.ObservedGeneration = child.Generation
		child.Status.InstancePoolID = child.Spec.Target.InstancePoolID
		child.Status.Conditions = conditions(programmed, reason)
		return s.Status().Update(s.t.Context(), child)
	}).Should(Succeed())
}

// conditions of a child: programmed, or stalled for a reason.
func conditions(programmed metav1.ConditionStatus, reason string) []metav1.Condition {
	now := metav1.Now()
	all := []metav1.Condition{
		{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, LastTransitionTime: now},
		{Type: v1alpha1.ConditionProgrammed, Status: programmed, Reason: reason, Message: "as the test says", LastTransitionTime: now},
	}
	if programmed == metav1.ConditionFalse {
		all = append(all, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: "as the test says", LastTransitionTime: now})
	}
	return all
}

// shows waits until the Service has a condition of a status and reason, and
// gives its message.
func (s *scene) shows(name, kind string, status metav1.ConditionStatus, reason string) string {
	s.t.Helper()
	message := ""
	s.Eventually(func(g Gomega) {
		c := meta.FindStatusCondition(s.read(name).Status.Conditions, kind)
		g.Expect(c).NotTo(BeNil(), "no condition %s", kind)
		g.Expect(string(c.Status)+" "+c.Reason).To(Equal(string(status)+" "+reason), c.Message)
		message = c.Message
	}).Should(Succeed())
	return message
}

func (s *scene) read(name string) *corev1.Service {
	object := &corev1.Service{}
	s.Expect(s.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, object)).To(Succeed())
	return object
}

// published waits until the Service has an address.
func (s *scene) published(name string) corev1.LoadBalancerIngress {
	s.t.Helper()
	var ingress corev1.LoadBalancerIngress
	s.Eventually(func(g Gomega) {
		all := s.read(name).Status.LoadBalancer.Ingress
		g.Expect(all).To(HaveLen(1))
		ingress = all[0]
	}).Should(Succeed(), "%s", s.story(name))
	return ingress
}

// tells waits for an Event about a Service.
func (s *scene) tells(name, kind, reason, part string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		list := &eventsv1.EventList{}
		g.Expect(s.List(s.t.Context(), list, client.InNamespace(s.ns))).To(Succeed())
		g.Expect(slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool {
			return e.Regarding.Name == name && e.Regarding.Kind == "Service" && e.Type == kind && e.Reason == reason && strings.Contains(e.Note, part)
		})).To(BeTrue(), "no Event %s %s with %q", kind, reason, part)
	}).Should(Succeed())
}

// warnings are the Events of that type about a Service, so far.
func (s *scene) warnings(name string) []string {
	s.t.Helper()
	list := &eventsv1.EventList{}
	s.Expect(s.List(s.t.Context(), list, client.InNamespace(s.ns))).To(Succeed())
	var notes []string
	for _, e := range list.Items {
		if e.Regarding.Name == name && e.Regarding.Kind == "Service" && e.Type == corev1.EventTypeWarning {
			notes = append(notes, e.Reason+": "+e.Note)
		}
	}
	return notes
}

// versions are those of a Service and all children: nothing was written if they
// are the same.
func (s *scene) versions() map[string]string {
	s.t.Helper()
	return s.versionsIn(s.Client)
}

func (s *scene) versionsIn(reader client.Reader) map[string]string {
	s.t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&corev1.ServiceList{}, &v1alpha1.NetworkLoadBalancerList{}, &v1alpha1.NLBServiceList{}} {
		s.Expect(reader.List(s.t.Context(), list, client.InNamespace(s.ns))).To(Succeed())
		s.Expect(meta.EachListItem(list, func(object runtime.Object) error {
			o := object.(client.Object)
			versions[fmt.Sprintf("%T %s", o, o.GetName())] = o.GetResourceVersion()
			return nil
		})).To(Succeed())
	}
	return versions
}
