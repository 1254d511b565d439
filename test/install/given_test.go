package install

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// cluster is one in which nothing is installed yet.
type cluster struct {
	*controlplane.ControlPlane
	kubeconfig string
}

// startCluster runs the controllers of Kubernetes too, since they make the Pods.
func startCluster(t *testing.T) cluster {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{
		WithoutCRDs: true, ControllerManager: true,
		APIServerArgs: map[string][]string{"disable-admission-plugins": nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := plane.WriteKubeconfig(kubeconfig); err != nil {
		t.Fatal(err)
	}
	return cluster{plane, kubeconfig}
}

func (cluster cluster) client(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(cluster.Config(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// operator is the service account of the operator that was installed.
func (cluster cluster) operator(t *testing.T) *rest.Config {
	t.Helper()
	return cluster.account(t, "exoscale-nlb-operator")
}

// account is a service account of the operator's namespace.
func (cluster cluster) account(t *testing.T, name string) *rest.Config {
	t.Helper()
	config := rest.AnonymousClientConfig(cluster.Config())
	config.BearerToken = cluster.token(t, system, name)
	return config
}

func (cluster cluster) token(t *testing.T, namespace, name string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := cluster.client(t).SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// pool makes an instance pool with instances of these names.
func pool(sim *exosim.Server, names ...string) []exosim.Instance {
	made := sim.AddPool("", exosim.InstancePool{Name: "workers"})
	for _, name := range names {
		sim.AddInstance("", exosim.Instance{Name: name, Manager: &exosim.Manager{ID: made.ID}})
	}
	return sim.Members(made.ID)
}

// output is a log that can be read while it is written.
type output struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (o *output) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.lines.WriteString(prefix + " " + args + "\n")
	}, funcr.Options{})
}

// String is what was logged.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines.String()
}
