package upgrade

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/pods"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const (
	// patience is for a busy machine.
	patience = 3 * time.Minute

	system   = "exoscale-nlb-operator-system"
	operator = "exoscale-nlb-operator"

	// home is the operator's zone, abroad another one.
	home, abroad = exosim.DefaultZone, "de-fra-1"
)

// cluster is one of Exoscale instances, and the cloud that they are in.
type cluster struct {
	*controlplane.ControlPlane
	client.Client
	cloud      *world.Cloud
	pods       *pods.Runner
	kubeconfig string
	// id is what the cluster is called in the cloud.
	id types.UID
}

func startCluster(t *testing.T, versions ...version) *cluster {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	plane, err := controlplane.Start(t.Context(), controlplane.Options{
		WithoutCRDs: true, ControllerManager: true, ControllerManagerArgs: world.WithoutHeartbeats(),
		APIServerArgs: map[string][]string{"disable-admission-plugins": nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, plane.Stop) })
	c := &cluster{ControlPlane: plane, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := plane.WriteKubeconfig(c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	config := plane.Config()
	config.QPS, config.Burst = 500, 1000
	if c.Client, err = client.New(config, client.Options{Scheme: scheme.Scheme}); err != nil {
		t.Fatal(err)
	}
	kubeSystem := &corev1.Namespace{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, kubeSystem); err != nil {
		t.Fatal(err)
	}
	c.id = kubeSystem.UID
	// Under Exoscale's rule for labels the earlier operator makes no NLB, and there is
	// nothing to upgrade.
	if c.cloud, err = world.ServeCloud(exosim.Options{Zones: []string{home, abroad}, LaxLabels: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, c.cloud.Stop) })
	c.runPods(t, versions)
	return c
}

func (c *cluster) runPods(t *testing.T, versions []version) {
	t.Helper()
	images := map[string]string{}
	for _, v := range versions {
		images[operator+":"+v.tag] = v.program
	}
	var err error
	if c.pods, err = pods.Start(t.Context(), pods.Options{Config: c.Config(), Node: "here", Dir: t.TempDir(), Images: images}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, c.pods.Stop) })
}

func stopped(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// install a version, kinds and roles before its Pods, in place of the one that is
// there, and wait until it alone works.
func (c *cluster) install(t *testing.T, v version) {
	t.Helper()
	c.kubectl(t, "apply", "-k", filepath.Join(v.checkout, "config", "namespace"))
	c.kubectl(t, "apply", "-k", filepath.Join(v.checkout, "config", "crd"))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "exoscale-credentials"}}
	key := c.cloud.AdminKey()
	secret.StringData = map[string]string{
		"EXOSCALE_API_KEY": key.Key, "EXOSCALE_API_SECRET": key.Secret,
		"EXOSCALE_ZONE": home, "EXOSCALE_API_ENDPOINT": c.cloud.Endpoint,
	}
	if err := client.IgnoreAlreadyExists(c.Create(t.Context(), secret)); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "apply", "-k", overlay(t, v))
	NewWithT(t).Eventually(func(g Gomega) {
		var deployment appsv1.Deployment
		g.Expect(c.Get(t.Context(), client.ObjectKey{Namespace: system, Name: operator}, &deployment)).To(Succeed())
		g.Expect(deployment.Status.ObservedGeneration).To(Equal(deployment.Generation))
		running := c.operators(g, t)
		g.Expect(running).To(HaveLen(1))
		g.Expect(running[0].Spec.Containers[0].Image).To(Equal(operator + ":" + v.tag))
		g.Expect(c.metrics(t)).To(ContainSubstring("exoscale_nlb_operator_leading 1\n"))
	}, patience).Should(Succeed(), "%s", c.said())
}

// overlay is all that a version installs, in place of a CCM, as an owner would have
// it who is in a hurry and scrapes without a certificate. A process can't find out
// in which namespace it is, and has an address of its own only for ports that its
// arguments name.
func overlay(t *testing.T, v version) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs(filepath.Join(v.checkout, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if config, err = filepath.Rel(folder, config); err != nil {
		t.Fatal(err)
	}
	kustomization := fmt.Sprintf(`resources: [%[1]s/default]
components: [%[1]s/components/nodes, %[1]s/components/classless]
images: [{name: %[2]s, newTag: %[3]s}]
patches:
  - target: {kind: Deployment, name: %[2]s}
    patch: |
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --sync-period=500ms}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --metrics-secure=false}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --leader-election-namespace=%[4]s}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: "--metrics-bind-address=:8443"}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: "--health-probe-bind-address=:8081"}
`, config, operator, v.tag, system)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func (c *cluster) kubectl(t *testing.T, arguments ...string) {
	t.Helper()
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), c.Kubectl(), append(arguments, "--kubeconfig", c.kubeconfig)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %q: %v: %s", arguments, err, &said)
	}
}

// operators are the Pods of the operator, those that are about to end included.
func (c *cluster) operators(g Gomega, t *testing.T) []corev1.Pod {
	var list corev1.PodList
	g.Expect(c.List(t.Context(), &list, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/name": operator})).To(Succeed())
	return list.Items
}

// said is the end of what the operators logged.
func (c *cluster) said() fmt.Stringer {
	return lazily(func() string {
		lines := strings.Split(strings.TrimSpace(c.pods.Said(system, operator)), "\n")
		lines = lines[max(0, len(lines)-8):]
		for i, line := range lines {
			lines[i] = line[:min(len(line), 400)]
		}
		return strings.Join(lines, "\n")
	})
}

type lazily func() string

// String implements fmt.Stringer.
func (l lazily) String() string { return l() }

func (c *cluster) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
		}
	}
}

// change edits an object, whatever else is written meanwhile.
func change[T client.Object](t *testing.T, c *cluster, object T, edit func(T)) {
	t.Helper()
	NewWithT(t).Eventually(func() error {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		edit(object)
		return c.Update(t.Context(), object)
	}, patience).Should(Succeed())
}

// remove objects, and wait until they are gone.
func (c *cluster) remove(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := client.IgnoreNotFound(c.Delete(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	for _, object := range objects {
		NewWithT(t).Eventually(func() error { return c.Get(t.Context(), client.ObjectKeyFromObject(object), object) }, patience).
			Should(MatchError(ContainSubstring("not found")), "%T %s is still there\n%s", object, object.GetName(), c.said())
	}
}
