package helm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// TestWhatIsOnWorksWithTheRightsThatItHas switches on what is off by default, in
// one namespace only, so that no right is left over.
func TestWhatIsOnWorksWithTheRightsThatItHas(t *testing.T) {
	c := startCluster(t)
	c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	v := c.enough()
	v["watchNamespaces"] = []string{"shop"}
	v["claimClasslessServices"] = true
	v["nodes"] = values{"initialization": true, "csrApproval": true, "deletion": true}
	v["udpSidecar"] = sidecars()
	c.install(t, chart, v)

	t.Run("a Service of the namespace gets its address", func(t *testing.T) {
		web := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
		}
		c.create(t, web)
		c.address(t, web)
	})
	var instance exosim.Instance
	t.Run("a Node is initialised, and gets its certificate", func(t *testing.T) {
		g := NewWithT(t)
		instance = c.newcomer(t)
		node := &corev1.Node{}
		g.Eventually(func(g Gomega) {
			g.Expect(c.Get(t.Context(), client.ObjectKey{Name: instance.Name}, node)).To(Succeed())
			g.Expect(node.Spec.ProviderID).To(Equal(identity.ProviderPrefix + instance.ID))
			g.Expect(nodeinit.Uninitialised(node)).To(BeFalse())
		}, patience).Should(Succeed(), "%s", c.said())
		request := c.ask(t, instance)
		g.Eventually(func(g Gomega) {
			g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(request), request)).To(Succeed())
			g.Expect(request.Status.Conditions).To(ContainElement(HaveField("Type", certificatesv1.CertificateApproved)))
		}, patience).Should(Succeed(), "%s", c.said())
	})
	t.Run("a Pod of the namespace gets a sidecar, and none elsewhere", func(t *testing.T) {
		c.injectsIn(t, "shop")
		NewWithT(t).Expect(c.injected(t.Context(), "default")).To(BeFalse())
	})
	t.Run("a Service that asks for sidecars is probed at its companion, and its Pods are counted", func(t *testing.T) {
		dns := service("shop", "dns")
		dns.Annotations = map[string]string{v1alpha1.AnnotationUDPHealthCheck: v1alpha1.UDPHealthCheckSidecar}
		dns.Spec.Selector = map[string]string{"app": "dns"}
		dns.Spec.Ports = []corev1.ServicePort{{Port: 53, Protocol: corev1.ProtocolUDP}}
		c.create(t, dns)
		c.address(t, dns)
		NewWithT(t).Eventually(func(g Gomega) {
			var port v1alpha1.NLBService
			g.Expect(c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "dns-53-udp"}, &port)).To(Succeed())
			g.Expect(port.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationHealthCheckChoice, v1alpha1.ChoiceSidecar))
			g.Expect(port.Status.Conditions).To(ContainElement(And(HaveField("Type", v1alpha1.ConditionSidecarsInjected), HaveField("Reason", v1alpha1.ReasonNoEndpoints))))
		}, patience).Should(Succeed(), "%s", c.said())
	})
	t.Run("nothing was forbidden", func(t *testing.T) {
		NewWithT(t).Expect(c.said().String()).NotTo(ContainSubstring("forbidden"))
	})
	t.Run("a Node whose instance is gone is removed", func(t *testing.T) {
		g := NewWithT(t)
		c.inItsPlace(t)
		c.cloud.DeleteInstance(instance.ID)
		g.Expect(world.SetReady(t.Context(), c, instance.Name, false)).To(Succeed())
		g.Eventually(func() bool {
			return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKey{Name: instance.Name}, &corev1.Node{}))
		}, patience).Should(BeTrue())
	})
}

// inItsPlace runs the operator with the rights of the installed one, which is
// scaled down; but it removes Nodes that are younger than five minutes, too.
func (c *cluster) inItsPlace(t *testing.T) {
	t.Helper()
	if said, err := c.kubectl(t, "", "--namespace", namespace, "scale", "deployment", release, "--replicas=0"); err != nil {
		t.Fatal(said)
	}
	NewWithT(t).Eventually(func() []string { return c.replicas(t) }, patience).Should(BeEmpty())
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: release}}
	if err := c.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	as := rest.AnonymousClientConfig(c.Config())
	as.BearerToken = request.Status.Token
	options := app.Defaults()
	options.Zone, options.APIEndpoint = c.cloud.Zones()[0], c.cloud.Endpoint
	options.Credentials = exoscale.StaticCredentials(c.key.Key, c.key.Secret)
	options.SyncPeriod, options.WatchNamespaces = 500*time.Millisecond, []string{"shop"}
	options.MetricsBindAddress, options.HealthProbeBindAddress = app.Off, app.Off
	options.LeaderElect, options.LeaderElectionNamespace = true, namespace
	options.NodeDeletion, options.NodeDeletionMaxShare = true, 100
	options.NodeDeletionLimits = nodegone.Limits{MinAge: 1, Grace: 1}
	a, err := app.New(t.Context(), as, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// newcomer is an instance whose kubelet waits for a cloud provider.
func (c *cluster) newcomer(t *testing.T) exosim.Instance {
	t.Helper()
	c.cloud.ScalePool(c.pool, 3)
	instance := c.cloud.Members(c.pool)[2]
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: instance.Name},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: nodeinit.Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule}}},
	}
	c.create(t, node)
	before := node.DeepCopy()
	node.Status.NodeInfo.SystemUUID = instance.ID
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: instance.Name}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}}
	if err := c.Status().Patch(t.Context(), node, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	return instance
}

// ask for a certificate to serve with, as the kubelet of an instance does.
func (c *cluster) ask(t *testing.T, instance exosim.Instance) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	c.create(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "nodes-ask"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "system:nodes"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-bootstrapper"},
	})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	user := "system:node:" + instance.Name
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: user, Organization: []string{"system:nodes"}},
		DNSNames: []string{instance.Name},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	config := c.Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:nodes", "system:authenticated"}}
	kubelet, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	request := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: instance.Name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			SignerName: certificatesv1.KubeletServingSignerName,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		},
	}
	// The API server may have to see the role binding first.
	NewWithT(t).Eventually(func() error { return kubelet.Create(t.Context(), request) }, patience).Should(Succeed())
	return request
}
