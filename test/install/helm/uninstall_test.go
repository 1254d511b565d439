package helm

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// TestUninstall takes the chart away, first while it is needed.
func TestUninstall(t *testing.T) {
	c := startCluster(t)
	c.install(t, chart, c.enough())
	c.service(t, "web")

	t.Run("it is refused while NLBs are held, and said why", func(t *testing.T) {
		g := NewWithT(t)
		said, err := c.helm(t, nil, "uninstall", release, "--timeout", patience.String())
		g.Expect(err).To(HaveOccurred())
		g.Expect(said + err.Error()).To(And(ContainSubstring("the operator still holds 3 objects"), ContainSubstring("Service default/web")))
		g.Expect(c.replicas(t)).To(HaveLen(2), "it goes on")
	})
	t.Run("afterwards all goes but the kinds", func(t *testing.T) {
		g := NewWithT(t)
		web := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
		g.Expect(c.Delete(t.Context(), web)).To(Succeed())
		g.Eventually(func() error { return c.Get(t.Context(), client.ObjectKeyFromObject(web), web) }, patience).
			Should(MatchError(ContainSubstring("not found")), "%s", c.said())
		g.Expect(c.cloud.LoadBalancers("")).To(BeEmpty())
		said, err := c.helm(t, nil, "uninstall", release, "--wait", "--timeout", patience.String())
		g.Expect(err).NotTo(HaveOccurred(), said)
		g.Eventually(func() []string { return c.replicas(t) }, patience).Should(BeEmpty())
		var kept v1alpha1.NetworkLoadBalancerList
		g.Expect(c.List(t.Context(), &kept)).To(Succeed())
	})
	t.Run("installed again, it takes the kinds that are there", func(t *testing.T) {
		c.install(t, chart, c.enough())
		c.service(t, "again")
	})
}
