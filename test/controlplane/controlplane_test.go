package controlplane

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patience is for a busy machine; what is awaited takes a second or two.
const patience = time.Minute

func TestWithControllers(t *testing.T) {
	cp := start(t, Options{ControllerManager: true, WithoutCRDs: true})
	c := clientOf(t, cp.Config())

	t.Run("what a deleted object owns is collected", func(t *testing.T) {
		owner := configMap("owner")
		create(t, c, owner)
		owned := configMap("owned")
		owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}}
		create(t, c, owned)

		if err := c.Delete(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		eventuallyGone(t, c, owned)
	})

	t.Run("a deleted namespace goes, with all that is in it", func(t *testing.T) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "leaving"}}
		create(t, c, ns)
		inside := configMap("inside")
		inside.Namespace = ns.Name
		create(t, c, inside)

		if err := c.Delete(t.Context(), ns); err != nil {
			t.Fatal(err)
		}
		eventuallyGone(t, c, inside)
		eventuallyGone(t, c, ns)
	})

	t.Run("every namespace gets its service account", func(t *testing.T) {
		g := NewWithT(t)
		account := &corev1.ServiceAccount{}
		g.Eventually(func() error {
			return c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "default"}, account)
		}, patience).Should(Succeed())
	})
}

func TestAPIServer(t *testing.T) {
	cp := start(t, Options{APIServerArgs: map[string][]string{"service-node-port-range": {"31000-31009"}}})
	c := clientOf(t, cp.Config())

	t.Run("it tells its release, so that clients choose rightly", func(t *testing.T) {
		version, err := discovery.NewDiscoveryClientForConfigOrDie(cp.Config()).ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv(assetsVariable) == "" && version.GitVersion != "v1.36.3" {
			t.Errorf("the API server calls itself %s", version.GitVersion)
		}
		if version.Major != "1" {
			t.Errorf("major version %q", version.Major)
		}
	})

	t.Run("it serves the CRDs of the checkout", func(t *testing.T) {
		resources, err := discovery.NewDiscoveryClientForConfigOrDie(cp.Config()).ServerResourcesForGroupVersion("nlb.exoscale.com/v1alpha1")
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]bool{}
		for _, r := range resources.APIResources {
			kinds[r.Kind] = true
		}
		for _, kind := range []string{"NetworkLoadBalancer", "NLBService", "NodeIdentity"} {
			if !kinds[kind] {
				t.Errorf("%s isn't served", kind)
			}
		}
	})

	t.Run("flags given replace the defaults", func(t *testing.T) {
		svc := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "flags", Namespace: "default"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort, Ports: []corev1.ServicePort{{Port: 80}}},
		}
		create(t, c, svc)
		if port := svc.Spec.Ports[0].NodePort; port < 31000 || port > 31009 {
			t.Errorf("NodePort %d isn't of the range given", port)
		}
	})

	t.Run("a user has the rights that RBAC gives it, and no others", func(t *testing.T) {
		user, err := cp.AddUser("nobody")
		if err != nil {
			t.Fatal(err)
		}
		err = clientOf(t, user.Config).List(t.Context(), &corev1.SecretList{})
		if !apierrors.IsForbidden(err) {
			t.Errorf("listing Secrets: %v, want Forbidden", err)
		}
	})

	t.Run("the kubeconfig is private, and kubectl works with it", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "deep", "kubeconfig")
		if err := cp.WriteKubeconfig(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if perm := info.Mode().Perm(); perm != 0o600 {
			t.Errorf("its mode is %o", perm)
		}
		out, err := exec.CommandContext(t.Context(), cp.Kubectl(), "--kubeconfig", path, "get", "namespace", "default", "-o", "name").CombinedOutput()
		if err != nil || string(out) != "namespace/default\n" {
			t.Errorf("kubectl: %v: %s", err, out)
		}
	})
}

func TestFailedStart(t *testing.T) {
	t.Run("a program that isn't built is named, with what to do", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Binaries: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "make tools") {
			t.Errorf("Start: %v", err)
		}
	})
	t.Run("a refused flag is told in the program's own words", func(t *testing.T) {
		_, err := Start(t.Context(), Options{
			WithoutCRDs: true, ControllerManager: true,
			ControllerManagerArgs: map[string]string{"no-such-flag": "1"},
		})
		if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
			t.Errorf("Start: %v", err)
		}
	})
	t.Run("CRDs that were named must exist", func(t *testing.T) {
		_, err := Start(t.Context(), Options{CRDs: []string{filepath.Join(t.TempDir(), "none")}})
		if err == nil {
			t.Error("Start succeeded")
		}
	})
}

func TestStop(t *testing.T) {
	logs := t.TempDir()
	cp, err := Start(t.Context(), Options{ControllerManager: true, WithoutCRDs: true, LogDir: logs})
	if err != nil {
		t.Fatal(err)
	}
	config, managerDir := cp.Config(), cp.manager.dir
	certDir, dataDir := cp.env.ControlPlane.APIServer.CertDir, cp.env.ControlPlane.Etcd.DataDir
	if err := cp.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := discovery.NewDiscoveryClientForConfigOrDie(config).ServerVersion(); err == nil {
		t.Error("the API server still answers")
	}
	for _, dir := range []string{managerDir, certDir, dataDir} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is left behind (%v)", dir, err)
		}
	}
	for _, name := range []string{"etcd", "kube-apiserver", controllerManagerName} {
		if info, err := os.Stat(filepath.Join(logs, name+".log")); err != nil || info.Size() == 0 {
			t.Errorf("no log of %s (%v)", name, err)
		}
	}
}

func start(t *testing.T, o Options) *ControlPlane {
	t.Helper()
	cp, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cp
}

func clientOf(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, c client.Client, obj client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

func eventuallyGone(t *testing.T, c client.Client, obj client.Object) {
	t.Helper()
	g := NewWithT(t)
	key := client.ObjectKeyFromObject(obj)
	g.Eventually(func(ctx context.Context) bool {
		return apierrors.IsNotFound(c.Get(ctx, key, obj))
	}, patience).WithContext(t.Context()).Should(BeTrue(), "%s is still there", key)
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}}
}
