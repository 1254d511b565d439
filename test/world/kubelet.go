package world

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

	"github.com/google/uuid"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
)

// Register makes the Node of a machine as its kubelet does that waits for a cloud
// provider: it is ready, tells the systemUUID and the hostname, has the taint and
// no providerID. edit, unless nil, changes it before; it may set the status, too.
func Register(ctx context.Context, c client.Client, name, systemUUID string, edit func(*corev1.Node)) (*corev1.Node, error) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: nodeinit.Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			NodeInfo:   corev1.NodeSystemInfo{SystemUUID: systemUUID},
			Addresses:  []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}},
			Conditions: []corev1.NodeCondition{readiness(true)},
		},
	}
	if edit != nil {
		edit(node)
	}
	status := node.Status
	if err := c.Create(ctx, node); err != nil {
		return nil, fmt.Errorf("registering node %s: %w", name, err)
	}
	before := node.DeepCopy()
	node.Status = status
	if err := c.Status().Patch(ctx, node, client.MergeFrom(before)); err != nil {
		return nil, fmt.Errorf("registering node %s: %w", name, err)
	}
	return node, nil
}

// LetNodesAsk lets Nodes ask for certificates, as every cluster does.
func LetNodesAsk(ctx context.Context, c client.Client) error {
	return client.IgnoreAlreadyExists(c.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "nodes-ask"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "system:nodes"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-bootstrapper"},
	}))
}

// AskToServe makes the request of a Node's kubelet for a certificate to serve with:
// for the name of the Node, and addresses. The user that it is has to be let
// (LetNodesAsk).
func AskToServe(ctx context.Context, cluster *rest.Config, node string, ips ...string) (*certificatesv1.CertificateSigningRequest, error) {
	user := "system:node:" + node
	template := &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: user, Organization: []string{"system:nodes"}},
		DNSNames: []string{node},
	}
	for _, ip := range ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return nil, err
	}
	config := rest.CopyConfig(cluster)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:nodes", "system:authenticated"}}
	kubelet, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	request := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: node + "-" + uuid.NewString()[:8]},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			SignerName: certificatesv1.KubeletServingSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		},
	}
	return request, kubelet.Create(ctx, request)
}

// Decision is what somebody has decided about a request; empty if nobody has.
func Decision(request *certificatesv1.CertificateSigningRequest) string {
	for _, condition := range request.Status.Conditions {
		return string(condition.Type)
	}
	return ""
}
