package integration

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// fields are words of the custom resources, which the owner of a Service may never have seen.
var fields = MatchRegexp(`\bspec\.(id|name|zone|description|labels|allowedNamespaces|target|targetPort|healthCheck|loadBalancerRef)\b|managementPolicy|deletionPolicy|allowedNamespaces|\b(instancePoolID|instancePoolName|sksNodepool)\b`)

// inAnnotations holds that a Service isn't told of fields that it doesn't have.
func (w *world) inAnnotations(service *corev1.Service) {
	w.t.Helper()
	w.says(service, "")
	for _, condition := range service.Status.Conditions {
		if strings.HasPrefix(condition.Type, v1alpha1.Prefix) {
			w.g.Expect(condition.Message).NotTo(fields, condition.Type)
		}
	}
	for _, event := range w.events(service) {
		w.g.Expect(event).NotTo(fields)
	}
}

// healthUnknown holds that nothing is said of backends that can't be seen.
func (w *world) healthUnknown(port *v1alpha1.NLBService) {
	w.t.Helper()
	w.g.Eventually(func() string { return w.state(port, v1alpha1.ConditionBackendsHealthy) }).Should(Equal("Unknown/HealthUnknown"))
	w.g.Expect(w.state(port, v1alpha1.ConditionReady)).NotTo(HavePrefix("True"))
}

func (w *world) on(namespace, name string) (*v1alpha1.NetworkLoadBalancer, *v1alpha1.NLBService) {
	lb, port := &v1alpha1.NetworkLoadBalancer{}, &v1alpha1.NLBService{}
	lb.Namespace, lb.Name, port.Namespace, port.Name = namespace, name, namespace, name+"-80-tcp"
	return lb, port
}

func byExternalID(id, _ string) func(*corev1.Service) {
	return annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, id)
}

func byExternalName(_, name string) func(*corev1.Service) {
	return annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationName, name)
}

func TestOfAnNLBThatIsGoneNothingIsToldAsIfItWereThere(t *testing.T) {
	t.Parallel()
	for name, annotate := range map[string]func(id, name string) func(*corev1.Service){
		"a Service that is attached by the id":         byExternalID,
		"a Service that is attached by the name":       byExternalName,
		"a Service that shares a NetworkLoadBalancer":  nil,
		"an NLBService whose NetworkLoadBalancer lost": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
			lb, port := w.on(w.ns, "web")
			var web *corev1.Service
			if annotate == nil {
				lb = w.onExternal("edge", theirs.ID)
			}
			switch {
			case annotate != nil:
				web = w.service("web", annotate(theirs.ID, theirs.Name))
				w.served(web)
			case strings.HasPrefix(name, "a Service"):
				web = w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))
				w.served(web)
				var ports v1alpha1.NLBServiceList
				w.g.Expect(w.client.List(t.Context(), &ports, client.InNamespace(w.ns))).To(Succeed())
				port = &ports.Items[0]
			default:
				port = w.nlbService("web", "edge", 80, nil)
			}
			w.becomes(port, v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
			w.sim.DeleteLoadBalancer(theirs.ID)

			w.becomes(lb, v1alpha1.ConditionReady, "False/NotFound")
			if annotate == nil { // else the Service tells
				w.tells(lb, "Warning AddressWithdrawn", theirs.ID, theirs.IP)
			}
			w.healthUnknown(port)
			w.g.Eventually(func() string { w.state(port, ""); return port.Status.Address + port.Status.Health }).Should(BeEmpty())
			w.g.Expect(port.Status.Backends).To(BeEmpty())
			if web == nil {
				return
			}
			w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).Should(BeEmpty(), "the address is nobody's any more")
			w.tells(web, "Warning AddressWithdrawn", theirs.IP)
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionBackendsHealthy) }).Should(HavePrefix("Unknown/"))
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/"))
			w.inAnnotations(web)
		})
	}
}

