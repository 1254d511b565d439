package install

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/release"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// letsGo runs what config/release runs, with the rights that it has there.
func letsGo(t *testing.T, cluster cluster, c client.Client) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "left-behind"}}
	ours := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "left-behind", Finalizers: []string{v1alpha1.ServiceFinalizer}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
	operator := optionsFor(sim)
	stop := run(t, cluster.operator(t), operator)
	g.Expect(c.Create(t.Context(), object)).To(Succeed())
	g.Eventually(func() int { return len(sim.LoadBalancers("")) }, patience).Should(Equal(1))
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
		g.Expect(object.Status.Address).NotTo(BeEmpty())
	}, patience).Should(Succeed())
	stop()
	g.Expect(c.Create(t.Context(), ours)).To(Succeed())

	var said bytes.Buffer
	g.Expect(app.Check(t.Context(), cluster.operator(t), nil, &said)).To(MatchError(HavePrefix("the operator still holds 2 objects")),
		"the operator's own Pod can be asked")
	as := cluster.account(t, "exoscale-nlb-operator-release")
	options := app.ReleaseOptions{Options: optionsFor(sim), Mode: release.Retain, StopOperator: "exoscale-nlb-operator", Timeout: patience, Out: &said}
	options.LeaderElectionNamespace = system
	g.Expect(app.Release(t.Context(), as, options)).To(Succeed(), "%s", &said)
	g.Expect(app.Check(t.Context(), as, nil, &said)).To(Succeed())
	g.Expect(said.String()).To(And(
		ContainSubstring("Deployment exoscale-nlb-operator in namespace "+system+" is scaled to 0.\n"),
		ContainSubstring("NetworkLoadBalancer default/left-behind is free: NLB "+object.Status.ID)))
	g.Expect(c.Delete(t.Context(), object)).To(Succeed())
	g.Expect(c.Delete(t.Context(), ours)).To(Succeed())
}

// applies config/release.
func (cluster cluster) applyRelease(t *testing.T, c client.Client) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), cluster.Kubectl(), "--kubeconfig", cluster.kubeconfig,
		"apply", "-k", filepath.Join(root, "config", "release")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	podOf(t, c, client.MatchingLabels{"job-name": "exoscale-nlb-operator-release"})
}

// optionsFor an operator that works on a simulated cloud.
func optionsFor(sim *exosim.Server) app.Options {
	options := app.Defaults()
	options.Zone, options.APIEndpoint = exosim.DefaultZone, sim.Endpoint
	options.Credentials = exoscale.StaticCredentials(sim.Key, sim.Secret)
	options.SyncPeriod, options.PollInterval = 300*time.Millisecond, 20*time.Millisecond
	options.MetricsBindAddress, options.HealthProbeBindAddress = app.Off, app.Off
	options.SkipNameValidation = true
	return options
}
