package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestTwoObjectsMakeAnNLBWithAService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.Description, spec.Labels = "the edge", map[string]string{"team": "net"}
	})
	web := w.nlbService("web", "edge", 80, nil)
	dns := w.nlbService("dns", "edge", 53, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Protocol = v1alpha1.ProtocolUDP
		spec.HealthCheck.Port = 30080
	})
	w.ready(lb, web, dns)

	got := w.onlyNLB()
	w.g.Expect(got.Name).To(Equal(w.ns + "-edge-" + string(lb.UID)))
	w.g.Expect(got.Description).To(Equal("the edge"))
	w.g.Expect(got.Labels).To(HaveKeyWithValue("team", "net"))
	w.g.Expect(got.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/edge")))
	w.g.Expect(got.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, nlb.LabelValue(string(lb.UID))))
	w.g.Expect(w.ports()).To(Equal([]string{"53/udp→30053", "80/tcp→30080"}))
	w.g.Expect(w.writes()).To(ConsistOf("create-load-balancer", "add-service-to-load-balancer", "add-service-to-load-balancer"))

	w.g.Expect(lb.Status.Address).To(Equal(got.IP))
	w.g.Expect(lb.Status.ID).To(Equal(got.ID))
	w.g.Expect(lb.Status.Zone).To(Equal("ch-gva-2"))
	w.g.Eventually(func() int32 { w.state(lb, v1alpha1.ConditionReady); return lb.Status.ServiceCount }).Should(BeEquivalentTo(2))
	w.g.Expect(web.Status.Address).To(Equal(got.IP))
	w.g.Expect(web.Status.InstancePoolName).To(Equal("workers"))
	w.becomes(web, v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
	w.g.Expect(web.Status.Health).To(Equal("2/2"))
	w.g.Eventually(func() []string { return w.backends(web) }).Should(HaveEach(HavePrefix(w.ns)), "once they are verified")
	w.tells(lb, "Normal Created", got.ID, got.IP)
	w.tells(web, "Normal Created", "80/TCP")

	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(Equal([]string{"53/udp→30053"}))
	w.remove(dns)
	w.remove(lb)
	w.gone(dns)
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}
