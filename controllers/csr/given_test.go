package csr_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/csr"
)

// patience is for a busy machine; what is awaited takes a fraction of a second.
const patience = time.Minute

// scene is one test's: nodes with names of its own, and a client with all rights.
type scene struct {
	Gomega
	client.Client
	t  *testing.T
	id string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	c, err := client.New(plane.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return (&scene{Client: c, id: uuid.NewString()[:8]}).in(t)
}

// in is the same scene for a test within the test.
func (s *scene) in(t *testing.T) *scene {
	inner := &scene{Gomega: NewWithT(t), Client: s.Client, t: t, id: s.id}
	inner.SetDefaultEventuallyTimeout(patience)
	inner.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	return inner
}

// node is a Node, with the IP address that it has at Exoscale.
type node struct {
	name, address string
}

// addNode makes a Node that says that it has an address, and no NodeIdentity.
func (s *scene) addNode(name, address string) node {
	s.t.Helper()
	n := node{name: s.id + "-" + name, address: address}
	object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.name}}
	s.Expect(s.Create(s.t.Context(), object)).To(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), object) })
	return n
}

// identify gives a node a NodeIdentity.
func (s *scene) identify(n node, verified metav1.ConditionStatus) *v1alpha1.NodeIdentity {
	s.t.Helper()
	object := &v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{GenerateName: n.name + "-"},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: uuid.NewString(), Zone: "ch-gva-2", Hostname: n.name},
	}
	s.Expect(s.Create(s.t.Context(), object)).To(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), object) })
	object.Status.NodeName = n.name
	object.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.name}, {Type: corev1.NodeExternalIP, Address: n.address}}
	s.say(object, verified)
	return object
}

// say gives a NodeIdentity the condition that its controller would.
func (s *scene) say(object *v1alpha1.NodeIdentity, verified metav1.ConditionStatus) {
	s.t.Helper()
	object.Status.ObservedGeneration = object.Generation
	meta.SetStatusCondition(&object.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionVerified, Status: verified, Reason: "AsTheTestSays", Message: "The test says so.", ObservedGeneration: object.Generation,
	})
	s.Expect(s.Status().Update(s.t.Context(), object)).To(Succeed())
}

// asked is what a kubelet asks for; tests change it.
type asked struct {
	user     string
	signer   string
	template x509.CertificateRequest
	usages   []certificatesv1.KeyUsage
}

// ask makes the request of a node's kubelet, changed by edit, as the user that
// the kubelet is.
func (s *scene) ask(n node, edit func(*asked)) *certificatesv1.CertificateSigningRequest {
	s.t.Helper()
	return s.askAs(fmt.Sprintf("%s-%s", n.name, uuid.NewString()[:8]), n, edit)
}

func (s *scene) askAs(name string, n node, edit func(*asked)) *certificatesv1.CertificateSigningRequest {
	s.t.Helper()
	user := "system:node:" + n.name
	a := &asked{
		user: user, signer: certificatesv1.KubeletServingSignerName,
		template: x509.CertificateRequest{
			Subject:     pkix.Name{CommonName: user, Organization: []string{"system:nodes"}},
			DNSNames:    []string{n.name},
			IPAddresses: []net.IP{net.ParseIP(n.address)},
		},
		usages: []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
	}
	if edit != nil {
		edit(a)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.Expect(err).NotTo(HaveOccurred())
	der, err := x509.CreateCertificateRequest(rand.Reader, &a.template, key)
	s.Expect(err).NotTo(HaveOccurred())
	config := plane.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: a.user, Groups: []string{"system:nodes", "system:authenticated"}}
	kubelet, err := client.New(config, client.Options{})
	s.Expect(err).NotTo(HaveOccurred())
	request := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			SignerName: a.signer, Usages: a.usages,
			Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		},
	}
	// The API server may have to see first that nodes may ask.
	s.Eventually(func() error { return kubelet.Create(s.t.Context(), request) }).Should(Succeed())
	s.t.Cleanup(func() { _ = s.Delete(context.Background(), request) })
	return request
}

// decide approves or denies a request, as a person would.
func (s *scene) decide(request *certificatesv1.CertificateSigningRequest, decision certificatesv1.RequestConditionType) {
	s.t.Helper()
	s.read(request)
	request.Status.Conditions = append(request.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: decision, Status: corev1.ConditionTrue, Reason: "ByHand",
	})
	s.Expect(s.SubResource("approval").Update(s.t.Context(), request)).To(Succeed())
}

func (s *scene) read(object client.Object) {
	s.t.Helper()
	s.Expect(s.Get(s.t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
}

// decisions are the conditions of a request, with their reasons.
func (s *scene) decisions(request *certificatesv1.CertificateSigningRequest) []string {
	s.t.Helper()
	s.read(request)
	decisions := []string{}
	for _, c := range request.Status.Conditions {
		decisions = append(decisions, string(c.Type)+" "+c.Reason)
	}
	return decisions
}

// approved waits until the controller has approved a request, and Kubernetes has
// signed it.
func (s *scene) approved(request *certificatesv1.CertificateSigningRequest) *x509.Certificate {
	s.t.Helper()
	s.Eventually(func() []string { return s.decisions(request) }).Should(Equal([]string{"Approved " + csr.ReasonNodeIdentityVerified}))
	s.Eventually(func() []byte {
		s.read(request)
		return request.Status.Certificate
	}).ShouldNot(BeEmpty())
	block, _ := pem.Decode(request.Status.Certificate)
	s.Expect(block).NotTo(BeNil())
	certificate, err := x509.ParseCertificate(block.Bytes)
	s.Expect(err).NotTo(HaveOccurred())
	return certificate
}

// refused waits until it is told of an object that a rule is broken.
func (s *scene) refused(object client.Object, rule, found string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		var notes []string
		for _, event := range s.eventsOf(object) {
			notes = append(notes, event.Note)
		}
		g.Expect(slices.ContainsFunc(notes, func(note string) bool {
			return strings.Contains(note, rule+": ") && strings.Contains(note, found)
		})).To(BeTrue(), "no Event of %s with %q: %q", rule, found, notes)
	}).Should(Succeed())
}

// eventsOf are the Warnings about an object that a request isn't approved.
func (s *scene) eventsOf(object client.Object) []eventsv1.Event {
	s.t.Helper()
	var list eventsv1.EventList
	s.Expect(s.List(s.t.Context(), &list)).To(Succeed())
	return slices.DeleteFunc(list.Items, func(e eventsv1.Event) bool {
		return e.Regarding.Name != object.GetName() || e.Regarding.UID != object.GetUID() ||
			e.Type != corev1.EventTypeWarning || e.Reason != csr.ReasonCertificateNotApproved
	})
}
