package app

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/release"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const guardName = "guard"

// guarded runs an operator of one namespace in which its guard is, too.
func guarded(t *testing.T, namespace string, annotations map[string]string) (guard *corev1.ConfigMap, c client.Client, stop func()) {
	t.Helper()
	c, err := uncached(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	guard = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: guardName, Annotations: annotations}}
	if err := c.Create(t.Context(), guard); err != nil {
		t.Fatal(err)
	}
	options := optionsFor(exosim.StartTestServer(t, exosim.Options{}))
	options.WatchNamespaces, options.LeaderElectionNamespace, options.UninstallGuard = []string{namespace}, namespace, guardName
	return guard, c, running(t, options)
}

// Whoever deletes the guard first, as Argo CD does, waits until nothing is held.
func TestTheGuardStaysWhileAnythingIsHeld(t *testing.T) {
	g := NewWithT(t)
	guard, c, _ := guarded(t, namespace(t, "guard-held"), nil)
	object := loadBalancer(t, guard.Namespace, "web")
	g.Eventually(func() []string {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(guard), guard)).To(Succeed())
		return guard.Finalizers
	}, patience).Should(ContainElement(v1alpha1.GuardFinalizer))

	g.Expect(c.Delete(t.Context(), guard)).To(Succeed())
	g.Eventually(func() []string {
		var list corev1.EventList
		g.Expect(c.List(t.Context(), &list, client.InNamespace(guard.Namespace))).To(Succeed())
		var said []string
		for _, event := range list.Items {
			if event.Reason == release.ReasonStillHeld {
				said = append(said, event.InvolvedObject.Kind+": "+event.Message)
			}
		}
		return said
	}, patience).Should(ContainElement(HavePrefix("ConfigMap: the operator still holds 1 object: without it they could never be deleted. Delete the Services")))
	g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(guard), guard)).To(Succeed(), "it waits")

	g.Expect(c.Delete(t.Context(), object)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(guard), guard))
	}, patience).Should(BeTrue(), "nothing is held any more")
}

// Helm deletes it in the middle of everything, and has its hook.
func TestAGuardThatHelmInstalledIsLeftAlone(t *testing.T) {
	g := NewWithT(t)
	guard, c, stop := guarded(t, namespace(t, "guard-helm"), map[string]string{"meta.helm.sh/release-name": "x"})
	object := loadBalancer(t, guard.Namespace, "web")
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
	said, err := checkAndWait(t.Context(), guard.Namespace)
	g.Expect(err).To(MatchError(HavePrefix("the operator still holds 1 object: ")), "it doesn't wait")
	g.Expect(said.String()).To(ContainSubstring("NetworkLoadBalancer guard-helm/web"))
	g.Expect(c.Delete(t.Context(), guard)).To(Succeed())
	g.Expect(apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(guard), guard))).To(BeTrue(), "it goes at once")
	stop()
}

// Argo CD begins anew after a failure, and takes it for done at last: so nothing fails.
func TestTheCheckWaitsWhereHelmDidNotInstall(t *testing.T) {
	g := NewWithT(t)
	guard, c, _ := guarded(t, namespace(t, "guard-waits"), nil)
	object := loadBalancer(t, guard.Namespace, "web")
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
	ended := make(chan error, 1)
	said := &saidSoFar{}
	go func() { ended <- waits(t.Context(), guard.Namespace, said) }()
	g.Eventually(said.String, patience).Should(And(ContainSubstring("NetworkLoadBalancer guard-waits/web"),
		ContainSubstring("Waiting: the operator still holds 1 object"), ContainSubstring("Argo CD"), Not(ContainSubstring("helm"))))
	g.Expect(ended).NotTo(Receive())
	g.Expect(c.Delete(t.Context(), object)).To(Succeed())
	g.Eventually(ended, patience).Should(Receive(BeNil()))
	g.Expect(said.String()).To(HaveSuffix("The operator holds nothing: it can be removed.\n"))
	g.Expect(strings.Count(said.String(), "Waiting: the operator still holds 1 object")).To(BeNumerically("<=", 2), "once, and once more while it is deleted")
}

func checkAndWait(ctx context.Context, namespace string) (*saidSoFar, error) {
	said := &saidSoFar{}
	return said, waits(ctx, namespace, said)
}

func waits(ctx context.Context, namespace string, said *saidSoFar) error {
	options := Options{LeaderElectionNamespace: namespace, UninstallGuard: guardName}
	return CheckAndWait(ctx, cluster.Config(), options, []string{namespace}, said)
}

// saidSoFar can be read while it is written.
type saidSoFar struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *saidSoFar) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *saidSoFar) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
