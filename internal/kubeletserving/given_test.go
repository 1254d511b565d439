package kubeletserving

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/netip"
	"sync"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// The node of all tests.
const (
	nodeName = "worker-1"
	hostname = "pool-a1b2c-worker-1"
	nodeUser = "system:node:" + nodeName
	nodeUID  = "uid-1"
)

// keys are made once: RSA takes its time.
var keys = struct{ p256, p224, ed25519, rsa2048, rsa1024 func() crypto.Signer }{
	p256:    sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }),
	p224:    sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)) }),
	rsa2048: sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) }),
	rsa1024: sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 1024)) }),
	ed25519: sync.OnceValue(func() crypto.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	}),
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// asking is a request in the making: what a kubelet on worker-1 asks for, until a
// test changes it.
type asking struct {
	key        crypto.Signer
	template   x509.CertificateRequest
	spec       certificatesv1.CertificateSigningRequestSpec
	identities []v1alpha1.NodeIdentity
	nodeUID    types.UID
	nodeCIDRs  []netip.Prefix
	cluster    Cluster
	// sealed changes the signed request, and encoded what the API server gets.
	sealed  func(der []byte) []byte
	encoded func(text []byte) []byte
}

func good() *asking {
	a := &asking{
		key: keys.p256(),
		template: x509.CertificateRequest{
			Subject:     pkix.Name{CommonName: nodeUser},
			DNSNames:    []string{nodeName},
			IPAddresses: []net.IP{net.ParseIP("192.0.2.11")},
		},
		spec: certificatesv1.CertificateSigningRequestSpec{
			SignerName: "kubernetes.io/kubelet-serving",
			Username:   nodeUser,
			Groups:     []string{"system:nodes", "system:authenticated"},
			Usages:     []certificatesv1.KeyUsage{"digital signature", "server auth"},
		},
		identities: []v1alpha1.NodeIdentity{verified("i-1", nodeName)},
		nodeUID:    nodeUID,
		nodeCIDRs:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00:1::/64")},
	}
	a.organisations("system:nodes")
	return a
}

// organisations of the subject.
func (a *asking) organisations(names ...string) {
	a.template.Subject.Organization = names
}

// verified is the NodeIdentity of a node that Exoscale's API agrees to.
func verified(name, node string) v1alpha1.NodeIdentity {
	return v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 3},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: "0b12c3d4-0000-4000-8000-000000000001", Zone: "ch-gva-2", Hostname: hostname},
		Status: v1alpha1.NodeIdentityStatus{
			ObservedGeneration: 3, NodeName: node, NodeUID: nodeUID, InstancePoolID: "0b12c3d4-0000-4000-8000-0000000000aa",
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeHostName, Address: "worker-1.local"},
				{Type: corev1.NodeInternalDNS, Address: "worker-1.internal"},
				{Type: corev1.NodeExternalDNS, Address: "worker-1.example.net"},
				{Type: corev1.NodeExternalIP, Address: "192.0.2.11"},
				{Type: corev1.NodeInternalIP, Address: "10.0.0.11"},
				{Type: corev1.NodeExternalIP, Address: "2001:db8::11"},
			},
			LeasedAddresses: []string{"10.0.0.11"},
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionVerified, Status: metav1.ConditionTrue, Reason: "Verified", ObservedGeneration: 3,
			}},
		},
	}
}

// request signs and encodes what is asked for.
func (a *asking) request(t *testing.T) Request {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &a.template, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.sealed != nil {
		der = a.sealed(der)
	}
	a.spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	if a.encoded != nil {
		a.spec.Request = a.encoded(a.spec.Request)
	}
	return Request{
		CSR: &certificatesv1.CertificateSigningRequest{Spec: a.spec}, Identities: a.identities,
		NodeUID: a.nodeUID, NodeCIDRs: a.nodeCIDRs, Cluster: a.cluster,
	}
}

// says adds an extension to the request.
func (a *asking) says(id asn1.ObjectIdentifier, value any) {
	raw, is := value.([]byte)
	if !is {
		raw = must(asn1.Marshal(value))
	}
	a.template.ExtraExtensions = append(a.template.ExtraExtensions, pkix.Extension{Id: id, Value: raw})
}

// names puts names of any kind into the request, beside a DNS name that is the
// node's.
func (a *asking) names(others ...asn1.RawValue) {
	dns := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(nodeName)}
	a.template.DNSNames, a.template.IPAddresses = nil, nil
	a.says(alternativeNames, append([]asn1.RawValue{dns}, others...))
}

// attribute adds one to the subject.
func (a *asking) attribute(id asn1.ObjectIdentifier, value any) {
	a.template.Subject.ExtraNames = append(a.template.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: id, Value: value})
}

// owns asks for a DNS name or an IP address, and gives it to the node.
func (a *asking) owns(nameOrAddress string) {
	known := &a.identities[0].Status
	if ip := net.ParseIP(nameOrAddress); ip != nil {
		a.template.IPAddresses = append(a.template.IPAddresses, ip)
		known.Addresses = append(known.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: nameOrAddress})
		known.LeasedAddresses = append(known.LeasedAddresses, nameOrAddress)
		return
	}
	a.template.DNSNames = append(a.template.DNSNames, nameOrAddress)
	known.Addresses = append(known.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalDNS, Address: nameOrAddress})
}

// serves puts a Service into the cluster.
func (a *asking) serves(clusterIPs ...string) {
	a.cluster.Services = append(a.cluster.Services, corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
		Spec:       corev1.ServiceSpec{ClusterIPs: clusterIPs},
	})
}

// pinned gives the node an address that only the node tells of, and asks for it.
func (a *asking) pinned(address string, source v1alpha1.PinSource) *v1alpha1.PinnedAddress {
	a.tells(address)
	pins := &a.identities[0].Status.PinnedAddresses
	*pins = append(*pins, v1alpha1.PinnedAddress{Address: address, Source: source})
	return &(*pins)[len(*pins)-1]
}

// tells asks for an address of which nothing but the node tells.
func (a *asking) tells(address string) {
	a.asks(address)
	known := &a.identities[0].Status
	known.Addresses = append(known.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
}

// asks for an address that the node has.
func (a *asking) asks(address string) {
	a.template.IPAddresses = append(a.template.IPAddresses, net.ParseIP(address))
}

// endpoint makes an address one of the API server.
func (a *asking) endpoint(address string) {
	a.cluster.APIServer = append(a.cluster.APIServer, discoveryv1.EndpointSlice{Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}}})
}

// publishes makes an address that of a load balancer.
func (a *asking) publishes(address string) {
	service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example.net"}, {IP: address}}
	a.cluster.Services = append(a.cluster.Services, service)
}

// nlb makes an address that of one of our own load balancers.
func (a *asking) nlb(address string) {
	a.cluster.LoadBalancers = append(a.cluster.LoadBalancers, v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "edge"}, Status: v1alpha1.NetworkLoadBalancerStatus{Address: address},
	})
}

// pods gives the Pods of a node their networks; second may be empty.
func (a *asking) pods(first, second string) {
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-9"}, Spec: corev1.NodeSpec{PodCIDR: first, PodCIDRs: []string{first}}}
	if second != "" {
		node.Spec.PodCIDRs = append(node.Spec.PodCIDRs, second)
	}
	a.cluster.Nodes = append(a.cluster.Nodes, node)
}
