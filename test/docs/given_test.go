package docs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// patience is for a busy machine.
const patience = time.Minute

// given is a cluster of three nodes, and the simulated cloud whose instances
// they are.
type given struct {
	cluster *controlplane.ControlPlane
	client  client.Client
	cloud   *world.Cloud
	pool    exosim.InstancePool // of the instances
	// folder holds kubeconfig and, in bin, kubectl.
	folder string
}

func start(t *testing.T) given {
	t.Helper()
	cluster, err := controlplane.Start(t.Context(), controlplane.Options{
		ControllerManager: true, ControllerManagerArgs: world.WithoutHeartbeats(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, cluster.Stop) })
	c, err := client.New(cluster.Config(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := world.ServeCloud(exosim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, cloud.Stop) })
	network := cloud.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "nodes", StartIP: "10.0.0.10", EndIP: "10.0.0.99", Netmask: "255.255.255.0"})
	pool := cloud.AddPool("", exosim.InstancePool{Name: "workers"})
	for n := 1; n <= 3; n++ { // as docs/nodes.md shows them
		instance := cloud.AddInstance("", exosim.Instance{
			ID: fmt.Sprintf("3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f100%d", n), Name: fmt.Sprintf("worker-%d", n), Manager: &exosim.Manager{ID: pool.ID},
		})
		cloud.Attach(network.ID, instance.ID, "")
	}
	cloud.AddCluster("", exosim.SKSCluster{Name: "production", Nodepools: []exosim.SKSNodepool{{Name: "ingress", InstancePool: exosim.Ref{ID: pool.ID}}}})
	if err := world.JoinNodes(t.Context(), c, cloud.Members(pool.ID)); err != nil {
		t.Fatal(err)
	}
	return given{cluster: cluster, client: c, cloud: cloud, pool: pool, folder: tools(t, cluster)}
}

// tools is a folder with what a reader is expected to have.
func tools(t *testing.T, cluster *controlplane.ControlPlane) string {
	t.Helper()
	folder := t.TempDir()
	if err := cluster.WriteKubeconfig(filepath.Join(folder, "kubeconfig")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	kubectl, err := filepath.Abs(cluster.Kubectl())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kubectl, filepath.Join(folder, "bin", "kubectl")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// operate runs the operator for a namespace, or several behind commas, until the test ends.
func (w given) operate(t *testing.T, namespace string, key exosim.Key, edits ...func(*app.Options)) {
	t.Helper()
	operator, err := world.RunOperator(t.Context(), w.cluster.Config(), w.cloud, func(o *app.Options) {
		o.Credentials = exoscale.StaticCredentials(key.Key, key.Secret)
		o.WatchNamespaces = strings.Split(namespace, ",")
		o.SyncPeriod, o.PollInterval = 300*time.Millisecond, 20*time.Millisecond
		o.SkipNameValidation = true
		o.Metrics = prometheus.NewRegistry() // some of the cloud is asked for them only
		for _, edit := range edits {
			edit(o)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, operator.Stop) })
}

func stopped(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// create makes objects, and fails the test if one is refused.
func (w given) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := w.client.Create(ctx, object); err != nil {
			return fmt.Errorf("creating %s: %w", object.GetName(), err)
		}
	}
	return nil
}
