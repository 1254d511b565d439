package integration

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func sharing(loadBalancer string, ports ...int32) func(*corev1.Service) {
	return func(s *corev1.Service) {
		annotated(v1alpha1.AnnotationLoadBalancer, loadBalancer)(s)
		if len(ports) == 0 {
			return
		}
		s.Spec.Ports = nil
		for _, port := range ports {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("port-%d", port), Port: port})
		}
	}
}

// children are the names of the NLBServices of the world's namespace.
func (w *world) children() []string {
	w.t.Helper()
	var all v1alpha1.NLBServiceList
	w.g.Expect(w.client.List(w.t.Context(), &all, client.InNamespace(w.ns))).To(Succeed())
	var names []string
	for _, item := range all.Items {
		names = append(names, item.Name)
	}
	return names
}

func TestServicesShareOneNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge := w.loadBalancer("edge", nil)
	web, dns := w.service("web", sharing("edge", 80, 443)), w.service("dns", sharing(w.ns+"/edge", 53))
	w.served(web, dns)
	w.ready(edge)
	w.g.Expect(addressOf(web)).To(Equal(edge.Status.Address))
	w.g.Expect(addressOf(dns)).To(Equal(edge.Status.Address))
	w.g.Expect(w.onlyNLB().Services).To(HaveLen(3))
	w.g.Expect(web.Annotations).NotTo(HaveKey(v1alpha1.AnnotationID), "that of an NLB which isn't its own")

	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB().Services).To(HaveLen(1), "the other Service's stays")
	w.served(dns)
	w.remove(dns)
	w.gone(dns)
	w.ready(edge)
	w.g.Expect(w.onlyNLB().Services).To(BeEmpty(), "the NLB has a life of its own")
}

// Addresses are watched all the time: there is none besides the old and the new
// one, and each serves the port while it is published.
func TestAServiceMovesToAnotherNLBWithoutAGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge, other := w.loadBalancer("edge", nil), w.loadBalancer("other", nil)
	w.ready(edge, other)
	web := w.service("web", nil)
	w.served(web)
	own := addressOf(web)
	moves := func(annotation, from, to string) {
		w.t.Helper()
		change(w, web, func(s *corev1.Service) {
			if annotated(v1alpha1.AnnotationLoadBalancer, annotation)(s); annotation == "" {
				delete(s.Annotations, v1alpha1.AnnotationLoadBalancer)
			}
		})
		w.g.Eventually(func() string {
			w.says(web, v1alpha1.ServiceConditionProgrammed)
			address := addressOf(web)
			ports := w.servedPorts(address)
			if w.says(web, v1alpha1.ServiceConditionProgrammed); addressOf(web) != address {
				return "another by now: nobody knows which was published when"
			}
			w.g.Expect(ports).To(ContainElement(int64(80)), "at the published address %s", address)
			if to == "" && address != from {
				return ""
			}
			return address
		}).Should(Equal(to))
	}
	moves("edge", own, edge.Status.Address)
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers("")) }).Should(Equal(2), "its own NLB goes")
	w.g.Eventually(w.children).Should(HaveLen(1))
	w.served(web)
	w.g.Expect(web.Annotations).NotTo(HaveKey(v1alpha1.AnnotationID))
	moves("other", edge.Status.Address, other.Status.Address)
	w.g.Eventually(func() []int64 { return w.servedPorts(edge.Status.Address) }).Should(BeEmpty())
	moves("", other.Status.Address, "")
	w.served(web)
	w.g.Eventually(func() []int64 { return w.servedPorts(other.Status.Address) }).Should(BeEmpty())
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
}

// servedPorts are the ports of the NLB with an address.
func (w *world) servedPorts(address string) []int64 {
	var ports []int64
	for _, lb := range w.sim.LoadBalancers("") {
		if lb.IP != address {
			continue
		}
		for _, service := range lb.Services {
			ports = append(ports, service.Port)
		}
	}
	return ports
}

func TestAServiceThatCanNotMoveStaysWhereItIs(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	taken := w.loadBalancer("taken", nil)
	w.ready(taken)
	w.sim.MutateLoadBalancer(taken.Status.ID, func(lb *exosim.LoadBalancer) {
		lb.Services = append(lb.Services, notOurs(w, "theirs", 80))
	})
	web := w.service("web", nil)
	w.served(web)
	address := addressOf(web)
	home := w.ns
	w.ns = other
	foreign := w.loadBalancer("closed", nil)
	w.ready(foreign)
	w.ns = home
	for reference, reason := range map[string]string{
		"nobody":          v1alpha1.ReasonNotFound,
		"taken":           v1alpha1.ReasonPortConflict,
		other + "/closed": v1alpha1.ReasonNotAllowedNamespace,
	} {
		change(w, web, annotated(v1alpha1.AnnotationLoadBalancer, reference))
		w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/" + reason))
		w.g.Expect(addressOf(web)).To(Equal(address), reference)
		w.g.Expect(web.Status.LoadBalancer.Ingress[0].Ports).To(BeEmpty(), "the published address serves every port")
		w.g.Expect(w.servedPorts(address)).To(Equal([]int64{80}), reference)
	}
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationLoadBalancer) })
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(address))
	w.g.Eventually(w.children).Should(Equal([]string{"web-80-tcp"}))
}

func TestAServiceOfAnotherNamespaceSharesWhereItIsAdmitted(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSame}
	})
	w.ready(edge)
	home := w.ns
	w.ns = other
	web := w.service("web", sharing(home+"/edge"))
	w.ns = home
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).
		Should(And(HavePrefix("False/NotAllowedNamespace"), ContainSubstring("have its owner admit it")))
	w.g.Expect(addressOf(web)).To(BeEmpty())
	w.g.Expect(w.ports()).To(BeEmpty())
	change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromAll })
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(edge.Status.Address))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(BeEmpty())
}

func TestTheEleventhServiceWaitsAndTheTenGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge := w.loadBalancer("edge", nil)
	ten := make([]*corev1.Service, 10)
	for i := range ten {
		ten[i] = w.service(fmt.Sprintf("web-%d", i), sharing("edge", int32(8000+i)))
	}
	w.served(ten...)
	eleventh := w.service("eleventh", sharing("edge", 9000))
	w.g.Eventually(func() string { return w.says(eleventh, v1alpha1.ServiceConditionProgrammed) }).
		Should(HavePrefix("False/ServiceLimitReached"))
	w.g.Expect(addressOf(eleventh)).To(BeEmpty())
	change(w, ten[3], annotated(v1alpha1.AnnotationStrategy, "source-hash"))
	w.g.Eventually(func() []string { return w.accepted() }).Should(ContainElement("update-load-balancer-service"))
	w.served(ten...)
	w.remove(ten[0])
	w.served(eleventh)
	w.ready(edge)
	w.g.Expect(edge.Status.ServiceCount).To(BeEquivalentTo(10))
}
