package integration

import (
	"context"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// The operator in place of the CCM leads a Node from its instance to its removal.
func TestANodeLivesFromTheBootOfItsInstanceToItsEviction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 2, Operator: inPlaceOfTheCCM})
	w.sim.MutateInstance(w.member(0).ID, func(i *exosim.Instance) { i.IPv6Address = "2001:db8::1" })
	pool := v3.UUID(w.pool.ID)
	w.does(func(ctx context.Context) (*v3.Operation, error) {
		return w.somebody().ScaleInstancePool(ctx, pool, v3.ScaleInstancePoolRequest{Size: 3})
	})
	third := w.member(2)
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(third.Name, "Unknown/NotJoined"), "it has booted")

	t.Log("its kubelet registers it, late, under the name that the NodeIdentity tells")
	node := w.registers(w.identity(third.Name).Spec.Hostname, third.ID)
	w.g.Eventually(w.initialised(third.Name)).Should(BeTrue())
	now := w.node(third.Name)
	w.g.Expect(now.Spec.ProviderID).To(Equal("exoscale://" + third.ID))
	w.g.Expect(now.Labels).To(And(
		HaveKeyWithValue(corev1.LabelTopologyZone, exosim.DefaultZone), HaveKeyWithValue(corev1.LabelTopologyRegion, exosim.DefaultZone),
		HaveKeyWithValue(corev1.LabelInstanceTypeStable, "standard.medium")))
	w.g.Expect(now.Status.Addresses).To(ConsistOf(
		corev1.NodeAddress{Type: corev1.NodeHostName, Address: third.Name},
		corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: third.PublicIP},
		corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: third.PublicIP}))
	w.tells(node, "Normal NodeInitialised", third.ID)

	t.Log("and asks for a certificate to serve with")
	request := w.asks(third.Name)
	w.g.Eventually(func() string { return w.decided(request) }).Should(Equal("Approved"))

	t.Log("it is evicted, as the cluster autoscaler does")
	w.does(func(ctx context.Context) (*v3.Operation, error) {
		return w.somebody().EvictInstancePoolMembers(ctx, pool, v3.EvictInstancePoolMembersRequest{Instances: []v3.UUID{v3.UUID(third.ID)}})
	})
	w.reports(node, isSilent)
	w.gone(node)
	w.tells(node, "Normal DeletingNode", third.ID, "is gone from zone")
	w.g.Eventually(w.identities).Should(Equal(map[string]string{w.member(0).Name: "True/Verified", w.member(1).Name: "True/Verified"}))
	w.g.Expect(w.node(w.member(0).Name).UID).NotTo(BeEmpty())
}

// Each is switched on by a flag; by default Nodes are the CCM's.
func TestBesideTheCCMNodesAreLeftToIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 1})
	w.sim.ScalePool(w.pool.ID, 2)
	second := w.member(1)
	node := w.registers(second.Name, second.ID)
	request := w.asks(second.Name)
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(second.Name, "True/Verified"), "they are known all the same")
	w.sim.DeleteInstance(second.ID)
	w.reports(node, isSilent)
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(second.Name, "False/NotFound"))
	w.sim.ResetCalls()
	w.g.Eventually(func() int { return w.sim.Calls().Operations["list-instances"] }).Should(BeNumerically(">=", 4))

	now := w.node(second.Name)
	w.g.Expect(now.Spec).To(Equal(node.Spec))
	w.g.Expect(nodeinit.Uninitialised(now)).To(BeTrue())
	w.g.Expect(now.Status.Addresses).To(Equal(node.Status.Addresses))
	w.g.Expect(now.Labels).NotTo(HaveKey(corev1.LabelTopologyZone))
	w.g.Expect(w.decided(request)).To(BeEmpty())
	w.g.Expect(w.sim.Calls().Operations).NotTo(HaveKey("get-instance"))
}

// A network is managed, and leases the addresses; or whoever runs the instances
// sets them, and kubelets tell by alpha.kubernetes.io/provided-node-ip.
func TestNodesOnPrivateNetworksVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: -1, Operator: func(o *app.Options) {
		inPlaceOfTheCCM(o)
		o.NodeCIDRs = []string{"10.30.0.0/24"}
	}})
	managed := w.sim.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "storage", StartIP: "10.20.0.10", EndIP: "10.20.0.99", Netmask: "255.255.255.0"})
	unmanaged := w.sim.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "vpn"})
	w.sim.ScalePool(w.pool.ID, 3)
	leased, chosen, greedy := w.member(0), w.member(1), w.member(2)
	lease := w.sim.Attach(managed.ID, leased.ID, "")
	w.sim.Attach(unmanaged.ID, chosen.ID, "")
	w.sim.Attach(unmanaged.ID, greedy.ID, "")
	with := func(ip string) func(*corev1.Node) {
		return func(n *corev1.Node) {
			n.Annotations = map[string]string{identity.ProvidedNodeIP: ip}
			n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
		}
	}
	w.registers(leased.Name, leased.ID, with(lease))
	w.registers(chosen.Name, chosen.ID, with("10.30.0.7"))
	for ip, instance := range map[string]exosim.Instance{lease: leased, "10.30.0.7": chosen} {
		w.g.Eventually(w.identities).Should(HaveKeyWithValue(instance.Name, "True/Verified"))
		internal := corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip}
		w.g.Expect(w.identity(instance.Name).Status.Addresses).To(ContainElement(internal))
		w.g.Eventually(w.initialised(instance.Name)).Should(BeTrue())
		w.g.Expect(w.node(instance.Name).Status.Addresses).To(ContainElements(internal, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: instance.PublicIP}))
		request := w.asks(instance.Name, ip)
		w.g.Eventually(func() string { return w.decided(request) }).Should(Equal("Approved"), "%s with %s: %v", instance.Name, ip, w.events(request))
	}

	t.Log("an address that is leased to another, or that another Node has, is nobody else's")
	for _, ip := range []string{lease, "10.30.0.7"} {
		node := w.registers(greedy.Name, greedy.ID, with(ip))
		w.g.Eventually(w.identities).Should(HaveKeyWithValue(greedy.Name, "False/AddressMismatch"))
		w.tells(node, "Warning AddressMismatch", ip)
		request := w.asks(greedy.Name, ip)
		w.tells(request, "Warning CertificateNotApproved")
		w.g.Expect(w.decided(request)).To(BeEmpty())
		w.remove(node)
		w.g.Eventually(w.identities).Should(HaveKeyWithValue(greedy.Name, "Unknown/NotJoined"))
	}
}

