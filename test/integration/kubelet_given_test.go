package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// inPlaceOfTheCCM switches on what an operator does for Nodes, without the delays
// that are for reads which lag.
func inPlaceOfTheCCM(o *app.Options) {
	o.NodeInitialization, o.NodeCSRApproval, o.NodeDeletion = true, true, true
	o.NodeDeletionMaxShare = 100
	o.NodeDeletionLimits = nodegone.Limits{MinAge: 1, Grace: 1}
}

// registers makes a Node as its kubelet does that waits for a cloud provider: it
// tells the systemUUID of its machine and its hostname, has a taint and no
// providerID.
func (w *world) registers(name, systemUUID string, edits ...func(*corev1.Node)) *corev1.Node {
	w.t.Helper()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"world": w.ns}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: nodeinit.Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			NodeInfo:   corev1.NodeSystemInfo{SystemUUID: systemUUID},
			Addresses:  []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Test"}},
		},
	}
	for _, edit := range edits {
		edit(node)
	}
	status := node.Status
	w.create(node)
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), node) })
	w.reports(node, func(n *corev1.Node) { n.Status = status })
	return node
}

// reports lets the kubelet of a Node write its status.
func (w *world) reports(node *corev1.Node, edit func(*corev1.Node)) {
	w.t.Helper()
	w.g.Eventually(func() error {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(node), node); err != nil {
			return err
		}
		edit(node)
		return w.client.Status().Update(w.t.Context(), node)
	}).Should(Succeed())
}

// isSilent is what Kubernetes says of a kubelet that it hears nothing of.
func isSilent(node *corev1.Node) { node.Status.Conditions[0].Status = corev1.ConditionUnknown }

// nodesAsk lets Nodes ask for certificates, as in every cluster.
func (w *world) nodesAsk() {
	w.t.Helper()
	err := w.client.Create(w.t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "nodes-ask"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "system:nodes"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-bootstrapper"},
	})
	if !apierrors.IsAlreadyExists(err) {
		w.g.Expect(err).NotTo(HaveOccurred())
	}
}

// asks is what the kubelet of a Node asks to be certified: its name, and addresses.
func (w *world) asks(node string, ips ...string) *certificatesv1.CertificateSigningRequest {
	w.t.Helper()
	w.nodesAsk()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.g.Expect(err).NotTo(HaveOccurred())
	user := "system:node:" + node
	var addresses []net.IP
	for _, ip := range ips {
		addresses = append(addresses, net.ParseIP(ip))
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: user, Organization: []string{"system:nodes"}}, //nolint:misspell // X.509's word.
		DNSNames: []string{node}, IPAddresses: addresses,
	}, key)
	w.g.Expect(err).NotTo(HaveOccurred())
	config := clientConfig(w.cluster)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:nodes", "system:authenticated"}}
	kubelet, err := client.New(config, client.Options{})
	w.g.Expect(err).NotTo(HaveOccurred())
	request := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: node + "-" + uuid.NewString()[:8]},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			SignerName: certificatesv1.KubeletServingSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		},
	}
	// The API server may have to see the role binding first.
	w.g.Eventually(func() error { return kubelet.Create(w.t.Context(), request) }).Should(Succeed())
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), request) })
	return request
}

// decided is what somebody has decided about a request; empty if nobody has.
func (w *world) decided(request *certificatesv1.CertificateSigningRequest) string {
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(request), request); err != nil {
		return err.Error()
	}
	for _, condition := range request.Status.Conditions {
		return string(condition.Type)
	}
	return ""
}

// node is a Node as it is now.
func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	node := &corev1.Node{}
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: name}, node)).To(Succeed())
	return node
}

// initialised tells whether a Node has been given what a cloud provider gives.
func (w *world) initialised(name string) func() bool {
	return func() bool {
		node := w.node(name)
		return !nodeinit.Uninitialised(node) && node.Spec.ProviderID != ""
	}
}

// member is the n-th instance of the world's pool.
func (w *world) member(n int) exosim.Instance {
	w.t.Helper()
	return w.sim.Members(w.pool.ID)[n]
}
