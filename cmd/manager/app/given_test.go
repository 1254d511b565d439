package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// patience is for a busy machine; what is awaited takes a second or two.
const patience = time.Minute

// cluster is the control plane of all tests of the package; each has its own
// namespaces and cloud.
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
	if cluster, err = controlplane.Start(context.Background(), controlplane.Options{}); err != nil {
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

// optionsFor work on the simulated cloud, fast and without listening anywhere.
func optionsFor(sim *exosim.Server) Options {
	options := Defaults()
	options.Zone, options.APIEndpoint = exosim.DefaultZone, sim.Endpoint
	options.Credentials = exoscale.StaticCredentials(sim.Key, sim.Secret)
	options.RateLimit = 1000
	options.SyncPeriod, options.PollInterval = 300*time.Millisecond, 20*time.Millisecond
	options.MetricsBindAddress, options.HealthProbeBindAddress = Off, Off
	options.SkipNameValidation = true
	return options
}

// running runs an App until the test ends, or until stop is called.
func running(t *testing.T, options Options) (stop func()) {
	t.Helper()
	return runs(t, newApp(t, options))
}

func newApp(t *testing.T, options Options) *App {
	t.Helper()
	a, err := New(t.Context(), cluster.Config(), options)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func runs(t *testing.T, a *App) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

func kube(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(cluster.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// namespace makes one that no other test uses, without anything left in it that
// would hold up the next App.
func namespace(t *testing.T, name string) string {
	t.Helper()
	if err := kube(t).Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatal(err)
	}
	return name
}

// loadBalancer makes a NetworkLoadBalancer, and forgets it at the end of the test.
func loadBalancer(t *testing.T, namespace, name string) *v1alpha1.NetworkLoadBalancer {
	t.Helper()
	c := kube(t)
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the Apps have been told to stop by now: nobody else does it
		ctx := context.Background()
		object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		_ = c.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
		_ = c.Delete(ctx, object)
	})
	return object
}

// ready is the status of the condition Ready and its reason, as "True/Ready".
func ready(t *testing.T, object *v1alpha1.NetworkLoadBalancer) func(g Gomega) string {
	c := kube(t)
	return func(g Gomega) string {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
		for _, condition := range object.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReady {
				return string(condition.Status) + "/" + condition.Reason
			}
		}
		return ""
	}
}

func credentialsFile(t *testing.T, key, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	writeCredentials(t, path, key, secret)
	return path
}

func writeCredentials(t *testing.T, path, key, secret string) {
	t.Helper()
	content := exoscale.EnvAPIKey + "=" + key + "\n" + exoscale.EnvAPISecret + "=" + secret + "\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
