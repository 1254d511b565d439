package app

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

func TestAStandbyWaitsAndTakesOver(t *testing.T) {
	g := NewWithT(t)
	options := optionsFor(exosim.StartTestServer(t, exosim.Options{}))
	options.LeaderElect, options.LeaderElectionNamespace = true, namespace(t, "leader")

	first := newApp(t, options)
	stopFirst := runs(t, first)
	g.Eventually(first.manager.Elected(), patience).Should(BeClosed())
	var lease coordinationv1.Lease
	g.Expect(kube(t).Get(t.Context(), client.ObjectKey{Namespace: "leader", Name: Name}, &lease)).To(Succeed())

	options.HealthProbeBindAddress = ports.FreeAddress(t)
	second := newApp(t, options)
	runs(t, second)
	g.Eventually(status(http.DefaultClient, "http://"+options.HealthProbeBindAddress+"/readyz", ""), patience).
		WithContext(t.Context()).Should(Equal(http.StatusOK), "a standby is ready to take over")
	object := loadBalancer(t, "leader", "web")
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"), "the leader works")
	g.Expect(second.manager.Elected()).NotTo(BeClosed())

	stopFirst()
	g.Eventually(second.manager.Elected(), patience).Should(BeClosed())
	another := loadBalancer(t, "leader", "another")
	g.Eventually(ready(t, another), patience).Should(HavePrefix("True/"), "the standby has taken over")
}

func TestOutsideOfAPodTheLeaseNeedsANamespace(t *testing.T) {
	options := optionsFor(exosim.StartTestServer(t, exosim.Options{}))
	options.LeaderElect = true
	_, err := New(t.Context(), cluster.Config(), options)
	if err == nil || !strings.Contains(err.Error(), "--leader-election-namespace") {
		t.Errorf("err %v", err)
	}
}
