package app

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
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
