package helm

import (
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestInstall goes the way of somebody who installs the chart for the first time.
func TestInstall(t *testing.T) {
	c := startCluster(t)
	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	t.Run("a wrong value makes nothing", func(t *testing.T) {
		g := NewWithT(t)
		wrong := c.enough()
		wrong["nodes"] = values{"initialisation": true}
		_, err := c.helm(t, wrong.complete(), "install", release, chart, "--values", "-")
		g.Expect(err).To(MatchError(ContainSubstring("additional properties 'initialisation' not allowed")))
		var kinds apiextensionsv1.CustomResourceDefinitionList
		g.Expect(c.List(t.Context(), &kinds)).To(Succeed())
		g.Expect(kinds.Items).To(BeEmpty())
		var roles rbacv1.ClusterRoleList
		g.Expect(c.List(t.Context(), &roles, client.MatchingLabels{"app.kubernetes.io/instance": release})).To(Succeed())
		g.Expect(roles.Items).To(BeEmpty())
		g.Expect(c.replicas(t)).To(BeEmpty())
	})
	t.Run("credentials and zone are enough, and the notes say what comes next", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(c.install(t, chart, c.enough())).To(ContainSubstring("helm test " + release + " --namespace " + namespace + " --logs"))
		g.Expect(c.replicas(t)).To(HaveLen(2))
	})
	t.Run("a Service gets its address", func(t *testing.T) {
		g := NewWithT(t)
		address := c.service(t, "web")
		g.Expect(c.cloud.LoadBalancers("")).To(ConsistOf(HaveField("IP", address)))
	})
	t.Run("helm test says that all is well", func(t *testing.T) {
		g := NewWithT(t)
		said, err := c.helm(t, nil, "test", release, "--logs", "--timeout", patience.String())
		g.Expect(err).NotTo(HaveOccurred(), said)
		g.Expect(said).To(ContainSubstring("The operator answers at http://exoscale-nlb-operator-check."))
		g.Expect(said).To(ContainSubstring("The API key works"))
	})
	t.Run("installed again, nothing happens", func(t *testing.T) {
		g := NewWithT(t)
		before, replicas := c.deployment(t), c.replicas(t)
		c.cloud.ResetCalls()
		c.install(t, chart, c.enough())
		g.Expect(c.deployment(t).Generation).To(Equal(before.Generation))
		g.Expect(c.replicas(t)).To(ConsistOf(replicas))
		g.Expect(c.cloud.MutatingCalls()).To(BeEmpty())
	})
	t.Run("nothing was forbidden", func(t *testing.T) {
		NewWithT(t).Expect(c.said().String()).NotTo(ContainSubstring("forbidden"))
	})
	t.Run("helm test tells a key that doesn't work", func(t *testing.T) {
		g := NewWithT(t)
		secret := c.secret()
		secret.StringData["EXOSCALE_API_SECRET"] = "wrong"
		g.Expect(c.Update(t.Context(), secret)).To(Succeed())
		said, err := c.helm(t, nil, "test", release, "--logs", "--timeout", patience.String())
		g.Expect(err).To(HaveOccurred())
		g.Expect(said).To(ContainSubstring("Check the operator's EXOSCALE_API_KEY and EXOSCALE_API_SECRET"))
		g.Expect(said).To(ContainSubstring("The operator answers"))
	})
}