// No server answers at the dead address, however long it takes to make another NLB, and
// Exoscale may give it to another customer.
func TestTheAddressOfAnNLBThatIsMadeAnewIsWithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	for name, shares := range map[string]bool{"a Service with an NLB of its own": false, "a Service that shares one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := &corev1.Service{}
			if shares {
				w.ready(w.loadBalancer("edge", nil))
				web = w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))
			} else {
				web = w.service("web", nil)
			}
			w.served(web)
			w.settles()
			was := w.onlyNLB()
			w.hold()
			w.sim.DeleteLoadBalancer(was.ID)
			w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).Should(BeEmpty())
			w.tells(web, "Warning AddressWithdrawn", was.ID, was.IP, "made anew")
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/"))
			w.settles()
			w.g.Expect(addressOf(web)).To(BeEmpty())
			w.letEnd()
			w.served(web)
			is := w.onlyNLB()
			w.g.Expect(addressOf(web)).To(And(Equal(is.IP), Not(Equal(was.IP))))
			w.tells(web, "Normal Programmed", is.IP)
			w.settles()
			warnings := 0
			for _, event := range w.events(web) {
				w.g.Expect(event).NotTo(ContainSubstring("AddressChanged"), "one fact is one Event")
				if strings.HasPrefix(event, "Warning AddressWithdrawn") {
					warnings++
				}
			}
			w.g.Expect(warnings).To(Equal(1))
		})
	}
}

func TestAnNLBThatIsGoneBindsNobody(t *testing.T) {
	t.Parallel()
	for name, annotate := range map[string]func(id, name string) func(*corev1.Service){
		"a Service that named another id":                   byExternalID,
		"a Service whose NLB is there again under its name": byExternalName,
		"a NetworkLoadBalancer that names another id":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
			lb, port := w.on(w.ns, "web")
			var web *corev1.Service
			if annotate != nil {
				web = w.service("web", annotate(theirs.ID, theirs.Name))
				w.served(web)
			} else {
				lb = w.onExternal("edge", theirs.ID)
				port = w.nlbService("web", "edge", 80, nil)
			}
			w.ready(lb, port)
			w.sim.DeleteLoadBalancer(theirs.ID)
			w.becomes(lb, v1alpha1.ConditionReady, "False/NotFound")
			again := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
			if annotate != nil {
				change(w, web, annotate(again.ID, again.Name))
				w.served(web)
				w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).Should(Equal(again.IP))
				w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
			} else {
				change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ID = again.ID })
			}
			w.ready(lb, port)
			w.g.Expect(port.Status.LoadBalancerID).To(Equal(again.ID))
			w.g.Expect(serviceOn(w.onlyNLB(), 80).ID).To(Equal(port.Status.ID))
			w.settles()
		})
	}
}

// What is bound stays so: only an NLB that is seen to be gone lets go.
func TestTheIDOfAnNLBThatIsThereStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	other := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "other"})
	lb := w.onExternal("edge", theirs.ID)
	w.ready(lb)
	lb.Spec.ID = other.ID
	w.g.Expect(w.client.Update(t.Context(), lb)).To(MatchError(ContainSubstring("spec.id")))
}

func TestAnAddressIsNotWithdrawnBecauseNobodyCanLook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		blind  func(w *world, nlbs []exosim.LoadBalancer)
		reason string
	}{
		"the API fails": {func(w *world, _ []exosim.LoadBalancer) {
			w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultResetBefore})
		}, "Retrying"},
		"the key is revoked": {func(w *world, _ []exosim.LoadBalancer) { w.sim.RevokeKey(w.sim.AdminKey().Key) }, "InvalidCredentials"},
		"the role lacks the right to look": {func(w *world, _ []exosim.LoadBalancer) {
			w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultStatus, Status: 403})
		}, "Forbidden"},
		"all that the cluster has is gone at once": {func(w *world, nlbs []exosim.LoadBalancer) {
			for _, lb := range nlbs {
				w.sim.DeleteLoadBalancer(lb.ID)
			}
		}, "ManyVanished"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			var nlbs []exosim.LoadBalancer
			var all []*corev1.Service
			for _, name := range []string{"a", "b", "c"} {
				theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: name})
				nlbs = append(nlbs, theirs)
				all = append(all, w.service(name, byExternalID(theirs.ID, "")))
			}
			w.served(all...)
			for _, web := range all {
				_, port := w.on(w.ns, web.Name)
				w.becomes(port, v1alpha1.ConditionBackendsHealthy, "True/BackendsHealthy")
			}
			c.blind(w, nlbs)
			for i, web := range all {
				lb, port := w.on(w.ns, web.Name)
				w.becomes(lb, v1alpha1.ConditionProgrammed, "Unknown/"+c.reason)
				w.healthUnknown(port)
				w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionBackendsHealthy) }).Should(HavePrefix("Unknown/"))
				w.g.Expect(lb.Status.Address).To(Equal(nlbs[i].IP))
				w.g.Expect(addressOf(web)).To(Equal(nlbs[i].IP), "it stays while nobody knows")
				w.g.Expect(w.events(web)).NotTo(ContainElement(ContainSubstring("AddressWithdrawn")))
			}
		})
	}
}
