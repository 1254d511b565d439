package helm

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// TestUninstall takes the chart away: while it is needed, as the refusal says, and
// with all that it held.
func TestUninstall(t *testing.T) {
	c := startCluster(t)
	c.install(t, chart, c.enough())
	address := c.service(t, "web")
	lb := c.onlyNLB(t)

	t.Run("it is refused while NLBs are held, and said why", func(t *testing.T) {
		g := NewWithT(t)
		said, err := c.uninstall(t)
		g.Expect(err).To(HaveOccurred())
		g.Expect(said).To(And(ContainSubstring("the operator still holds 3 objects"), ContainSubstring("Service default/web")))
		g.Expect(c.replicas(t)).To(HaveLen(2), "it goes on")
		c.follow(t, said)
		g.Expect(c.addressOf(t, "web")).To(Equal(address))
	})
	t.Run("retained, the NLBs stay, and nothing is held", func(t *testing.T) {
		g := NewWithT(t)
		before := c.onlyNLB(t)
		said, err := c.uninstall(t)
		g.Expect(err).NotTo(HaveOccurred(), said)
		c.isUninstalled(t)
		after := c.onlyNLB(t)
		g.Expect(after.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))
		g.Expect(after).To(And(HaveField("ID", lb.ID), HaveField("IP", address), HaveField("Services", Equal(withoutMarks(before.Services)))))
		g.Expect(c.addressOf(t, "web")).To(Equal(address))
	})
	t.Run("installed again, all is taken over, and nothing but labels is written", func(t *testing.T) {
		g := NewWithT(t)
		c.cloud.ResetCalls()
		v := c.enough()
		v["uninstall"] = values{"policy": "delete", "timeout": "100s"}
		g.Expect(c.install(t, chart, v)).To(ContainSubstring("deletes the NLBs"))
		g.Eventually(func() map[string]string { return c.onlyNLB(t).Labels }, patience).
			Should(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, lb.Labels[v1alpha1.CloudLabelOwnerUID]), "%s", c.said())
		c.says(t, "web", v1alpha1.ReasonReady)
		for _, call := range c.cloud.MutatingCalls() {
			g.Expect(call.Operation).To(Equal("update-load-balancer"))
			g.Expect(string(call.Body)).To(HavePrefix(`{"labels":{`))
		}
		g.Expect(c.addressOf(t, "web")).To(Equal(address))
	})
	t.Run("what can't be deleted stops it, and how to go back is said", func(t *testing.T) {
		g := NewWithT(t)
		remove := c.cloud.Fault(exosim.Fault{Operation: "delete-load-balancer", Kind: exosim.FaultStatus, Status: 403})
		defer remove()
		said, err := c.uninstall(t)
		g.Expect(err).To(HaveOccurred())
		g.Expect(said).To(And(ContainSubstring("Deployment "+release+" in namespace "+namespace+" is scaled to 0"), ContainSubstring("HTTP 403"), ContainSubstring("helm uninstall "+release)))
		g.Expect(*c.deployment(t).Spec.Replicas).To(BeZero(), "it would take back what was let go of")
		commands := told(said)
		g.Expect(commands).To(HaveLen(2))
		c.run(t, commands[1])
		g.Eventually(func() []string { return c.replicas(t) }, patience).Should(HaveLen(2))
		g.Eventually(func() []exosim.Service { return c.onlyNLB(t).Services }, patience).Should(HaveLen(1), "%s", c.said())
		c.rests(t)
		g.Expect(c.addressOf(t, "web")).To(Equal(address), "the NLB wasn't deleted")
	})
	t.Run("deleted, nothing is left at Exoscale, and nothing is held", func(t *testing.T) {
		g := NewWithT(t)
		said, err := c.uninstall(t)
		g.Expect(err).NotTo(HaveOccurred(), said)
		c.isUninstalled(t)
		g.Expect(c.cloud.LoadBalancers("")).To(BeEmpty())
		web := c.get(t, "default", "web")
		g.Expect(web.Status.LoadBalancer.Ingress).To(BeEmpty())
		g.Expect(web.Annotations).NotTo(HaveKey(v1alpha1.AnnotationID))
	})
	t.Run("what was served can go without the operator", func(t *testing.T) {
		c.goes(t, "default", "web")
	})
	t.Run("with nothing held, it is uninstalled as it stands", func(t *testing.T) {
		g := NewWithT(t)
		c.install(t, chart, c.enough())
		said, err := c.uninstall(t)
		g.Expect(err).NotTo(HaveOccurred(), said)
		c.isUninstalled(t)
	})
	t.Run("it goes as docs/uninstall.md tells", func(t *testing.T) {
		c.install(t, chart, c.enough())
		address := c.service(t, "last")
		c.rests(t)
		for _, script := range scripts(t, "docs/uninstall.md", "helm upgrade ") {
			c.run(t, script)
		}
		c.isUninstalled(t)
		NewWithT(t).Expect(c.onlyNLB(t).IP).To(Equal(address))
	})
}

