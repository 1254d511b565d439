package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes a second or two.
const patience = 2 * time.Minute

// syncPeriod of every operator under test.
const syncPeriod = 300 * time.Millisecond

// cluster is the control plane of all tests.
var cluster *controlplane.ControlPlane

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	os.Exit(withCluster(m.Run))
}

func withCluster(run func() int) int {
	var err error
	if cluster, err = controlplane.Start(context.Background(), controlplane.Options{ControllerManager: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return run()
}

// setup says how a world differs from the usual one.
type setup struct {
	Cloud exosim.Options
	// Nodes is the number of instances in the pool, each a Node; 0 is two, -1 none.
	Nodes int
	// Operator edits the options of the operator.
	Operator func(*app.Options)
	// Own gives the world a control plane of its own, whose operator watches
	// all namespaces.
	Own bool
	// OwnAPIServer are flags of the API server of that control plane.
	OwnAPIServer map[string][]string
	// Stopped leaves the operator for the test to start.
	Stopped bool
	// Asked is told of every request of the operator to the API server.
	Asked func(*http.Request)
}

// world is a namespace of the control plane, a simulated cloud with one instance
// pool whose instances are Nodes, and an operator between them.
type world struct {
	t      *testing.T
	g      Gomega
	client client.Client
	ns     string
	sim    *exosim.Server
	clock  *movedClock // of the cloud
	pool   exosim.InstancePool

	cluster *controlplane.ControlPlane
	own     bool
	edit    func(*app.Options)
	asked   func(*http.Request)
	stop    func()
}

func newWorld(t *testing.T, with setup) *world {
	t.Helper()
	w := &world{t: t, g: NewWithT(t), cluster: cluster, own: with.Own, edit: with.Operator, asked: with.Asked, stop: func() {}}
	if with.Own {
		w.cluster = controlPlaneWith(t, with.OwnAPIServer)
	}
	var err error
	if w.client, err = client.New(clientConfig(w.cluster), client.Options{}); err != nil {
		t.Fatal(err)
	}
	w.g.SetDefaultEventuallyTimeout(patience)
	w.g.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	w.clock = &movedClock{}
	if with.Cloud.Clock == nil {
		with.Cloud.Clock = w.clock
	}
	w.sim = exosim.StartTestServer(t, with.Cloud)
	w.ns = w.namespace(nil)
	w.addPool("workers", with.Nodes)
	if !with.Stopped {
		w.start()
	}
	return w
}

// controlPlaneWith is one of a test's own, whose API server has some flags.
func controlPlaneWith(t *testing.T, flags map[string][]string) *controlplane.ControlPlane {
	t.Helper()
	own, err := controlplane.Start(t.Context(), controlplane.Options{APIServerArgs: flags})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	return own
}

func clientConfig(cluster *controlplane.ControlPlane) *rest.Config {
	config := cluster.Config()
	config.QPS, config.Burst = 500, 1000
	return config
}

// addPool makes an instance pool of a size (see setup.Nodes), and a ready Node
// for each of its instances.
func (w *world) addPool(name string, size int) exosim.InstancePool {
	w.t.Helper()
	switch size {
	case 0:
		size = 2
	case -1:
		size = 0
	}
	pool := w.sim.AddPool("", exosim.InstancePool{Name: name, Size: int64(size), InstancePrefix: w.ns + "-" + name})
	if w.pool.ID == "" {
		w.pool = pool
	}
	for _, instance := range w.sim.Members(pool.ID) {
		w.addNode(instance, name)
	}
	return pool
}

// addNode makes a ready Node of an instance, named after the world and the instance.
func (w *world) addNode(instance exosim.Instance, pool string) *corev1.Node {
	w.t.Helper()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:   w.nodeName(instance),
			Labels: map[string]string{"world": w.ns, "pool": pool},
		},
		Spec: corev1.NodeSpec{ProviderID: "exoscale://" + instance.ID},
	}
	w.create(node)
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), node) })
	before := node.DeepCopy()
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Test"}}
	if err := w.client.Status().Patch(w.t.Context(), node, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	return node
}

// nodeName is the name of the Node that an instance is.
func (w *world) nodeName(instance exosim.Instance) string { return strings.ToLower(instance.Name) }

// namespace makes one of a unique name.
func (w *world) namespace(labels map[string]string) string {
	w.t.Helper()
	name := "world-" + uuid.NewString()[:8]
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	return name
}

// options of the operator: fast, quiet, on the world's cloud and namespace.
func (w *world) options() app.Options {
	options := app.Defaults()
	options.Zone, options.APIEndpoint = exosim.DefaultZone, w.sim.Endpoint
	options.Credentials = exoscale.StaticCredentials(w.sim.Key, w.sim.Secret)
	if !w.own {
		options.WatchNamespaces = []string{w.ns}
	}
	options.RateLimit = 1000
	options.SyncPeriod, options.PollInterval = syncPeriod, 20*time.Millisecond
	options.MetricsBindAddress, options.HealthProbeBindAddress = app.Off, app.Off
	options.SkipNameValidation = true
	options.NodeLabels = map[string]string{"world": w.ns}
	if os.Getenv("OPERATOR_LOG") != "" {
		options.Log = testLog(w.t)
	}
	if w.edit != nil {
		w.edit(&options)
	}
	return options
}

// start runs an operator until the test ends, or until w.stop is called.
func (w *world) start() {
	w.t.Helper()
	kubernetes := w.cluster.Config()
	if w.asked != nil {
		kubernetes.Wrap(func(next http.RoundTripper) http.RoundTripper { return telling{next, w.asked} })
	}
	operator, err := app.New(w.t.Context(), kubernetes, w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := operator.Run(ctx); err != nil {
			w.t.Errorf("the operator ended: %v", err)
		}
	}()
	w.stop = func() {
		cancel()
		<-ended
	}
	w.t.Cleanup(w.stop)
}

// telling tells of requests before they are made.
type telling struct {
	http.RoundTripper
	of func(*http.Request)
}

func (t telling) RoundTrip(request *http.Request) (*http.Response, error) {
	t.of(request)
	return t.RoundTripper.RoundTrip(request)
}

// restart ends the operator as it is, and starts another one.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *world) create(object client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), object); err != nil {
		w.t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
	}
}

// change edits an object, whatever else is written meanwhile.
func change[T client.Object](w *world, object T, edit func(T)) {
	w.t.Helper()
	w.g.Eventually(func() error {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		edit(object)
		return w.client.Update(w.t.Context(), object)
	}).Should(Succeed())
}

func (w *world) remove(object client.Object) {
	w.t.Helper()
	if err := w.client.Delete(w.t.Context(), object); err != nil {
		w.t.Fatalf("deleting %T %s: %v", object, object.GetName(), err)
	}
}

// gone waits until an object is.
func (w *world) gone(object client.Object) {
	w.t.Helper()
	w.g.Eventually(func() error {
		return client.IgnoreNotFound(w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object))
	}).Should(Succeed())
	w.g.Eventually(func() bool {
		return w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object) != nil
	}).Should(BeTrue(), "%T %s is still there", object, object.GetName())
}
