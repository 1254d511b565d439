package helm

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	t.Run("what the notes tell works, and leaves the settings of Argo CD that aren't ours", func(t *testing.T) {
		g := NewWithT(t)
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm"}, Data: map[string]string{"url": "https://argocd.example.com"}}
		c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}}, settings)
		v := c.enough()
		v["argocdHealth"] = values{"enabled": true}
		commands := told(c.install(t, chart, v))
		g.Expect(commands).To(HaveLen(4))
		for _, command := range commands {
			if strings.Contains(command, "create secret") {
				continue // it is there
			}
			said, err := c.shell(t, command)
			g.Expect(err).NotTo(HaveOccurred(), "%s\n%s", command, said)
		}
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(settings), settings)).To(Succeed())
		g.Expect(settings.Data).To(HaveLen(5))
		g.Expect(settings.Data).To(HaveKeyWithValue("url", "https://argocd.example.com"))
		g.Expect(settings.Data).To(HaveKeyWithValue("resource.customizations.health.nlb.exoscale.com_NLBService", ContainSubstring("return health\n")))
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

// told are the commands that notes tell: what is indented.
func told(notes string) []string {
	var commands []string
	open := false
	for line := range strings.Lines(notes) {
		switch command, indented := strings.CutPrefix(line, "  "); {
		case !indented:
			open = false
		case open:
			commands[len(commands)-1] += command
		default:
			commands = append(commands, command)
			open = true
		}
	}
	return commands
}
