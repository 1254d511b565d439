package docs

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const securityPage = "docs/security.md"

// pinnedAddressesAreChanged runs the commands about pinned addresses, where an operator
// works and worker-1 is a Node.
func (w given) pinnedAddressesAreChanged(t *testing.T) {
	g := NewWithT(t)
	identity := func(g Gomega) v1alpha1.NodeIdentity {
		var object v1alpha1.NodeIdentity
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "worker-1"}, &object)).To(Succeed())
		return object
	}
	g.Eventually(func(g Gomega) { g.Expect(identity(g).Status.NodeUID).NotTo(BeEmpty()) }, patience).Should(Succeed())
	before := identity(g)
	var looked bool
	for _, block := range page(t, securityPage).Blocks {
		if block.Language != "sh" {
			continue
		}
		said := w.run(t, "", block.Text)
		switch {
		case strings.HasPrefix(block.Text, "kubectl annotate nodeidentity"):
			pin := v1alpha1.PinnedAddress{Address: "10.0.0.12", Source: v1alpha1.PinnedByAdministrator}
			g.Eventually(func(g Gomega) { g.Expect(identity(g).Status.PinnedAddresses).To(ConsistOf(pin)) }, patience).Should(Succeed())
		case strings.HasPrefix(block.Text, "kubectl delete nodeidentity"):
			g.Eventually(func(g Gomega) {
				now := identity(g)
				g.Expect(now.UID).NotTo(Equal(before.UID))
				g.Expect(now.Status.NodeUID).NotTo(BeEmpty())
				g.Expect(now.Status.PinnedAddresses).To(BeEmpty())
			}, patience).Should(Succeed())
		case strings.HasPrefix(block.Text, "kubectl get nodeidentities"):
			looked = true
			g.Expect(said).To(And(ContainSubstring("ADDRESSES"), ContainSubstring("worker-1")))
		}
	}
	g.Expect(looked).To(BeTrue())
}
