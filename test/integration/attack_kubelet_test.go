package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	kubelets "github.com/exoscale-community/nlb-operator/test/world"
)

// nodeAuthorization lets a kubelet do what it may do in a cluster, and no more.
var nodeAuthorization = map[string][]string{"authorization-mode": {"Node,RBAC"}, "enable-admission-plugins": {"NodeRestriction"}}

// What stands in the private network beside the Nodes, and in the cluster.
const (
	theAPIServer = "10.0.0.11"
	theVIP       = "10.0.0.100"
	aPod         = "10.244.1.5"
	onTheLAN     = "192.168.1.1"
)

// privateNetwork is a world whose instances are in a private network without leases,
// and none of which is a Node yet. Beside them stand the API server, a load balancer
// and a Pod.
func privateNetwork(t *testing.T, size int, operator func(*app.Options)) *world {
	t.Helper()
	w := newWorld(t, setup{Nodes: -1, Own: true, OwnAPIServer: nodeAuthorization, Stopped: true, Operator: func(o *app.Options) {
		o.NodeCSRApproval = true
		if operator != nil {
			operator(o)
		}
	}})
	network := w.sim.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "vpn"})
	w.sim.ScalePool(w.pool.ID, size)
	for _, instance := range w.sim.Members(w.pool.ID) {
		w.sim.Attach(network.ID, instance.ID, "")
	}
	w.create(&discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: "kubernetes-of-this-world", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"},
		},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{theAPIServer}}},
	})
	vip := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "vip"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr.To("example.com/other"), Ports: []corev1.ServicePort{{Port: 443}},
		},
	}
	w.create(vip)
	vip.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: theVIP}}
	w.g.Expect(w.client.Status().Update(t.Context(), vip)).To(Succeed())
	w.create(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "metal", Labels: map[string]string{"world": w.ns}},
		Spec:       corev1.NodeSpec{PodCIDR: "10.244.1.0/24", PodCIDRs: []string{"10.244.1.0/24"}},
	})
	w.g.Expect(kubelets.LetNodesAsk(t.Context(), w.client)).To(Succeed())
	return w
}

// kubelet is a client with the credentials of a Node's kubelet, and no other rights.
func (w *world) kubelet(node string) client.Client {
	w.t.Helper()
	config := clientConfig(w.cluster)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:node:" + node, Groups: []string{"system:nodes", "system:authenticated"}}
	c, err := client.New(config, client.Options{})
	w.g.Expect(err).NotTo(HaveOccurred())
	return c
}

// joins lets the kubelet of an instance register its Node with an address.
func (w *world) joins(instance exosim.Instance, address string) *corev1.Node {
	w.t.Helper()
	var node *corev1.Node
	w.g.Eventually(func() (err error) { // the authorizer may have to see the Node's user first
		node, err = kubelets.Register(w.t.Context(), w.kubelet(instance.Name), instance.Name, instance.ID, func(n *corev1.Node) {
			n.Labels["world"] = w.ns
			n.Annotations = map[string]string{identity.ProvidedNodeIP: address}
			n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
		})
		return err
	}).Should(Succeed())
	w.judged(instance.Name, address)
	return node
}

// claims lets a kubelet say that its Node has another address, until the operator has
// seen it.
func (w *world) claims(node, address string) {
	w.t.Helper()
	w.pretends(node, address)
	w.judged(node, address)
}

// pretends does that in every way a kubelet can.
func (w *world) pretends(node, address string) {
	w.t.Helper()
	kubelet, object := w.kubelet(node), w.node(node)
	before := object.DeepCopy()
	object.Annotations[identity.ProvidedNodeIP] = address
	w.g.Expect(kubelet.Patch(w.t.Context(), object, client.MergeFrom(before))).To(Succeed())
	before = object.DeepCopy()
	object.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: node}, {Type: corev1.NodeInternalIP, Address: address}}
	w.g.Expect(kubelet.Status().Patch(w.t.Context(), object, client.MergeFrom(before))).To(Succeed())
}

// judged waits until the operator has seen what address a Node claims: it has it, or
// it isn't verified because of it.
func (w *world) judged(node, address string) {
	w.t.Helper()
	w.g.Eventually(func(g Gomega) {
		var found v1alpha1.NodeIdentity
		g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: node}, &found)).To(Succeed())
		has := ContainElement(HaveField("Address", address))
		refused := ContainElement(And(HaveField("Type", v1alpha1.ConditionVerified), HaveField("Reason", v1alpha1.ReasonAddressMismatch),
			HaveField("Message", ContainSubstring("has address "+address))))
		g.Expect(found).To(Or(
			And(HaveField("Status.Addresses", has), HaveField("Status.Conditions", Not(ContainElement(HaveField("Reason", v1alpha1.ReasonAddressMismatch))))),
			HaveField("Status.Conditions", refused)))
	}).Should(Succeed())
}

