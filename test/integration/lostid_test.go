package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// emptied are the ways in which a status is lost.
var emptied = map[string]func(w *world, object client.Object) error{
	"removed": func(w *world, object client.Object) error { // kubectl patch --subresource status
		return w.client.Status().Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))
	},
	"emptied": func(w *world, object client.Object) error {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		switch object := object.(type) {
		case *v1alpha1.NetworkLoadBalancer:
			object.Status = v1alpha1.NetworkLoadBalancerStatus{}
		case *v1alpha1.NLBService:
			object.Status = v1alpha1.NLBServiceStatus{}
		}
		return w.client.Status().Update(w.t.Context(), object)
	},
}

// loseStatuses takes the status off all objects of the world's namespace.
func (w *world) loseStatuses(empty func(w *world, object client.Object) error) {
	w.t.Helper()
	var lbs v1alpha1.NetworkLoadBalancerList
	var services v1alpha1.NLBServiceList
	w.g.Expect(w.client.List(w.t.Context(), &lbs, client.InNamespace(w.ns))).To(Succeed())
	w.g.Expect(w.client.List(w.t.Context(), &services, client.InNamespace(w.ns))).To(Succeed())
	for i := range lbs.Items {
		w.g.Expect(empty(w, &lbs.Items[i])).To(Succeed())
		w.g.Expect(lbs.Items[i].Status.ID).To(BeEmpty())
	}
	for i := range services.Items {
		w.g.Expect(empty(w, &services.Items[i])).To(Succeed())
		w.g.Expect(services.Items[i].Status.ID).To(BeEmpty())
	}
}

func TestAStatusThatIsLostIsFoundAgainInTheCloud(t *testing.T) {
	t.Parallel()
	for name, empty := range emptied {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", twoPorts)
			edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "chosen" })
			port := w.nlbService("port", "edge", 80, nil)
			w.served(web)
			w.ready(edge, port)
			w.settles()
			was := w.sim.LoadBalancers("")
			w.sim.ResetCalls()
			w.stop()
			w.loseStatuses(empty)
			w.start()
			w.ready(edge, port)
			w.served(web)
			w.settles()
			w.g.Expect(w.sim.LoadBalancers("")).To(Equal(was))
			w.g.Expect(w.writes()).To(BeEmpty())

			w.stop()
			w.loseStatuses(empty)
			w.remove(web)
			w.remove(port)
			w.remove(edge)
			w.start()
			w.gone(web)
			w.gone(port)
			w.gone(edge)
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty(), "nothing is leaked")
		})
	}
}

// Neither its status nor its NetworkLoadBalancer leads to the service any more.
func TestAServiceWhoseNLBStaysAndWhoseStatusIsLostIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.DeletionPolicy = v1alpha1.DeletionRetain })
	port := w.nlbService("port", "edge", 80, nil)
	w.ready(edge, port)
	w.settles()
	w.remove(edge)
	w.gone(edge)
	w.stop()
	w.loseStatuses(emptied["removed"])
	w.remove(port)
	works := w.sim.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: 403})
	w.start()
	w.g.Eventually(func() string {
		w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(port), port)).To(Succeed())
		if ready := meta.FindStatusCondition(port.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			return ready.Reason
		}
		return "none"
	}).Should(Equal(v1alpha1.ReasonForbidden))
	works()
	w.gone(port)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(1))
	w.g.Expect(w.sim.LoadBalancers("")[0].Services).To(BeEmpty(), "it is leaked")
}

