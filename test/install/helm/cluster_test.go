package helm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/pods"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// patience is for a busy machine.
const patience = 2 * time.Minute

// presentTag is that of the image which holds the program of this checkout.
const presentTag = "present"

// cluster is one of Exoscale instances in which nothing is installed yet, and in
// which Pods run.
type cluster struct {
	*controlplane.ControlPlane
	client.Client
	cloud      *world.Cloud
	pool       string // of the Nodes' instances, by id
	pods       *pods.Runner
	kubeconfig string
	egress     string     // the API server's way to Services
	key        exosim.Key // in the Secret
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	program(t) // before anything takes time
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp(binaries, "") //nolint:usetesting // The path of a socket has to be short.
	if err != nil {
		t.Fatal(err)
	}
	egress, socket, err := pods.Egress(folder)
	if err != nil {
		t.Fatal(err)
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{
		WithoutCRDs: true, ControllerManager: true, ControllerManagerArgs: world.WithoutHeartbeats(),
		APIServerArgs: map[string][]string{
			"disable-admission-plugins": nil, "kubelet-preferred-address-types": {"InternalIP"},
			"egress-selector-config-file": {egress},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, plane.Stop) })
	c := &cluster{ControlPlane: plane, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), egress: socket}
	if err := plane.WriteKubeconfig(c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	if c.Client, err = client.New(plane.Config(), client.Options{Scheme: scheme.Scheme}); err != nil {
		t.Fatal(err)
	}
	c.startCloud(t)
	c.runner(t)
	c.prepare(t)
	return c
}

func (c *cluster) startCloud(t *testing.T) {
	t.Helper()
	var err error
	if c.cloud, err = world.ServeCloud(exosim.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, c.cloud.Stop) })
	pool := c.cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: 2})
	c.pool = pool.ID
	if err := world.JoinNodes(t.Context(), c, c.cloud.Members(pool.ID)); err != nil {
		t.Fatal(err)
	}
	c.key = c.cloud.AdminKey()
}

func (c *cluster) runner(t *testing.T) {
	t.Helper()
	var err error
	c.pods, err = pods.Start(t.Context(), pods.Options{
		Config: c.Config(), Node: "here", Dir: t.TempDir(), Egress: c.egress,
		Images: map[string]string{"exoscale-nlb-operator:" + presentTag: manager(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, c.pods.Stop) })
}

// prepare makes what a user makes before the installation: a namespace in which
// nothing may be privileged, and the Secret.
func (c *cluster) prepare(t *testing.T) {
	t.Helper()
	c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}})
	c.create(t, c.secret())
}

func (c *cluster) secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "exoscale-credentials"},
		StringData: map[string]string{"EXOSCALE_API_KEY": c.key.Key, "EXOSCALE_API_SECRET": c.key.Secret},
	}
}

func (c *cluster) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// enough are the values that every installation has: credentials and zone, and
// where image and cloud of the test are.
func (c *cluster) enough() values {
	return values{
		"image": values{"tag": presentTag}, "apiEndpoint": c.cloud.Endpoint, "zone": c.cloud.Zones()[0],
		"syncPeriod": "500ms",
	}
}

// helm runs against the cluster, in the namespace of the release.
func (c *cluster) helm(t *testing.T, v values, arguments ...string) (string, error) {
	t.Helper()
	return helm(t, v, append(arguments, "--kubeconfig", c.kubeconfig, "--namespace", namespace)...)
}

// install the chart in path, or what is installed anew, and wait until it runs.
func (c *cluster) install(t *testing.T, path string, v values) string {
	t.Helper()
	said, err := c.helm(t, v.complete(), "upgrade", "--install", release, path, "--values", "-", "--wait", "--timeout", patience.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, c.pods.Said(namespace, ""))
	}
	return said
}

// service makes a Service of type LoadBalancer, and gives its address once it has one.
func (c *cluster) service(t *testing.T, name string) string {
	t.Helper()
	service := service("default", name)
	c.create(t, service)
	return c.address(t, service)
}

func service(namespace, name string) *corev1.Service {
	class := v1alpha1.LoadBalancerClass
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

// address of a Service, once it has one.
func (c *cluster) address(t *testing.T, service *corev1.Service) string {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(service), service)).To(Succeed())
		g.Expect(service.Status.LoadBalancer.Ingress).To(HaveLen(1))
	}, patience).Should(Succeed(), "%s", c.said())
	return service.Status.LoadBalancer.Ingress[0].IP
}

// addressOf a Service that service made.
func (c *cluster) addressOf(t *testing.T, name string) string {
	t.Helper()
	return c.address(t, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}})
}

// said is the end of what the operator logged.
func (c *cluster) said() fmt.Stringer {
	return lazily(func() string { return c.pods.Said(namespace, release) })
}

type lazily func() string

// String implements fmt.Stringer.
func (l lazily) String() string { return l() }

func (c *cluster) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	var deployment appsv1.Deployment
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: release}, &deployment); err != nil {
		t.Fatal(err)
	}
	return &deployment
}

// managers are the operator's Pods.
func (c *cluster) managers(t *testing.T) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	if err := c.List(t.Context(), &list, client.InNamespace(namespace), client.MatchingLabels{"app.kubernetes.io/component": "manager"}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// replicas are their names.
func (c *cluster) replicas(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pod := range c.managers(t) {
		names = append(names, pod.Name)
	}
	return names
}

// manager is the program of this checkout, built once.
func manager(t *testing.T) string {
	t.Helper()
	path, err := buildPresent()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildPresent = sync.OnceValues(func() (string, error) { return build("../../..", presentTag) })

// build the manager of a checkout, under a name.
func build(checkout, name string) (string, error) {
	path := filepath.Join(binaries, name)
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./cmd/manager")
	cmd.Dir = checkout
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the manager: %w: %s", err, said)
	}
	return path, nil
}

func stopped(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Error(err)
	}
}