func TestAnExcludedMemberIsToldThatAnNLBCanNotLeaveItOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 2})
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(w.member(1).Name, "True/Verified"))
	node := w.node(w.member(0).Name)
	change(w, node, func(n *corev1.Node) { n.Labels[corev1.LabelNodeExcludeBalancers] = "" })
	w.tells(node, "Warning NotSupported", corev1.LabelNodeExcludeBalancers, "can't leave out a single instance", "a pool of its own")
}

// Fault 7, too: they stop nobody, and are counted.
func TestForeignNodesAreCountedAndHaveNoNodeIdentity(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, setup{Nodes: 1, Operator: func(o *app.Options) { o.Metrics = registry }})
	w.registers(w.ns+"-metal", "4c4c4544-0000-4000-8000-000000000001")
	w.registers(w.ns+"-other", "", func(n *corev1.Node) { n.Spec.ProviderID = "aws:///eu/i-0123" })
	const foreign = "exoscale_nlb_operator_foreign_nodes"
	count := func() float64 {
		families, err := registry.Gather()
		w.g.Expect(err).NotTo(HaveOccurred())
		for _, family := range families {
			if family.GetName() == foreign {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return -1
	}
	w.g.Eventually(count).Should(Equal(2.0))
	w.g.Eventually(w.identities).Should(Equal(map[string]string{w.member(0).Name: "True/Verified"}))
	w.remove(w.node(w.ns + "-metal"))
	w.g.Eventually(count).Should(Equal(1.0))
}

func TestANodeIdentityTellsOfTheSKSNodepool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: -1})
	w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "ingress", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
	w.sim.ScalePool(w.pool.ID, 1)
	member := w.member(0)
	w.registers(member.Name, member.ID) // only the systemUUID tells who it is
	w.g.Eventually(w.identities).Should(Equal(map[string]string{member.Name: "True/Verified"}))
	status := w.identity(member.Name).Status
	w.g.Expect(status.SKSNodepool).To(Equal("prod/ingress"))
	w.g.Expect(status.NodeName).To(Equal(member.Name))
	w.g.Expect(status.InstanceName).To(Equal(member.Name))
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionJoined, v1alpha1.ConditionVerified, v1alpha1.ConditionReady} {
		w.g.Expect(status.Conditions).To(ContainElement(And(HaveField("Type", kind), HaveField("Status", BeEquivalentTo("True")))))
	}
}

// It comes back when it is deleted, and nobody else is touched.
func TestANodeIdentityThatIsDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 2})
	first, second := w.member(0).Name, w.member(1).Name
	w.g.Eventually(w.identities).Should(And(HaveKeyWithValue(first, "True/Verified"), HaveKeyWithValue(second, "True/Verified")))
	deleted, other := w.identity(first), w.identity(second)
	w.remove(&deleted)
	w.g.Eventually(func() bool {
		var now v1alpha1.NodeIdentity
		err := w.client.Get(w.t.Context(), client.ObjectKey{Name: first}, &now)
		return !apierrors.IsNotFound(err) && now.UID != deleted.UID
	}).Should(BeTrue())
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(first, "True/Verified"))
	w.g.Expect(w.identity(second)).To(Equal(other))
}

// Nothing new is decided on what can't be read, and it is said where people look.
func TestAKeyThatMayNotReadWhatVerifiesNodesIsSaid(t *testing.T) {
	t.Parallel()
	allowed := []string{"list-zones", "list-load-balancers", "list-instance-pools", "list-instances", "list-sks-clusters"}
	w := newWorld(t, setup{Nodes: 1, Stopped: true, Operator: func(o *app.Options) {
		o.Credentials = exoscale.StaticCredentials("EXOlimited", "s")
	}})
	w.sim.AddKey(exosim.Key{Key: "EXOlimited", Secret: "s", Operations: allowed})
	w.sim.Attach(w.sim.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "vpn"}).ID, w.member(0).ID, "")
	w.start()
	node := w.node(w.member(0).Name)
	w.tells(node, "Warning Forbidden", "list-private-networks", "Allow the operation")
	w.g.Expect(w.identities()).To(BeEmpty())

	w.sim.AddKey(exosim.Key{Key: "EXOlimited", Secret: "s", Operations: append(allowed, "list-private-networks")})
	w.g.Eventually(w.identities).Should(Equal(map[string]string{w.member(0).Name: "True/Verified"}), "it may not list the types, which matters to nobody but who initialises")
	w.g.Expect(w.identity(w.member(0).Name).Status.InstanceType).To(BeEmpty())
}