// certified is what becomes of a kubelet's request for a certificate for an address:
// "Approved", or what the operator tells of why it isn't.
func (w *world) certified(node, address string) string {
	w.t.Helper()
	request := w.asks(node, address)
	outcome := ""
	w.g.Eventually(func() string {
		outcome = w.decided(request)
		for _, event := range w.events(request) {
			if outcome == "" {
				outcome = event
			}
		}
		return outcome
	}).ShouldNot(BeEmpty())
	return outcome
}

const notApproved = "Warning CertificateNotApproved"

// With the credentials of a kubelet alone, in a private network without leases: one
// claim follows the other, each with a certificate.
func TestAKubeletIsCertifiedForTheAddressItWasVerifiedWithAndForNoOther(t *testing.T) {
	t.Parallel()
	w := privateNetwork(t, 1, inTheNodesNetwork)
	w.start()
	mallory := w.member(0).Name
	w.joins(w.member(0), "10.0.0.7")
	w.g.Expect(w.certified(mallory, "10.0.0.7")).To(Equal("Approved"))
	for name, address := range map[string]string{
		"an address of the API server":  theAPIServer,
		"that of a load balancer":       theVIP,
		"that of a Pod":                 aPod,
		"one on the LAN":                onTheLAN,
		"one that another Node may get": "10.0.0.12",
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.claims(mallory, address)
			w.g.Expect(w.certified(mallory, address)).To(HavePrefix(notApproved))
		})
	}
	t.Run("and it can't begin anew", func(t *testing.T) {
		w := w.in(t)
		err := w.kubelet(mallory).Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: mallory}})
		w.g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
	})
	t.Run("what it was verified with stays its own", func(t *testing.T) {
		w := w.in(t)
		w.claims(mallory, "10.0.0.7")
		w.g.Expect(w.certified(mallory, "10.0.0.7")).To(Equal("Approved"))
	})
}

// Who comes first with an address that is another's isn't certified for it either.
func TestANewcomerIsNotCertifiedForWhatStandsForTheClusterOrIsOutsideOfTheNodesNetwork(t *testing.T) {
	t.Parallel()
	first := []struct{ name, address string }{
		{"an address of the API server", theAPIServer},
		{"that of a load balancer", theVIP},
		{"that of a Pod", aPod},
		{"one on the LAN", onTheLAN},
		{"the address of a Service", "10.96.0.1"},
	}
	w := privateNetwork(t, len(first), func(o *app.Options) {
		inTheNodesNetwork(o)
		o.WatchNamespaces = []string{metav1.NamespaceSystem} // where none of these is
	})
	w.start()
	for i, test := range first {
		t.Run(test.name, func(t *testing.T) {
			w := w.in(t)
			w.joins(w.member(i), test.address)
			w.g.Expect(w.certified(w.member(i).Name, test.address)).To(HavePrefix(notApproved))
		})
	}
}

func inTheNodesNetwork(o *app.Options) { o.NodeCIDRs = []string{"10.0.0.0/24"} }

// pins are the pinned addresses of an instance, with their sources.
func (w *world) pins(name string) []string {
	w.t.Helper()
	all := []string{}
	for _, pin := range w.identity(name).Status.PinnedAddresses {
		all = append(all, string(pin.Source)+" "+pin.Address)
	}
	return all
}

// verdict is the condition Verified of an instance's NodeIdentity.
func (w *world) verdict(name string) func() string {
	return func() string { return w.identities()[name] }
}

// That nobody says where Nodes are, as at first start, takes nothing from Nodes but
// certificates; an Event says what to do.
func TestWithoutTheNetworksOfNodesOnlyWhatExoscaleShowsIsCertified(t *testing.T) {
	t.Parallel()
	w := privateNetwork(t, 1, nil)
	worker := w.member(0)
	w.sim.MutateInstance(worker.ID, func(i *exosim.Instance) { i.IPv6Address = "2001:db8::7" })
	w.start()
	w.joins(worker, "10.0.0.7")
	w.g.Expect(w.verdict(worker.Name)()).To(Equal("True/Verified"))
	w.g.Expect(w.certified(worker.Name, "10.0.0.7")).To(And(HavePrefix(notApproved), ContainSubstring("NodeCIDRs: "), ContainSubstring("--node-cidrs, which names none")))
	w.g.Expect(w.certified(worker.Name, "2001:db8::7")).To(Equal("Approved"))
}

