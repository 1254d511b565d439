package upgrade

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// metrics of the operator; empty while there is none, or it doesn't answer.
func (c *cluster) metrics(t *testing.T) string {
	t.Helper()
	running := c.operators(NewWithT(t), t)
	if len(running) != 1 {
		return ""
	}
	address := "http://" + c.pods.Address(running[0].Status.PodIP) + ":8443/metrics"
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(get)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// sum of a metric over all lines with a label.
func sum(t *testing.T, metrics, name, label string) int {
	t.Helper()
	total := 0.0
	for _, line := range regexp.MustCompile(`(?m)^`+name+`\{[^}]*`+label+`[^}]*\} (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		value, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		total += value
	}
	return int(total)
}

// settles waits until the operator that runs has looked at every object, has
// nothing more to look at, and has seen the cloud of each zone three times since.
func (c *cluster) settles(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	atRest := func(g Gomega) {
		metrics := c.metrics(t)
		for controller, objects := range c.objects(g, t) {
			label := `controller="` + controller + `"`
			g.Expect(sum(t, metrics, "controller_runtime_reconcile_total", label)).To(BeNumerically(">=", objects), controller)
			g.Expect(sum(t, metrics, "workqueue_depth", label)).To(BeZero(), controller)
			g.Expect(sum(t, metrics, "controller_runtime_active_workers", label)).To(BeZero(), controller)
		}
	}
	g.Eventually(atRest, patience).Should(Succeed(), "%s", c.said())
	before := c.lists()
	g.Eventually(func(g Gomega) {
		for zone, lists := range c.lists() {
			g.Expect(lists).To(BeNumerically(">=", before[zone]+3), "zone %s", zone)
		}
		g.Expect(c.lists()).To(HaveLen(2))
	}, patience).Should(Succeed(), "%s", c.said())
	g.Eventually(atRest, patience).Should(Succeed(), "%s", c.said())
}

// lists counts how often the NLBs of each zone were listed.
func (c *cluster) lists() map[string]int {
	all := map[string]int{}
	for zone, calls := range c.cloud.Calls().Zones {
		if lists := calls["list-load-balancers"]; lists > 0 {
			all[zone] = lists
		}
	}
	return all
}

// objects counts, for each controller, those that it looks at when it starts.
func (c *cluster) objects(g Gomega, t *testing.T) map[string]int {
	var balancers v1alpha1.NetworkLoadBalancerList
	var nlbServices v1alpha1.NLBServiceList
	var services corev1.ServiceList
	for _, list := range []client.ObjectList{&balancers, &nlbServices, &services} {
		g.Expect(c.List(t.Context(), list)).To(Succeed())
	}
	services.Items = slices.DeleteFunc(services.Items, func(s corev1.Service) bool { return s.Spec.Type != corev1.ServiceTypeLoadBalancer })
	return map[string]int{
		"networkloadbalancer": len(balancers.Items), "nlbservice": len(nlbServices.Items), "service": len(services.Items), "nodeidentity": 1,
	}
}

// writes are the calls that changed something, by operation, since the last reset.
func (c *cluster) writes() []string {
	all := []string{}
	for _, call := range c.cloud.MutatingCalls() {
		all = append(all, call.Operation+" "+call.Path+" "+string(call.Body))
	}
	return all
}
