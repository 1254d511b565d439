package integration

import (
	"testing"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
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

	w.ready(lb, web, named)
	w.g.Expect(lb.Status.ID).To(Equal(ids["edge"]))
	w.g.Expect(web.Status.ID).To(Equal(ids["web"]))
	// A name that the user chose proves nothing, the mark in the description does.
	w.g.Expect(named.Status.ID).To(Equal(ids["named"]))
	w.served(service)
	w.g.Expect(addressOf(service)).To(Equal(address))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(len(was)))
	for _, id := range w.writes() {
		w.g.Expect(id).NotTo(HavePrefix("delete"))
	}
	w.tells(lb, "Normal Adopted", ids["edge"])
}

// A service of a chosen name that bears no mark is anybody's, until the account's
// holder says whose it is.
func TestAnUnmarkedServiceIsHandedOverByConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true, Operator: func(o *app.Options) { o.ClusterID = "blue" }})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	id := w.standsOn(lb, notOurs(w, "by-hand", 80))
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "by-hand" })
	w.becomes(web, v1alpha1.ConditionReady, "False/PortConflict")
	consent := v1alpha1.CloudLabelAdopt + "-80-tcp"
	w.g.Expect(w.message(web, v1alpha1.ConditionReady)).To(And(ContainSubstring(id), ContainSubstring(consent)))

	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) { lb.Labels[consent] = nlb.LabelValue("blue/" + w.ns + "/web") })
	w.ready(web)
	w.g.Expect(web.Status.ID).To(Equal(id))
}

// leftBy describes a service as an object of cluster blue leaves it.
func (w *world) leftBy(name string) string {
	return nlb.Marked("", nlb.MarkOf("blue", w.ns, name))
}

func TestWhatWasLeftOnAnNLBGoesWithIt(t *testing.T) {
	t.Parallel()
	const derived = "11111111-2222-4333-8444-555555555555-443"
	for name, left := range map[string]struct {
		service exosim.Service
		older   bool // the NLB is one that an older version made
		stays   bool
	}{
		"by an object that is gone, by its mark":              {service: exosim.Service{Name: "any", Description: "gone"}},
		"by an older version, by its name":                    {service: exosim.Service{Name: derived}, older: true},
		"by a CCM of another cluster, by a name of that form": {service: exosim.Service{Name: derived}, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Own: true, Operator: func(o *app.Options) { o.ClusterID = "blue" }})
			lb := w.loadBalancer("edge", nil)
			w.ready(lb)
			if left.service.Description != "" {
				left.service.Description = w.leftBy(left.service.Description)
			}
			if left.older {
				w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) { delete(lb.Labels, v1alpha1.CloudLabelMarks) })
			}
			left.service.Port, left.service.TargetPort = 443, 30443
			id := w.standsOn(lb, left.service)
			if !left.stays {
				w.remove(lb)
				w.gone(lb)
				w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
				return
			}
			// Nor is its port taken by one of ours.
			web := w.nlbService("web", "edge", 443, nil)
			w.becomes(web, v1alpha1.ConditionReady, "False/PortConflict")
			w.remove(web)
			w.gone(web)
			w.remove(lb)
			w.becomes(lb, v1alpha1.ConditionReady, "False/ForeignServices")
			w.settles()
			w.g.Expect(w.sim.LoadBalancers("")).To(HaveExactElements(HaveField("Services", HaveExactElements(HaveField("ID", id)))))
		})
	}
}

// standsOn puts a service on an NLB, without the operator, and gives its id.
func (w *world) standsOn(lb *v1alpha1.NetworkLoadBalancer, service exosim.Service) string {
	w.t.Helper()
	service.ID, service.Protocol, service.Strategy, service.State = uuid.NewString(), "tcp", "round-robin", "running"
	service.InstancePool = exosim.PoolRef{ID: w.pool.ID}
	service.HealthCheck = exosim.HealthCheck{Mode: "tcp", Port: service.TargetPort, Interval: 10, Timeout: 5, Retries: 1}
	before := lb.Status.ServiceCount
	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) { lb.Services = append(lb.Services, service) })
	w.g.Eventually(func() int32 { w.state(lb, v1alpha1.ConditionReady); return lb.Status.ServiceCount }).Should(Equal(before + 1))
	return service.ID
}
