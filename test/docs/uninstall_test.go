package docs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const uninstallPage = "docs/uninstall.md"

// asManager makes the test's own binary the program that the page runs.
const asManager = "TEST_DOCS_RUN_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) == "" {
		ctrl.SetLogger(logr.Discard())
		if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	command := app.Command{Args: os.Args[1:], Lookup: os.LookupEnv, Out: os.Stdout, Log: os.Stderr, Version: "test"}
	if err := command.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// TestTheUninstallationOnARealCluster goes through the page as readers do: each of
// its parts begins where its reader is.
func TestTheUninstallationOnARealCluster(t *testing.T) {
	t.Parallel()
	u := &uninstallation{given: start(t), g: NewWithT(t)}
	t.Cleanup(u.stop)
	key := u.cloud.AdminKey()
	u.putManager(t)
	filled := strings.NewReplacer("bin/manager ", "manager ", "EXO… ", key.Key+" ", "EXOSCALE_API_SECRET=… ", "EXOSCALE_API_SECRET="+key.Secret+" ")
	// What is before a block, by what it begins with, and what is after it.
	before := map[string]func(*testing.T){
		"kubectl delete service web": u.serves,
		"export EXOSCALE_API_KEY=EXO… EXOSCALE_API_SECRET=… EXOSCALE_ZONE=ch-gva-2\nbin/manager release --retain --dry-run": u.serves,
		"kubectl get namespace shop":              u.hangs,
		"bin/manager release --retain --without-": u.hangs,
	}
	after := map[string]func(*testing.T){
		"kubectl delete service web":                                   func(t *testing.T) { u.cloudHolds(t, 0) },
		"kubectl delete --ignore-not-found -k config/components/nodes": u.isRemoved,
		"export EXOSCALE_API_KEY=EXO… EXOSCALE_API_SECRET=… EXOSCALE_ZONE=ch-gva-2\nbin/manager release --retain --stop-operator": func(t *testing.T) {
			u.isRemoved(t)
			u.cloudHolds(t, 1)
		},
		"export EXOSCALE_API_KEY=EXO… EXOSCALE_API_SECRET=… EXOSCALE_ZONE=ch-gva-2\nbin/manager release --delete-cloud --namespace": func(t *testing.T) {
			u.shopIsGone(t)
			u.cloudHolds(t, 1) // the one that was retained
		},
		"bin/manager release --retain --without-": func(t *testing.T) {
			u.shopIsGone(t)
			u.cloudHolds(t, 2) // and one that was left
		},
	}
	for _, block := range page(t, uninstallPage).Blocks {
		if block.Language != "sh" {
			continue
		}
		at(before, block.Text)(t)
		text := block.Text
		block.Text = filled.Replace(text)
		t.Logf("line %d:\n%s", block.Line, block.Text)
		u.follow(t, block)
		at(after, text)(t)
	}
}

// at is what there is to do for a block.
func at(what map[string]func(*testing.T), block string) func(*testing.T) {
	for begin, do := range what {
		if strings.HasPrefix(block, begin) {
			return do
		}
	}
	return func(*testing.T) {}
}

// uninstallation is a cluster where the operator runs while its Deployment says so.
type uninstallation struct {
	given
	g        Gomega
	operator *world.Operator
	kubelet  func() // ends what stops the operator with its Deployment
}

// putManager puts a program named manager where the shell finds it.
func (u *uninstallation) putManager(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	u.g.Expect(err).NotTo(HaveOccurred())
	script := fmt.Sprintf("#!/bin/sh\n%s=1 EXOSCALE_API_ENDPOINT='%s' GOCOVERDIR='%s' exec '%s' \"$@\"\n", asManager, u.cloud.Endpoint, t.TempDir(), self)
	u.g.Expect(os.WriteFile(filepath.Join(u.folder, "bin", "manager"), []byte(script), 0o755)).To(Succeed())
}

