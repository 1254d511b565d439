package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// newcomer is a Node that isn't what it says it is.
type newcomer struct {
	node *corev1.Node
	// identity is the NodeIdentity that tells of it.
	identity string
	reason   string
}

// isSelected labels the Node as the traffic in these tests is to go to.
func isSelected(n *corev1.Node) { n.Labels["role"] = "newcomer" }

// newcomers come to a world of one verified Node, and a second instance without one.
var newcomers = map[string]func(w *world) newcomer{
	"it says to be the instance of a verified Node": func(w *world) newcomer {
		victim := w.member(0)
		node := w.registers(w.ns+"-mallory", victim.ID, isSelected)
		return newcomer{node, node.Name + "." + victim.ID[:8] + ".refused", v1alpha1.ReasonInUseByOther}
	},
	"it says to be an instance of another account": func(w *world) newcomer {
		const elsewhere = "0badc0de-0000-4000-8000-000000000001"
		node := w.registers(w.ns+"-stranger", "", isSelected, func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + elsewhere })
		return newcomer{node, node.Name + "." + elsewhere[:8] + ".refused", v1alpha1.ReasonNotFound}
	},
	"its instance has the name of another": func(w *world) newcomer {
		first, twin := w.member(0), w.member(1)
		w.sim.MutateInstance(twin.ID, func(i *exosim.Instance) { i.Name = first.Name })
		w.g.Eventually(w.identities).Should(HaveKeyWithValue(twin.Name, "False/DuplicateName"), "it is said before it joins")
		w.tells(ptrTo(w.identity(twin.Name)), "Warning DuplicateName", twin.ID, first.ID)
		return newcomer{w.registers(first.Name+".example.com", twin.ID, isSelected), twin.Name, v1alpha1.ReasonDuplicateName}
	},
	"its name isn't that of its instance": func(w *world) newcomer {
		return newcomer{w.registers(w.ns+"-localhost", w.member(1).ID, isSelected), w.member(1).Name, v1alpha1.ReasonNameMismatch}
	},
	"its providerID and its systemUUID are two instances": func(w *world) newcomer {
		second := w.member(1)
		node := w.registers(second.Name, w.member(0).ID, isSelected, func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + second.ID })
		return newcomer{node, second.Name, v1alpha1.ReasonInstanceMismatch}
	},
	"another instance runs under its name": func(w *world) newcomer {
		second := w.member(1)
		node := w.registers(second.Name, second.ID, isSelected, func(n *corev1.Node) { n.Spec.Taints = nil })
		w.g.Eventually(w.initialised(second.Name)).Should(BeTrue()) // its providerID says who it was
		w.sim.ScalePool(w.pool.ID, 3)
		third := w.member(2)
		w.g.Eventually(w.identities).Should(HaveKeyWithValue(third.Name, "Unknown/NotJoined"))
		w.reports(node, func(n *corev1.Node) { n.Status.NodeInfo.SystemUUID = third.ID })
		return newcomer{node, second.Name, v1alpha1.ReasonInstanceMismatch}
	},
	"it has an address of another": func(w *world) newcomer {
		victim, second := w.member(0), w.member(1)
		node := w.registers(second.Name, second.ID, isSelected, func(n *corev1.Node) {
			n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: victim.PublicIP})
		})
		return newcomer{node, second.Name, v1alpha1.ReasonAddressMismatch}
	},
}

func ptrTo(object v1alpha1.NodeIdentity) *v1alpha1.NodeIdentity { return &object }

// What a newcomer says of itself is used for nothing, and takes nothing from who
// was verified.
func TestANewcomerThatIsNotVerifiedIsUsedForNothing(t *testing.T) {
	t.Parallel()
	for name, come := range newcomers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Nodes: 1, Operator: inPlaceOfTheCCM})
			w.sim.ScalePool(w.pool.ID, 2)
			incumbent := w.member(0)
			w.g.Eventually(w.identities).Should(And(HaveLen(2), HaveKeyWithValue(incumbent.Name, "True/Verified")))
			lb := w.loadBalancer("edge", nil)
			web := w.nlbService("web", "edge", 80, nil)
			w.ready(lb, web)
			w.g.Eventually(w.initialised(incumbent.Name)).Should(BeTrue())
			before, node := w.identity(incumbent.Name), w.node(incumbent.Name)

			comer := come(w)
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(comer.identity, "False/"+comer.reason))
			told := w.identity(comer.identity)
			w.tells(&told, "Warning "+comer.reason, comer.node.Name)
			w.tells(comer.node, "Warning "+comer.reason, comer.node.Name, "It isn't trusted")

			t.Log("no traffic")
			chosen := w.nlbService("chosen", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) {
				spec.Target = v1alpha1.Target{NodeSelector: selector("role", "newcomer")}
			})
			w.becomes(chosen, v1alpha1.ConditionAccepted, "False/"+v1alpha1.ReasonNoEligibleNodes)
			w.g.Eventually(func() []string { return w.backends(web) }).Should(ContainElement(incumbent.Name))
			w.g.Expect(w.backends(web)).NotTo(ContainElement(comer.node.Name))

			t.Log("no certificate")
			request := w.asks(comer.node.Name)
			w.tells(request, "Warning CertificateNotApproved", "Left pending", comer.reason)
			w.tells(comer.node, "Warning CertificateNotApproved", request.Name)

			t.Log("no initialisation")
			w.g.Expect(w.node(comer.node.Name).Spec.Taints).To(Equal(comer.node.Spec.Taints))
			w.g.Expect(nodeinit.Uninitialised(w.node(incumbent.Name))).To(BeFalse())

			t.Log("and who was verified stays so")
			w.g.Expect(w.identity(incumbent.Name)).To(Equal(before))
			w.g.Expect(w.node(incumbent.Name).Spec).To(Equal(node.Spec))
			w.g.Expect(w.node(incumbent.Name).Status.Addresses).To(Equal(node.Status.Addresses))
			its := w.asks(incumbent.Name)
			w.g.Eventually(func() string { return w.decided(its) }).Should(Equal("Approved"))
			w.g.Expect(w.decided(request)).To(BeEmpty())
		})
	}
}

// backends are the names of the Nodes that an NLBService shows.
func (w *world) backends(object *v1alpha1.NLBService) []string {
	w.state(object, v1alpha1.ConditionReady)
	var names []string
	for _, backend := range object.Status.Backends {
		names = append(names, backend.NodeName)
	}
	return names
}
