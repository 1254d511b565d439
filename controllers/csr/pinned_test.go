package csr_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// pin gives a verified NodeIdentity an address that nothing but the Node tells of.
func (s *scene) pin(identity *v1alpha1.NodeIdentity, address string, source v1alpha1.PinSource) {
	s.t.Helper()
	identity.Status.Addresses = append(identity.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	identity.Status.PinnedAddresses = append(identity.Status.PinnedAddresses, v1alpha1.PinnedAddress{Address: address, Source: source})
	s.Expect(s.Status().Update(s.t.Context(), identity)).To(Succeed())
}

// inPrivateNetwork is a node with a pinned address, as its NodeIdentity has it.
func (s *scene) inPrivateNetwork(name, address string, source v1alpha1.PinSource) (node, *v1alpha1.NodeIdentity) {
	s.t.Helper()
	n := s.addNode(name, address)
	n.address = "192.0.2.200"
	identity := s.identify(n, metav1.ConditionUnknown)
	n.address = address
	s.pin(identity, address, source)
	s.say(identity, metav1.ConditionTrue)
	return n, identity
}

// endpoint makes an address one of the API server.
func (s *scene) endpoint(address string) {
	s.t.Helper()
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, GenerateName: "kubernetes-" + s.id + "-", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"},
		},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
	s.Expect(s.Create(s.t.Context(), slice)).To(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), slice) })
	// Until the controller has seen it.
	s.Eventually(func() error {
		return occupants.Get(s.t.Context(), client.ObjectKeyFromObject(slice), &discoveryv1.EndpointSlice{})
	}).Should(Succeed())
}

func TestAnAddressThatWasPinnedAtFirstUseIsCertifiedWhereNodesMayBe(t *testing.T) {
	s := newScene(t)
	inside, identity := s.inPrivateNetwork("inside", "10.0.0.11", v1alpha1.PinnedAtFirstUse)
	certificate := s.approved(s.ask(inside, nil))
	s.Expect(certificate.IPAddresses[0].String()).To(Equal("10.0.0.11"))
	s.read(identity)
	s.Expect(identity.Status.PinnedAddresses).To(Equal([]v1alpha1.PinnedAddress{{Address: "10.0.0.11", Source: v1alpha1.PinnedAtFirstUse, Certified: true}}))

	outside, identity := s.inPrivateNetwork("outside", "192.168.1.1", v1alpha1.PinnedAtFirstUse)
	request := s.ask(outside, nil)
	s.refused(request, "NodeCIDRs", nodeCIDR.String())
	s.refused(s.object(outside), "NodeCIDRs", request.Name)
	s.Expect(s.decisions(request)).To(BeEmpty())
	s.read(identity)
	s.Expect(identity.Status.PinnedAddresses[0].Certified).To(BeFalse())
}

func TestAnAddressFromBeforeTheUpgradeGoesOnBeingCertified(t *testing.T) {
	s := newScene(t)
	s.endpoint("192.168.1.12")
	worker, identity := s.inPrivateNetwork("worker", "192.168.1.12", v1alpha1.PinnedAtUpgrade)
	version := identity.ResourceVersion
	s.approved(s.ask(worker, nil))
	s.read(identity)
	s.Expect(identity.ResourceVersion).To(Equal(version), "there is nothing to remember")
}

func TestTheAddressOfTheAPIServerIsCertifiedOnceAnAdministratorSaysWhoseItIs(t *testing.T) {
	s := newScene(t)
	s.endpoint("10.0.0.13")
	control, identity := s.inPrivateNetwork("control", "10.0.0.13", v1alpha1.PinnedAtFirstUse)
	request := s.ask(control, nil)
	s.refused(request, "AddressesInUse", "kubectl annotate nodeidentity "+identity.Name+" --overwrite nlb.exoscale.com/pinned-addresses=10.0.0.13")
	s.Expect(s.decisions(request)).To(BeEmpty())
	s.read(identity)
	s.Expect(identity.Status.PinnedAddresses[0].Certified).To(BeFalse())
	identity.Status.PinnedAddresses[0].Source = v1alpha1.PinnedByAdministrator
	s.Expect(s.Status().Update(t.Context(), identity)).To(Succeed())
	s.approved(request)
}

// A control plane's Node joins before the API server there answers.
func TestAnAddressThatWasCertifiedStaysSoWhenTheAPIServerGetsIt(t *testing.T) {
	s := newScene(t)
	control, _ := s.inPrivateNetwork("control", "10.0.0.14", v1alpha1.PinnedAtFirstUse)
	s.approved(s.ask(control, nil))
	s.endpoint("10.0.0.14")
	s.approved(s.ask(control, nil))
}

// What an operator of before has verified may be any address that the Node told of.
func TestAnAddressThatIsNotPinnedYetWaitsUntilItIs(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "10.0.0.15")
	worker.address = "192.0.2.201"
	identity := s.identify(worker, metav1.ConditionUnknown)
	worker.address = "10.0.0.15"
	identity.Status.Addresses = append(identity.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "10.0.0.15"})
	s.say(identity, metav1.ConditionTrue)
	request := s.ask(worker, nil)
	s.refused(request, "PinnedAddresses", "10.0.0.15")
	s.Expect(s.decisions(request)).To(BeEmpty())
	identity.Status.PinnedAddresses = []v1alpha1.PinnedAddress{{Address: "10.0.0.15", Source: v1alpha1.PinnedAtUpgrade}}
	s.Expect(s.Status().Update(t.Context(), identity)).To(Succeed())
	s.approved(request)
}

func TestANodeOfTheSameNameIsNotTheOneThatWasVerified(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.121")
	identity := s.identify(worker, metav1.ConditionTrue)
	identity.Status.NodeUID = "earlier"
	s.Expect(s.Status().Update(t.Context(), identity)).To(Succeed())
	s.Eventually(func(g Gomega) {
		var known v1alpha1.NodeIdentity
		g.Expect(running.GetClient().Get(t.Context(), client.ObjectKeyFromObject(identity), &known)).To(Succeed())
		g.Expect(known.Status.NodeUID).To(BeEquivalentTo("earlier"))
	}).Should(Succeed())
	request := s.ask(worker, nil)
	s.refused(request, "NodeIdentity", "is about an earlier node")
	identity.Status.NodeUID = s.object(worker).UID
	s.Expect(s.Status().Update(t.Context(), identity)).To(Succeed())
	s.approved(request)
}

// Of what has addresses, little is kept: a cluster may have thousands of Services.
func TestOfServicesOnlyTheAddressesAreCached(t *testing.T) {
	s := newScene(t)
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "web-" + s.id, Annotations: map[string]string{"a": "b"}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}, ExternalIPs: []string{"10.0.0.99"}},
	}
	s.Expect(s.Create(t.Context(), service)).To(Succeed())
	t.Cleanup(func() { _ = s.Delete(context.Background(), service) })
	cached := &corev1.Service{}
	s.Eventually(func() error { return occupants.Get(t.Context(), client.ObjectKeyFromObject(service), cached) }).Should(Succeed())
	s.Expect(cached.Spec).To(Equal(corev1.ServiceSpec{ClusterIPs: service.Spec.ClusterIPs, ExternalIPs: []string{"10.0.0.99"}}))
	s.Expect(cached.Annotations).To(BeEmpty())
}
