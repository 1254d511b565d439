package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// forget takes an object away as if the cluster were lost, without the operator.
func (w *world) forget(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.g.Expect(w.client.Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		w.remove(object)
		w.gone(object)
	}
}

// A backup that is restored brings objects with other UIDs and without status.
func TestARestoredBackupFindsItsNLBAndServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true})
	lb := w.loadBalancer("edge", nil)
	web, named := w.nlbService("web", "edge", 80, nil), w.nlbService("named", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "by-hand" })
	service := w.service("shop", nil)
	w.ready(lb, web, named)
	w.served(service)
	was, address := w.sim.LoadBalancers(""), addressOf(service)

	w.stop()
	ids := map[string]string{lb.Name: lb.Status.ID, web.Name: web.Status.ID, named.Name: named.Status.ID}
	shop, port := &v1alpha1.NetworkLoadBalancer{}, &v1alpha1.NLBService{}
	shop.Namespace, shop.Name, port.Namespace, port.Name = w.ns, "shop", w.ns, "shop-80-tcp"
	w.forget(service, shop, port, lb, web, named)
	lb = w.loadBalancer("edge", nil)
	web, named = w.nlbService("web", "edge", 80, nil), w.nlbService("named", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "by-hand" })
	service = w.service("shop", nil)
	w.start()

	w.ready(lb, web)
	w.g.Expect(lb.Status.ID).To(Equal(ids["edge"]))
	w.g.Expect(web.Status.ID).To(Equal(ids["web"]))
	// A name that the user chose proves nothing: it has to be told whose it is.
	w.becomes(named, v1alpha1.ConditionReady, "False/PortConflict")
	w.g.Expect(w.message(named, v1alpha1.ConditionReady)).To(ContainSubstring(ids["named"]))
	w.served(service)
	w.g.Expect(addressOf(service)).To(Equal(address))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(len(was)))
	for _, id := range w.writes() {
		w.g.Expect(id).NotTo(HavePrefix("delete"))
	}
	w.tells(lb, "Normal Adopted", ids["edge"])
}

func TestWhatWasLeftOnAnNLBGoesWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) {
		lb.Services = append(lb.Services, exosim.Service{
			ID: "5f9d2b1a-7a8e-4f0f-9d4e-2c6c6b1f3a77", Name: "11111111-2222-4333-8444-555555555555-443", Port: 443, TargetPort: 443,
			Protocol: "tcp", Strategy: "round-robin", InstancePool: exosim.PoolRef{ID: w.pool.ID}, State: "running",
		})
	})
	w.g.Eventually(func() int32 { w.state(lb, v1alpha1.ConditionReady); return lb.Status.ServiceCount }).Should(BeEquivalentTo(1))
	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}
