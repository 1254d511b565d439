package helm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// webhookName is that of the webhook's Service, Secret and configuration.
const webhookName = release + "-webhook"

// TestSidecars has Pods get theirs, whatever helm does meanwhile, until it takes
// the webhook away.
func TestSidecars(t *testing.T) {
	c := startCluster(t)
	v := c.enough()
	v["udpSidecar"] = sidecars()
	c.install(t, chart, v)

	t.Run("a Pod that asks gets one, of the operator's image", func(t *testing.T) {
		g := NewWithT(t)
		c.injects(t)
		pod := asking("default")
		g.Expect(c.Create(t.Context(), pod, client.DryRunAll)).To(Succeed())
		g.Expect(pod.Spec.InitContainers).To(ConsistOf(And(
			HaveField("Name", v1alpha1.SidecarContainer), HaveField("Image", "exoscale-nlb-operator:"+presentTag))))
	})
	kept := c.certificate(t)
	t.Run("upgraded to other Pods, the certificate stays, and Pods go on getting them", func(t *testing.T) {
		v["podAnnotations"] = values{"restarted": "once"}
		g := NewWithT(t)
		c.visited(t, func() { c.install(t, chart, v) })
		g.Expect(c.certificate(t)).To(Equal(kept))
	})
	for name, how := range map[string][]string{
		"synced by Argo CD, it shows no drift": nil, "synced on the server side, it shows none, either": {"--server-side", "--field-manager=argocd-controller"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			manifests, err := c.helm(t, v.complete(), "template", release, chart, "--no-hooks", "--kube-version", kubernetes, "--values", "-")
			g.Expect(err).NotTo(HaveOccurred())
			said, err := c.kubectl(t, manifests, append([]string{"diff", "--filename", "-"}, how...)...)
			g.Expect(err).NotTo(HaveOccurred(), said)
			said, err = c.kubectl(t, manifests, append([]string{"apply", "--filename", "-"}, how...)...)
			g.Expect(err).NotTo(HaveOccurred(), said)
			g.Expect(c.certificate(t)).To(Equal(kept))
		})
	}
	t.Run("rolled back, too", func(t *testing.T) {
		g := NewWithT(t)
		c.visited(t, func() {
			said, err := c.helm(t, nil, "rollback", release, "1", "--wait", "--timeout", patience.String())
			g.Expect(err).NotTo(HaveOccurred(), said)
		})
		g.Expect(c.certificate(t)).To(Equal(kept))
	})
	t.Run("nothing was forbidden", func(t *testing.T) {
		NewWithT(t).Expect(c.said().String()).NotTo(ContainSubstring("forbidden"))
	})
	t.Run("switched off, all of it goes", func(t *testing.T) {
		g := NewWithT(t)
		c.install(t, chart, c.enough())
		g.Expect(c.belonging(t)).NotTo(ContainElement(ContainSubstring("webhook")))
		pod := asking("default")
		g.Expect(c.Create(t.Context(), pod, client.DryRunAll)).To(Succeed())
		g.Expect(pod.Spec.InitContainers).To(BeEmpty())
	})
	t.Run("switched on again, it begins anew", func(t *testing.T) {
		delete(v, "podAnnotations")
		c.install(t, chart, v)
		c.injects(t)
		NewWithT(t).Expect(c.certificate(t)).NotTo(Equal(kept))
	})
	t.Run("uninstalled, nothing is left but the kinds", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(c.belonging(t)).To(ContainElements("secret/"+webhookName, "mutatingwebhookconfiguration.admissionregistration.k8s.io/"+webhookName))
		said, err := c.helm(t, nil, "uninstall", release, "--wait", "--timeout", patience.String())
		g.Expect(err).NotTo(HaveOccurred(), said)
		g.Eventually(func() []string { return c.belonging(t) }, patience).Should(HaveEach(HavePrefix("customresourcedefinition.")))
	})
}

// asking is a Pod with a UDP application that asks for a sidecar.
func asking(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "dns", Labels: map[string]string{v1alpha1.LabelUDPHealthCheck: "true"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "server", Image: "dns", Ports: []corev1.ContainerPort{{ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		}}},
	}
}

