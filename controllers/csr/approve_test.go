package csr_test

import (
	"net"
	"testing"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestARequestOfAVerifiedNodeIsApprovedAndSigned(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.11")
	identity := s.identify(worker, metav1.ConditionTrue)
	request := s.ask(worker, nil)
	certificate := s.approved(request)
	s.Expect(certificate.DNSNames).To(Equal([]string{worker.name}))
	s.Expect(certificate.IPAddresses).To(HaveLen(1))
	s.Expect(certificate.IPAddresses[0].String()).To(Equal(worker.address))
	s.Expect(request.Status.Conditions[0].Message).To(And(
		ContainSubstring(identity.Spec.InstanceID), ContainSubstring(identity.Name), ContainSubstring(worker.name)))
	s.Expect(s.eventsOf(request)).To(BeEmpty())
}

// Fault 20 of the CCM: what a node says of itself is proof enough there for any
// address, whoever asks.
func TestFault20ANodeGetsNoCertificateForWhatIsAnothers(t *testing.T) {
	s := newScene(t)
	worker, victim := s.addNode("worker", "192.0.2.21"), s.addNode("victim", "192.0.2.22")
	s.identify(worker, metav1.ConditionTrue)
	s.identify(victim, metav1.ConditionTrue)
	s.claim(worker, victim.address)

	for name, test := range map[string]struct {
		edit        func(*asked)
		rule, found string
	}{
		"an address that it claims by annotation and in its status": {
			func(a *asked) { a.template.IPAddresses = append(a.template.IPAddresses, net.ParseIP(victim.address)) },
			"IPAddresses", victim.address,
		},
		"the name of another node": {
			func(a *asked) { a.template.DNSNames = append(a.template.DNSNames, victim.name) },
			"DNSNames", victim.name,
		},
		"the subject of another node": {
			func(a *asked) { a.template.Subject.CommonName = "system:node:" + victim.name },
			"CommonName", victim.name,
		},
		"a certificate to act as a client": {
			func(a *asked) {
				a.usages = []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth}
			},
			"Usages", "client auth",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			request := s.ask(worker, test.edit)
			s.refused(request, test.rule, test.found)
			s.refused(s.object(worker), test.rule, request.Name)
			s.Expect(s.decisions(request)).To(BeEmpty())
		})
	}
	t.Run("what the other node asks for, in the name of this one", func(t *testing.T) {
		s := s.in(t)
		request := s.ask(victim, func(a *asked) { a.user = "system:node:" + worker.name })
		s.refused(request, "CommonName", victim.name)
		s.Expect(s.decisions(request)).To(BeEmpty())
		s.Expect(s.eventsOf(s.object(victim))).To(BeEmpty(), "it has done nothing")
	})
	t.Run("and what is its own is approved", func(t *testing.T) {
		s := s.in(t)
		s.approved(s.ask(worker, nil))
	})
}

// In an unmanaged private network Exoscale can't tell whose an address is.
func TestANodeGetsNoCertificateForTheAddressOfTheAPIServerEvenIfItsIdentityHasIt(t *testing.T) {
	s := newScene(t)
	api := &corev1.Service{}
	s.Expect(s.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "kubernetes"}, api)).To(Succeed())
	worker := s.addNode("worker", api.Spec.ClusterIP)
	s.identify(worker, metav1.ConditionTrue)
	request := s.ask(worker, nil)
	s.refused(request, "ClusterAddresses", "default/kubernetes")
	s.Expect(s.decisions(request)).To(BeEmpty())
}

func TestARequestOfWhoIsNoNodeStaysPending(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.31")
	s.identify(worker, metav1.ConditionTrue)
	request := s.ask(worker, func(a *asked) { a.user = "mallory" })
	s.refused(request, "RequestingUser", "mallory")
	s.Expect(s.decisions(request)).To(BeEmpty())
}

func TestARequestIsApprovedOnceItsNodeIsVerified(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.41")
	request := s.ask(worker, nil)
	s.refused(request, "NodeIdentity", "has no NodeIdentity")
	identity := s.identify(worker, metav1.ConditionFalse)
	s.refused(request, "Verified", "AsTheTestSays: The test says so")
	s.refused(s.object(worker), "Verified", request.Name)
	s.Expect(s.decisions(request)).To(BeEmpty())
	s.say(identity, metav1.ConditionTrue)
	s.approved(request)
}

func TestARequestOfANodeThatIsNotThereIsToldOfOnTheRequest(t *testing.T) {
	s := newScene(t)
	request := s.ask(node{name: s.id + "-absent", address: "192.0.2.51"}, nil)
	s.refused(request, "NodeIdentity", "has no NodeIdentity")
}

func TestOfTwoIdentitiesOfOneNodeNoneCountsUntilOneIsGone(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.61")
	s.identify(worker, metav1.ConditionTrue)
	rival := s.identify(worker, metav1.ConditionFalse)
	// Until the controller has seen both.
	s.Eventually(func() int { return s.cachedIdentitiesOf(worker) }).Should(Equal(2))
	request := s.ask(worker, nil)
	s.refused(request, "NodeIdentity", rival.Name)
	s.Expect(s.decisions(request)).To(BeEmpty())
	s.Expect(s.Delete(t.Context(), rival)).To(Succeed())
	s.approved(request)
}

// claim lets a Node say that it has an address, in every way that it can.
func (s *scene) claim(n node, address string) {
	s.t.Helper()
	object := s.object(n)
	object.Annotations = map[string]string{"alpha.kubernetes.io/provided-node-ip": address}
	s.Expect(s.Update(s.t.Context(), object)).To(Succeed())
	object.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}
	s.Expect(s.Status().Update(s.t.Context(), object)).To(Succeed())
}

func (s *scene) object(n node) *corev1.Node {
	s.t.Helper()
	object := &corev1.Node{}
	s.Expect(s.Get(s.t.Context(), client.ObjectKey{Name: n.name}, object)).To(Succeed())
	return object
}