// asBefore makes of a NodeIdentity what an operator leaves that pins nothing.
func (w *world) asBefore(name string) {
	w.t.Helper()
	object := w.identity(name)
	object.Status.NodeUID, object.Status.LeasedAddresses, object.Status.PinnedAddresses = "", nil, nil
	w.g.Expect(w.client.Status().Update(w.t.Context(), &object)).To(Succeed())
}

func TestAtTheUpgradeTheAddressesOfVerifiedNodesArePinnedAndStayCertified(t *testing.T) {
	t.Parallel()
	w := privateNetwork(t, 3, nil)
	w.start()
	control, worker, late := w.member(0), w.member(1), w.member(2)
	w.joins(control, theAPIServer)
	w.joins(worker, "10.0.0.7")
	w.stop()
	w.asBefore(control.Name)
	w.asBefore(worker.Name)
	w.pretends(worker.Name, "10.0.0.12") // knowing that an upgrade is under way

	w.start()
	w.g.Eventually(func() []string { return w.pins(control.Name) }).Should(Equal([]string{"Upgrade " + theAPIServer}))
	w.g.Eventually(func() []string { return w.pins(worker.Name) }).Should(Equal([]string{"Upgrade 10.0.0.7"}))
	t.Log("renewals go on, without a list of networks, for the API server's own Node too")
	w.g.Expect(w.certified(control.Name, theAPIServer)).To(Equal("Approved"))
	t.Log("but not for what was claimed meanwhile")
	w.g.Eventually(w.verdict(worker.Name)).Should(Equal("False/AddressMismatch"))
	w.g.Expect(w.certified(worker.Name, "10.0.0.12")).To(HavePrefix(notApproved))
	w.claims(worker.Name, "10.0.0.7")
	w.g.Expect(w.certified(worker.Name, "10.0.0.7")).To(Equal("Approved"))
	t.Log("and a Node that joins afterwards is a newcomer")
	w.joins(late, "10.0.0.8")
	w.g.Expect(w.pins(late.Name)).To(Equal([]string{"FirstUse 10.0.0.8"}))
	w.g.Expect(w.certified(late.Name, "10.0.0.8")).To(HavePrefix(notApproved))
}

// What a person says is what counts: by the annotation, or by deleting the NodeIdentity.
func TestOnlyAPersonChangesAPinnedAddress(t *testing.T) {
	t.Parallel()
	w := privateNetwork(t, 2, inTheNodesNetwork)
	w.start()
	worker := w.member(0)
	node := w.joins(worker, "10.0.0.7")

	t.Log("not who has the Node deleted, and registers it anew")
	w.remove(node)
	w.g.Eventually(w.verdict(worker.Name)).Should(Equal("Unknown/NotJoined"))
	node = w.joins(worker, "10.0.0.12")
	w.g.Eventually(w.verdict(worker.Name)).Should(Equal("False/AddressMismatch"))
	w.tells(node, "Warning AddressMismatch", "10.0.0.7 is pinned", "kubectl annotate nodeidentity "+worker.Name+" --overwrite nlb.exoscale.com/pinned-addresses=10.0.0.12")
	w.g.Expect(w.certified(worker.Name, "10.0.0.12")).To(HavePrefix(notApproved))

	t.Log("a slip is told, and changes nothing")
	w.annotates(worker.Name, "10.0.0.300")
	told := w.identity(worker.Name)
	w.tells(&told, "Warning Invalid", "10.0.0.300", "What was pinned stays so")
	w.g.Expect(w.pins(worker.Name)).To(Equal([]string{"FirstUse 10.0.0.7"}))

	t.Log("an administrator says which it is, also where something else has it")
	w.annotates(worker.Name, theVIP)
	w.claims(worker.Name, theVIP)
	w.g.Eventually(w.verdict(worker.Name)).Should(Equal("True/Verified"))
	w.g.Expect(w.pins(worker.Name)).To(Equal([]string{"Administrator " + theVIP}))
	w.g.Expect(w.certified(worker.Name, theVIP)).To(Equal("Approved"))
	other := w.member(1)
	w.joins(other, "10.0.0.7")
	w.g.Expect(w.certified(other.Name, "10.0.0.7")).To(Equal("Approved"), "what isn't pinned any more is free")

	t.Log("or has it begin anew")
	w.claims(other.Name, "10.0.0.13")
	forgotten := w.identity(other.Name)
	w.remove(&forgotten)
	w.g.Eventually(w.verdict(other.Name)).Should(Equal("True/Verified"))
	w.g.Expect(w.pins(other.Name)).To(Equal([]string{"FirstUse 10.0.0.13"}))
}

// annotates is what an administrator says of an instance's addresses.
func (w *world) annotates(name, addresses string) {
	w.t.Helper()
	object := w.identity(name)
	change(w, &object, func(o *v1alpha1.NodeIdentity) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationPinnedAddresses, addresses)
	})
}
