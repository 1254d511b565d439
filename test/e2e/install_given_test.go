//go:build linux

package e2e

import (
	"os/exec"
	"path/filepath"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/test/e2e/node"
)

// What is installed is called so, and where the operator of the tests listens.
const (
	system      = "exoscale-nlb-operator-system"
	webhookName = "exoscale-nlb-operator-webhook"
	webhookPort = 9443
)

// install applies what a user does. The operator's own Pods stay Pending, since
// nobody schedules them: it runs beside the control plane, and the webhook's Service
// leads there. The API server calls it through that, by the node's kube-proxy.
func (s *scene) install() {
	kubeconfig := filepath.Join(s.TempDir(), "kubeconfig")
	s.must(s.cluster.WriteKubeconfig(kubeconfig))
	said, err := exec.CommandContext(s.Context(), s.cluster.Kubectl(), "--kubeconfig", kubeconfig,
		"apply", "-k", filepath.Join(s.root(), "test", "injection", "testdata", "self-made")).CombinedOutput()
	s.Expect(err).NotTo(gomega.HaveOccurred(), string(said))

	service := &corev1.Service{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: system, Name: webhookName}, service))
	service.Spec.Selector = nil
	s.must(s.client.Update(s.Context(), service))
	s.create(&discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: system, Name: webhookName,
			Labels: map[string]string{discoveryv1.LabelServiceName: webhookName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("webhook"), Port: new(int32(webhookPort)), Protocol: new(corev1.ProtocolTCP)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{node.Outside}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	})
}

// root of the checkout.
func (s *scene) root() string {
	root, err := filepath.Abs(".")
	s.must(err)
	if filepath.Base(root) == "e2e" { // go test runs here, make in the root
		root = filepath.Join(root, "..", "..")
	}
	return root
}

// eventuallyInjects waits until the webhook answers, through all that is on its way.
func (s *scene) eventuallyInjects() {
	s.Helper()
	s.Eventually(func(g gomega.Gomega) {
		tried := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tried", Labels: map[string]string{"app": game}},
			Spec:       podSpec(),
		}
		g.Expect(s.client.Create(s.Context(), tried, client.DryRunAll)).To(gomega.Succeed())
		g.Expect(tried.Spec.InitContainers).To(gomega.HaveLen(1))
	}).Should(gomega.Succeed(), "the webhook adds the sidecar")
}
