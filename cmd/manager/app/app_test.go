package app

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

func TestALoadBalancerIsCreatedInTheCloud(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	object := loadBalancer(t, namespace(t, "app-creates"), "web")
	running(t, optionsFor(sim))

	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
	g.Expect(object.Status.Address).NotTo(BeEmpty())
}

func TestSeveralAppsLiveInOneProcess(t *testing.T) {
	g := NewWithT(t)
	first, second := exosim.StartTestServer(t, exosim.Options{}), exosim.StartTestServer(t, exosim.Options{})
	ours, theirs := loadBalancer(t, namespace(t, "app-first"), "web"), loadBalancer(t, namespace(t, "app-second"), "web")
	for namespace, sim := range map[string]*exosim.Server{"app-first": first, "app-second": second} {
		options := optionsFor(sim)
		options.WatchNamespaces = []string{namespace}
		running(t, options)
	}
	g.Eventually(ready(t, ours), patience).Should(HavePrefix("True/"))
	g.Eventually(ready(t, theirs), patience).Should(HavePrefix("True/"))
	g.Expect(namesIn(t, first)).To(HaveLen(1), "each namespace has its own cloud")
	g.Expect(namesIn(t, second)).To(HaveLen(1))
}

func TestWrongCredentialsAreSaidAndMended(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	object := loadBalancer(t, namespace(t, "app-credentials"), "web")
	file := credentialsFile(t, sim.Key, "not the secret")
	options := optionsFor(sim)
	options.Credentials, options.CredentialsFile = nil, file
	running(t, options)

	g.Eventually(ready(t, object), patience).Should(Equal("False/InvalidCredentials"))
	writeCredentials(t, file, sim.Key, sim.Secret)
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
}

// As when the optional Secret isn't there when the Pod starts.
func TestWithoutASecretItRunsAndSaysSo(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	object := loadBalancer(t, namespace(t, "app-secretless"), "web")
	mounted, registry := t.TempDir(), prometheus.NewRegistry()
	options := optionsFor(sim)
	options.Credentials, options.CredentialsFile, options.Metrics = nil, mounted, registry
	options.HealthProbeBindAddress = ports.FreeAddress(t)
	running(t, options)

	g.Eventually(status(http.DefaultClient, "http://"+options.HealthProbeBindAddress+"/readyz", ""), patience).WithContext(t.Context()).Should(Equal(http.StatusOK))
	g.Eventually(ready(t, object), patience).Should(Equal("False/InvalidCredentials"))
	g.Expect(object.Status.Conditions).To(ContainElement(And(HaveField("Type", v1alpha1.ConditionReady),
		HaveField("Message", And(ContainSubstring("no API credentials are set in "+mounted), ContainSubstring(exoscale.EnvAPISecret))))))
	g.Expect(stateOfKey(g, registry)).To(Equal("missing"))

	for name, content := range map[string]string{exoscale.EnvAPIKey: sim.Key, exoscale.EnvAPISecret: sim.Secret} {
		g.Expect(os.WriteFile(filepath.Join(mounted, name), []byte(content), 0o600)).To(Succeed())
	}
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
	g.Expect(stateOfKey(g, registry)).To(Equal("accepted"))
}

// stateOfKey is the state of the API key that the metric tells.
func stateOfKey(g Gomega, registry prometheus.Gatherer) string {
	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() != "exoscale_nlb_operator_cloud_credentials" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if metric.GetGauge().GetValue() == 1 {
				return metric.GetLabel()[0].GetValue()
			}
		}
	}
	return ""
}

// namesIn lists the NLBs of a simulated cloud.
func namesIn(t *testing.T, sim *exosim.Server) []string {
	t.Helper()
	c, err := exoscale.NewClient(exoscale.Options{Endpoint: sim.Endpoint, Zone: exosim.DefaultZone, Credentials: exoscale.StaticCredentials(sim.Key, sim.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.LoadBalancers(t.Context(), exosim.DefaultZone)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, lb := range list {
		names = append(names, lb.Name)
	}
	return names
}
