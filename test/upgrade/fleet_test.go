package upgrade

import (
	"testing"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// private is the address that a Node chose for itself in a network without leases.
const private = "10.30.0.7"

// fleet is the instance pools by their ids.
type fleet struct {
	// workers are the Nodes to which Services lead, those of an SKS nodepool.
	workers string
	// drained is a pool whose only Node leaves once traffic goes there.
	drained, drainedNode string
	// private is a pool whose only Node is in a private network.
	private, privateNode string
	// abroad is a pool in another zone than the operator's, with one Node.
	abroad string
}

func (c *cluster) makeFleet(t *testing.T) fleet {
	t.Helper()
	g := NewWithT(t)
	f := fleet{
		workers: c.cloud.AddPool(home, exosim.InstancePool{Name: "workers", Size: 2}).ID,
		drained: c.cloud.AddPool(home, exosim.InstancePool{Name: "drained", Size: 1, InstancePrefix: "drained"}).ID,
		private: c.cloud.AddPool(home, exosim.InstancePool{Name: "private", Size: 1, InstancePrefix: "private"}).ID,
		abroad:  c.cloud.AddPool(abroad, exosim.InstancePool{Name: "abroad", Size: 1, InstancePrefix: "abroad"}).ID,
	}
	c.cloud.AddCluster(home, exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "main", InstancePool: exosim.Ref{ID: f.workers}}}})
	network := c.cloud.AddPrivateNetwork(home, exosim.PrivateNetwork{Name: "vpn"})
	c.cloud.Attach(network.ID, c.cloud.Members(f.private)[0].ID, "")

	g.Expect(world.JoinNodes(t.Context(), c, c.cloud.Members(f.workers))).To(Succeed())
	g.Expect(world.JoinNodes(t.Context(), c, c.cloud.Members(f.abroad))).To(Succeed())
	f.drainedNode = c.registers(t, f.drained, func(*corev1.Node) {})
	f.privateNode = c.registers(t, f.private, func(n *corev1.Node) {
		n.Annotations = map[string]string{identity.ProvidedNodeIP: private}
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: private})
	})
	return f
}

// registers the Node of a pool's only instance as its kubelet does, outside of load
// balancers, so that the other pool is the only one that Services can lead to.
func (c *cluster) registers(t *testing.T, pool string, edit func(*corev1.Node)) string {
	t.Helper()
	instance := c.cloud.Members(pool)[0]
	_, err := world.Register(t.Context(), c, instance.Name, instance.ID, func(n *corev1.Node) {
		n.Labels[corev1.LabelNodeExcludeBalancers] = ""
		edit(n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return instance.Name
}

// verified waits until Nodes are.
func (c *cluster) verified(t *testing.T, count int) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		var identities v1alpha1.NodeIdentityList
		g.Expect(c.List(t.Context(), &identities)).To(Succeed())
		verified := 0
		for _, identity := range identities.Items {
			if meta.IsStatusConditionTrue(identity.Status.Conditions, v1alpha1.ConditionVerified) {
				verified++
			}
		}
		g.Expect(verified).To(BeNumerically(">=", count))
	}, patience).Should(Succeed(), "%s", c.said())
}

// certifies holds that the kubelet of a Node gets the certificate that it asks for.
func (c *cluster) certifies(t *testing.T, node string, ips ...string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(world.LetNodesAsk(t.Context(), c)).To(Succeed())
	var request *certificatesv1.CertificateSigningRequest
	g.Eventually(func() (err error) { // the API server may have to see the role binding first
		request, err = world.AskToServe(t.Context(), c.Config(), node, ips...)
		return err
	}, patience).Should(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(request), request)).To(Succeed())
		g.Expect(world.Decision(request)).To(Equal("Approved"), "Node %s with %v", node, ips)
	}, patience).Should(Succeed(), "%s", c.said())
}
