package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// abroad is a zone that isn't the operator's.
const abroad = "de-fra-1"

// twoZones is a cloud with both.
func twoZones() exosim.Options { return exosim.Options{Zones: []string{exosim.DefaultZone, abroad}} }

// in a zone that isn't the operator's.
func inZoneAbroad(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Zone = abroad }

// A kubelet registers its Node with the id of a foreign instance in a zone that
// isn't the operator's; an NLB there would lead to that instance's pool.
func TestANodeThatClaimsAForeignInstanceOfAnotherZoneOpensNoPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: twoZones()})
	victim := w.sim.AddPool(abroad, exosim.InstancePool{Name: "victim", Size: 1, InstancePrefix: w.ns + "-victim"})
	instance := w.sim.Members(victim.ID)[0]
	mallory := w.registers(w.ns+"-mallory", "", isSelected, func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + instance.ID })
	lb := w.loadBalancer("edge", inZoneAbroad)
	w.ready(lb)

	byID := w.nlbService("by-id", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: victim.ID} })
	bySelector := w.nlbService("by-selector", "edge", 444, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector("role", "newcomer")}
	})
	inferred := w.service("inferred", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))

	w.refusesPool(byID, victim)
	w.becomes(bySelector, v1alpha1.ConditionAccepted, "False/NoEligibleNodes")
	w.g.Eventually(func() string { return w.says(inferred, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/NoEligibleNodes"))
	w.tells(mallory, "Warning NameMismatch", instance.ID, instance.Name)
	w.settles()
	w.g.Expect(w.sim.LoadBalancers(abroad)[0].Services).To(BeEmpty())
}