// installs the operator with all its rights, and runs it until its Deployment wants no
// replica any more.
func (u *uninstallation) installs(t *testing.T) {
	t.Helper()
	u.stop()
	u.run(t, "", "kubectl apply -k config/default && kubectl apply -k config/components/nodes")
	u.run(t, "", "kubectl wait --for=condition=Established --timeout=1m customresourcedefinition --all")
	key := u.cloud.AdminKey()
	var err error
	u.operator, err = world.RunOperator(t.Context(), u.cluster.Config(), u.cloud, func(o *app.Options) {
		o.Credentials = exoscale.StaticCredentials(key.Key, key.Secret)
		o.LeaderElect, o.LeaderElectionNamespace = true, "exoscale-nlb-operator-system"
		o.SyncPeriod, o.PollInterval = 300*time.Millisecond, 20*time.Millisecond
		o.SkipNameValidation = true
	})
	u.g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	operator := u.operator
	go func() {
		defer close(ended)
		for u.isWanted(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
		_ = operator.Stop()
	}()
	u.kubelet = func() { cancel(); <-ended }
}

func (u *uninstallation) isWanted(ctx context.Context) bool {
	deployment := &appsv1.Deployment{}
	err := u.client.Get(ctx, client.ObjectKey{Namespace: "exoscale-nlb-operator-system", Name: "exoscale-nlb-operator"}, deployment)
	if err != nil {
		return ctx.Err() == nil && !apierrors.IsNotFound(err) // nobody has said otherwise
	}
	return *deployment.Spec.Replicas > 0
}

// stop ends the operator, whatever is wanted.
func (u *uninstallation) stop() {
	if u.operator != nil {
		u.kubelet()
		_ = u.operator.Stop() // that its lease is gone with its namespace is fine
		u.operator = nil
	}
}

// serves: the operator is installed, and serves a Service in the namespace default.
func (u *uninstallation) serves(t *testing.T) {
	t.Helper()
	u.installs(t)
	u.service(t, "default")
}

func (u *uninstallation) service(t *testing.T, namespace string) {
	t.Helper()
	class := v1alpha1.LoadBalancerClass
	web := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	u.g.Expect(client.IgnoreAlreadyExists(u.client.Create(t.Context(), web))).To(Succeed())
	u.g.Eventually(func(g Gomega) {
		g.Expect(u.client.Get(t.Context(), client.ObjectKeyFromObject(web), web)).To(Succeed())
		g.Expect(web.Status.LoadBalancer.Ingress).To(HaveLen(1))
		g.Expect(web.Finalizers).NotTo(BeEmpty())
	}, patience).Should(Succeed())
}

// hangs: the operator is gone, and the namespace shop can't be deleted.
func (u *uninstallation) hangs(t *testing.T) {
	t.Helper()
	u.installs(t)
	shop := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	u.g.Expect(u.create(t.Context(), shop)).To(Succeed())
	u.service(t, "shop")
	u.stop()
	u.run(t, "", "kubectl delete namespace shop --wait=false")
	u.g.Eventually(func(g Gomega) {
		g.Expect(u.client.Get(t.Context(), client.ObjectKeyFromObject(shop), shop)).To(Succeed())
		g.Expect(shop.Status.Conditions).To(ContainElement(And(
			HaveField("Type", corev1.NamespaceFinalizersRemaining), HaveField("Status", corev1.ConditionTrue))))
	}, patience).Should(Succeed())
}

func (u *uninstallation) shopIsGone(t *testing.T) {
	t.Helper()
	u.g.Eventually(func() error {
		return u.client.Get(t.Context(), client.ObjectKey{Name: "shop"}, &corev1.Namespace{})
	}, patience).Should(MatchError(ContainSubstring("not found")))
}

// isRemoved: nothing that was installed is left.
func (u *uninstallation) isRemoved(t *testing.T) {
	t.Helper()
	left, err := u.try(t, "", "kubectl get namespaces,clusterroles,clusterrolebindings,customresourcedefinitions --output name | grep -i exoscale")
	u.g.Expect(err).To(HaveOccurred(), "left: %s", left)
}

func (u *uninstallation) cloudHolds(t *testing.T, count int) {
	t.Helper()
	u.g.Expect(u.cloud.LoadBalancers("")).To(HaveLen(count))
}