// injects waits until a Pod that asks gets a sidecar.
func (c *cluster) injects(t *testing.T) {
	t.Helper()
	c.injectsIn(t, metav1.NamespaceDefault)
}

func (c *cluster) injectsIn(t *testing.T, namespace string) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		has, err := c.injected(t.Context(), namespace)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(has).To(BeTrue())
	}, patience).Should(Succeed(), "%s", c.said())
}

// injected tells whether a Pod that asks would get a sidecar now.
func (c *cluster) injected(ctx context.Context, namespace string) (bool, error) {
	pod := asking(namespace)
	err := c.Create(ctx, pod, client.DryRunAll)
	return slices.ContainsFunc(pod.Spec.InitContainers, func(container corev1.Container) bool { return container.Name == v1alpha1.SidecarContainer }), err
}

// givenUp is after what time an API server waits no longer for the webhook.
const givenUp = 3 * time.Second

// visited asks for Pods, and at every replica that the webhook's Service leads to,
// again and again while something replaces all replicas. None of it may fail.
func (c *cluster) visited(t *testing.T, replace func()) {
	t.Helper()
	g := NewWithT(t)
	believed := x509.NewCertPool()
	believed.AppendCertsFromPEM(c.certificate(t)["ca.crt"])
	visitor := tls.Dialer{Config: &tls.Config{RootCAs: believed, ServerName: webhookName + "." + namespace + ".svc"}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	visits, failures := 0, []string(nil)
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			began := time.Now()
			has, err := c.injected(ctx, metav1.NamespaceDefault)
			switch took := time.Since(began); {
			case ctx.Err() != nil, has && err == nil:
			case err == nil && took >= givenUp: // nobody is away: the machine is busy
			default:
				failures = append(failures, fmt.Sprintf("a Pod without sidecar after %s (%v)", took, err))
			}
			for _, address := range c.endpoints(ctx) {
				connection, err := visitor.DialContext(ctx, "tcp4", address)
				if err == nil {
					connection.Close()
				} else if ctx.Err() == nil {
					failures = append(failures, err.Error())
				}
				visits++
			}
		}
	}()
	before := c.replicas(t)
	replace()
	g.Eventually(func() []string { return c.replicas(t) }, patience).Should(And(HaveLen(2), Not(ContainElement(BeElementOf(before)))))
	cancel()
	<-ended
	g.Expect(visits).To(BeNumerically(">", len(before)))
	g.Expect(failures).To(BeEmpty(), "in %d visits", visits)
}

// endpoints are the addresses that the webhook's Service leads to.
func (c *cluster) endpoints(ctx context.Context) []string {
	var list discoveryv1.EndpointSliceList
	if c.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: webhookName}) != nil {
		return nil
	}
	var all []string
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			if *endpoint.Conditions.Ready {
				all = append(all, fmt.Sprintf("%s:%d", c.pods.Address(endpoint.Addresses[0]), *slice.Ports[0].Port))
			}
		}
	}
	return all
}

// certificate is what the operator has written: what it shows, and whom the API
// server believes.
func (c *cluster) certificate(t *testing.T) map[string][]byte {
	t.Helper()
	var secret corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: webhookName}, &secret); err != nil {
		t.Fatal(err)
	}
	var webhooks admissionregistrationv1.MutatingWebhookConfiguration
	if err := c.Get(t.Context(), client.ObjectKey{Name: webhookName}, &webhooks); err != nil {
		t.Fatal(err)
	}
	written := secret.Data
	for _, webhook := range webhooks.Webhooks {
		written["believed by "+webhook.Name] = webhook.ClientConfig.CABundle
	}
	return written
}

// belonging are the objects of the release, each as its resource and name.
func (c *cluster) belonging(t *testing.T) []string {
	t.Helper()
	said, err := c.kubectl(t, "", "get", "secrets,services,serviceaccounts,pods,roles,rolebindings,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,networkpolicies,crds",
		"--all-namespaces", "--selector", "app.kubernetes.io/instance="+release, "--output", "name")
	if err != nil {
		t.Fatal(said)
	}
	return strings.Fields(said)
}
