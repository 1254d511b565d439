package integration

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/nlbservice"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// What the API server refuses is an error of the round, tried again and logged as what
// it is; no condition blames Exoscale for it.
func TestAFailureOfKubernetesIsNotExoscales(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused client.Object
		target  v1alpha1.Target
	}{
		"Nodes, to allow a pool":          {&corev1.Node{}, v1alpha1.Target{InstancePoolName: "workers"}},
		"Nodes, to choose a pool":         {&corev1.Node{}, v1alpha1.Target{NodeSelector: &metav1.LabelSelector{}}},
		"NodeIdentities, to allow a pool": {&v1alpha1.NodeIdentity{}, v1alpha1.Target{InstancePoolName: "workers"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.ready(w.loadBalancer("edge", nil))
			w.stop()
			web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = c.target })
			reconciler := w.nlbServicesWithout(c.refused)
			w.g.Eventually(func(g Gomega) { // a round that met a cache behind ends without an error
				_, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(web)})
				g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "the round came to: %v, %s", err, w.state(web, v1alpha1.ConditionReady))
				g.Expect(err).To(MatchError(ContainSubstring("listing the Node")))
			}).Should(Succeed())
			w.g.Expect(w.state(web, v1alpha1.ConditionReady)).To(Equal("none"))
			w.g.Expect(w.ports()).To(BeEmpty())
		})
	}
}

// nlbServicesWithout is a controller for NLBServices whose account may not read a kind,
// which it reads from the API server; all else is in its cache.
func (w *world) nlbServicesWithout(refused client.Object) *nlbservice.Reconciler {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	var system corev1.Namespace
	w.g.Expect(w.client.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, &system)).To(Succeed())
	cached, err := cache.New(w.cluster.Config(), cache.Options{Scheme: scheme.Scheme, DefaultNamespaces: map[string]cache.Config{w.ns: {}}})
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(index.Setup(ctx, cached)).To(Succeed())
	restricted, err := client.New(w.restricted(), client.Options{Cache: &client.CacheOptions{Reader: cached, DisableFor: []client.Object{refused}}})
	w.g.Expect(err).NotTo(HaveOccurred())
	cloud, err := exoscale.NewClient(exoscale.Options{
		Endpoint: w.sim.Endpoint, Zone: exosim.DefaultZone, Credentials: exoscale.StaticCredentials(w.sim.Key, w.sim.Secret),
		RateLimit: exoscale.RateLimit{PerSecond: 1000},
	})
	w.g.Expect(err).NotTo(HaveOccurred())
	inventory, err := exoscale.NewInventory(cloud, exoscale.InventoryOptions{Interval: syncPeriod})
	w.g.Expect(err).NotTo(HaveOccurred())
	operations := exoscale.NewOperations(cloud, inventory, func(exoscale.Owner) {}, exoscale.OperationsOptions{PollInterval: 20 * time.Millisecond})
	for _, run := range []func(context.Context) error{cached.Start, inventory.Start, operations.Run} {
		go func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				w.t.Error(err)
			}
		}()
	}
	w.g.Expect(cached.WaitForCacheSync(ctx)).To(BeTrue())
	return nlbservice.New(nlbservice.Options{
		Client: restricted, APIReader: restricted, Services: cloud, Inventory: inventory, Operations: operations,
		Events: &events.FakeRecorder{}, Clock: clock.RealClock{}, ClusterID: string(system.UID), SyncPeriod: syncPeriod,
		AllowedTargetPorts: nlb.PortRanges{{First: 30000, Last: 32767}},
		Resumption:         journal.NewResumption(restricted, operations),
	})
}

// restricted is an account that may do what NLBServices take, but not read Nodes and
// NodeIdentities.
func (w *world) restricted() *rest.Config {
	w.t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: w.ns}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupVersion.Group}, Verbs: []string{"*"}, Resources: []string{"nlbservices", "nlbservices/status", "networkloadbalancers"}},
	}}
	bound := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.ns}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.ns},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: w.ns}},
	}
	for _, object := range []client.Object{role, bound} {
		w.create(object)
		w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), object) })
	}
	config := w.cluster.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: w.ns}
	return config
}