func TestAnAdoptedNLBThatWasRetainedIsClaimedAgainWithoutConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "blue" }})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{
		Name: "by-hand", Labels: map[string]string{v1alpha1.CloudLabelAdopt: "blue/" + w.ns + "/edge"},
	})
	adopt := func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = made.ID }
	lb := w.loadBalancer("edge", adopt)
	w.ready(lb)
	w.remove(lb)
	w.gone(lb)
	w.sim.MutateLoadBalancer(made.ID, func(lb *exosim.LoadBalancer) { delete(lb.Labels, v1alpha1.CloudLabelAdopt) })
	for name, edit := range map[string]func(*v1alpha1.NetworkLoadBalancerSpec){"by id": adopt, "by its labels": func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.Name, spec.DeletionPolicy = "by-hand", v1alpha1.DeletionRetain
	}} {
		lb = w.loadBalancer("edge", edit)
		w.ready(lb)
		w.g.Expect(lb.Status.ID).To(Equal(made.ID), name)
		w.g.Expect(lb.Status.Address).To(Equal(made.IP), name)
		w.remove(lb)
		w.gone(lb)
	}
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(1))
}

// What somebody else put on an External NLB, and its own name, description and
// labels, are as they were whatever happens.
func TestServicesLeaveAnExternalNLBAlsoAfterTheStatusIsLost(t *testing.T) {
	t.Parallel()
	for by, annotations := range map[string]func(made exosim.LoadBalancer) []string{
		"by id":   func(made exosim.LoadBalancer) []string { return []string{v1alpha1.AnnotationID, made.ID} },
		"by name": func(made exosim.LoadBalancer) []string { return []string{v1alpha1.AnnotationName, made.Name} },
	} {
		for how, empty := range emptied {
			t.Run(by+", "+how, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				w.sim.PutLoadBalancer("", exosim.LoadBalancer{
					Name: "terraform", Description: "theirs", Labels: map[string]string{"team": "net"},
					Services: []exosim.Service{notOurs(w, "ssh", 22), notOurs(w, "11111111-2222-4333-8444-555555555555-23", 23)},
				})
				made := w.onlyNLB() // with the health of its backends
				web := w.service("web", func(s *corev1.Service) {
					annotated(append(annotations(made), v1alpha1.AnnotationExternal, "true")...)(s)
					twoPorts(s)
				})
				w.served(web)
				w.g.Expect(w.servedPorts(made.IP)).To(ConsistOf(int64(22), int64(23), int64(80), int64(443)))

				t.Log("a port leaves the spec")
				change(w, web, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] })
				w.g.Eventually(func() []int64 { return w.servedPorts(made.IP) }).Should(ConsistOf(int64(22), int64(23), int64(80)))
				w.settles()

				t.Log("the status is lost")
				attached := w.onlyNLB()
				w.sim.ResetCalls()
				w.stop()
				w.loseStatuses(empty)
				w.start()
				w.served(web)
				w.settles()
				w.g.Expect(w.onlyNLB()).To(Equal(attached))
				w.g.Expect(w.writes()).To(BeEmpty())

				t.Log("the status is lost, and the port leaves the spec")
				w.stop()
				w.loseStatuses(empty)
				change(w, web, func(s *corev1.Service) { s.Spec.Ports = []corev1.ServicePort{{Name: "other", Port: 8080}} })
				w.start()
				w.g.Eventually(func() []int64 { return w.servedPorts(made.IP) }).Should(ConsistOf(int64(22), int64(23), int64(8080)))
				w.served(web)

				t.Log("the status is lost, and the Service is deleted")
				w.stop()
				w.loseStatuses(empty)
				w.remove(web)
				w.start()
				w.gone(web)
				w.g.Expect(w.onlyNLB()).To(Equal(made))
			})
		}
	}
}

// The NetworkLoadBalancer of an External NLB has nothing to remove, and still has
// to stay until its NLBServices know where theirs are.
func TestObjectsThatLostTheirStatusLeaveNothingOnAnExternalNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	edge := w.onExternal("edge", made.ID)
	web, api := w.nlbService("web", "edge", 80, nil), w.nlbService("api", "edge", 81, nil)
	w.ready(edge, web, api)
	w.stop()
	w.loseStatuses(emptied["removed"])
	w.remove(edge)
	w.remove(web)
	w.remove(api)
	w.start()
	w.gone(web)
	w.gone(api)
	w.gone(edge)
	w.g.Expect(w.ports()).To(BeEmpty())
}
