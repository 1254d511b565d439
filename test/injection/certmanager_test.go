package injection

import (
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// With cert-manager's kinds in the cluster, all that config/ makes of it is taken,
// and the operator has no rights to make a certificate itself.
func TestCertManager(t *testing.T) {
	g := NewWithT(t)
	// That of the tests couldn't become the installed one again.
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: webhookName}}
	g.Expect(client.IgnoreNotFound(newUser(t).Delete(t.Context(), service))).To(Succeed())
	said, err := kubectl(t.Context(), "apply", "-f", "testdata/cert-manager-kinds.yaml")
	g.Expect(err).NotTo(HaveOccurred(), said)
	g.Eventually(func() error {
		said, err = kubectl(t.Context(), "apply", "--dry-run=server", "-k", "testdata/cert-manager")
		return err
	}, patience).Should(Succeed(), func() string { return said })
	g.Expect(said).NotTo(ContainSubstring("Warning"))

	manifests, err := kubectl(t.Context(), "kustomize", "testdata/cert-manager")
	g.Expect(err).NotTo(HaveOccurred(), manifests)
	for manifest := range strings.SplitSeq(manifests, "\n---\n") {
		kind := regexp.MustCompile(`(?m)^kind: (\w+)$`).FindStringSubmatch(manifest)[1]
		switch kind {
		case "Secret":
			t.Errorf("cert-manager would find a Secret:\n%s", manifest)
		case "Role", "ClusterRole":
			if strings.Contains(manifest, "secrets") || strings.Contains(manifest, "mutatingwebhookconfigurations") {
				t.Errorf("a right that isn't needed:\n%s", manifest)
			}
		case "MutatingWebhookConfiguration":
			g.Expect(manifest).To(ContainSubstring("cert-manager.io/inject-ca-from: " + system + "/" + webhookName + "\n"))
		case "Certificate":
			g.Expect(manifest).To(ContainSubstring("- " + serverName + "\n"))
		case "Deployment":
			g.Expect(manifest).To(ContainSubstring("--webhook-cert-dir=/etc/webhook-certificate"))
			g.Expect(manifest).To(ContainSubstring("mountPath: /etc/webhook-certificate"))
		}
	}
}