// TestUninstallElsewhere lets go under other names, in one namespace that is
// watched, with a cluster id and a Secret of the chart's own.
func TestUninstallElsewhere(t *testing.T) {
	c := startCluster(t)
	g := NewWithT(t)
	c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "edge"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	theirs := service("default", "theirs")
	theirs.Finalizers = []string{v1alpha1.ServiceFinalizer} // another operator's
	c.create(t, theirs)
	v := c.enough()
	v["watchNamespaces"] = []string{"shop"}
	v["clusterID"] = "blue"
	v["uninstall"] = values{"policy": "delete", "timeout": "90s"}
	v["zone"], v["credentials"] = c.cloud.Zones()[0], values{"apiKey": c.key.Key, "apiSecret": c.key.Secret}
	elsewhere := []string{"--kubeconfig", c.kubeconfig, "--namespace", "edge", "--wait", "--timeout", patience.String()}
	said, err := helm(t, v, append([]string{"install", "blue", chart, "--values", "-"}, elsewhere...)...)
	g.Expect(err).NotTo(HaveOccurred(), "%s%s", said, c.pods.Said("edge", ""))
	web := service("shop", "web")
	c.create(t, web)
	c.address(t, web)

	said, err = helm(t, nil, append([]string{"uninstall", "blue"}, elsewhere...)...)
	g.Expect(err).NotTo(HaveOccurred(), said)
	g.Expect(c.cloud.LoadBalancers("")).To(BeEmpty())
	c.goes(t, "shop", "web")
	g.Expect(c.get(t, "default", "theirs").Finalizers).To(ContainElement(v1alpha1.ServiceFinalizer), "it is out of sight")
	g.Expect(c.pods.Said("edge", "blue")).NotTo(ContainSubstring("forbidden"))
}

// uninstall the chart, and give all that helm says.
func (c *cluster) uninstall(t *testing.T) (said string, err error) {
	t.Helper()
	said, err = c.helm(t, nil, "uninstall", release, "--wait", "--timeout", patience.String())
	if err != nil {
		said += err.Error()
	}
	return said, err
}

// follow does what helm's output tells to do.
func (c *cluster) follow(t *testing.T, said string) {
	t.Helper()
	commands := told(said)
	if len(commands) == 0 {
		t.Fatalf("no command is told:\n%s", said)
	}
	for _, command := range commands {
		c.run(t, command)
	}
}

// run a command that was told.
func (c *cluster) run(t *testing.T, command string) {
	t.Helper()
	if said, err := c.shell(t, command); err != nil {
		t.Fatalf("%v: %s\n%s", err, command, said)
	}
}

// rests waits until nothing is under way: what is may be waited for, for minutes,
// by who comes after an operator that ended.
func (c *cluster) rests(t *testing.T) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		var all v1alpha1.NLBServiceList
		g.Expect(c.List(t.Context(), &all)).To(Succeed())
		g.Expect(all.Items).To(HaveEach(And(
			HaveField("Status.Operation", BeNil()),
			HaveField("Status.Conditions", ContainElement(And(HaveField("Type", v1alpha1.ConditionReady), HaveField("Status", metav1.ConditionTrue)))))))
	}, patience).Should(Succeed(), "%s", c.said())
}

// isUninstalled waits until no Pod of ours is there, and holds that the kinds are
// and that nothing is held.
func (c *cluster) isUninstalled(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func(g Gomega) {
		var pods corev1.PodList
		g.Expect(c.List(t.Context(), &pods, client.InNamespace(namespace))).To(Succeed())
		g.Expect(pods.Items).To(BeEmpty())
	}, patience).Should(Succeed())
	g.Expect(c.held(t)).To(BeEmpty())
	if said, err := c.kubectl(t, "", "get", "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,jobs,secrets", "--all-namespaces", "--output", "name"); err != nil || strings.Contains(said, release) {
		t.Errorf("something of the chart's is left: %v\n%s", err, said)
	}
}

// held are the names of all objects with a finalizer of ours.
func (c *cluster) held(t *testing.T) []string {
	t.Helper()
	said, err := c.kubectl(t, "", "get", "services,nlb,nlbsvc", "--all-namespaces", "--output", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.finalizers}{"\n"}{end}`)
	if err != nil {
		t.Fatal(said)
	}
	var held []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, v1alpha1.Prefix) {
			held = append(held, line)
		}
	}
	return held
}

func (c *cluster) onlyNLB(t *testing.T) exosim.LoadBalancer {
	t.Helper()
	all := c.cloud.LoadBalancers("")
	if len(all) != 1 {
		t.Fatalf("there are %d NLBs at Exoscale", len(all))
	}
	return all[0]
}

func (c *cluster) get(t *testing.T, namespace, name string) *corev1.Service {
	t.Helper()
	service := &corev1.Service{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, service); err != nil {
		t.Fatal(err)
	}
	return service
}

// goes deletes a Service, and waits until it is gone, and what was made of it.
func (c *cluster) goes(t *testing.T, namespace, name string) {
	t.Helper()
	g := NewWithT(t)
	service := c.get(t, namespace, name)
	g.Expect(c.Delete(t.Context(), service)).To(Succeed())
	for _, object := range []client.Object{service, &v1alpha1.NetworkLoadBalancer{}} {
		g.Eventually(func() bool {
			return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(service), object))
		}, patience).Should(BeTrue(), "%T", object)
	}
}

// withoutMarks are services as they are once nobody claims them by a mark any more.
func withoutMarks(services []exosim.Service) []exosim.Service {
	services = slices.Clone(services)
	for i := range services {
		services[i].Description, _ = nlb.SplitMark(services[i].Description)
	}
	return services
}
