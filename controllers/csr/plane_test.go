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
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/csr"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// Of all tests: the control plane, whose controller manager does nothing but sign
// what is approved; and the manager in which the controller runs, as a user who
// has the rights that the controller asks for and no others.
var (
	plane     *controlplane.ControlPlane
	running   manager.Manager
	occupants cache.Cache
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code, err := withApprover(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withApprover(run func() int) (code int, err error) {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "csr-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	signer, err := authority(dir)
	if err != nil {
		return 1, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	plane, err = controlplane.Start(ctx, controlplane.Options{ControllerManager: true, ControllerManagerArgs: signer})
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := plane.Stop(); err == nil {
			err = stopErr
		}
	}()
	if running, err = approver(ctx); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Start(ctx) }()
	code = run()
	cancel()
	return code, <-ended
}

// authority makes a CA that certificates are signed with, and gives the flags of
// a kube-controller-manager that does so.
func authority(dir string) (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	flags := map[string]string{"controllers": "certificatesigningrequest-signing-controller"}
	for flag, block := range map[string]*pem.Block{
		"cluster-signing-cert-file": {Type: "CERTIFICATE", Bytes: certificate},
		"cluster-signing-key-file":  {Type: "EC PRIVATE KEY", Bytes: private},
	} {
		flags[flag] = filepath.Join(dir, flag)
		if err := os.WriteFile(flags[flag], pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	return flags, nil
}

// rights are those of the markers in controller.go.
var rights = []rbacv1.PolicyRule{
	{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests/approval"}, Verbs: []string{"update"}},
	{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"signers"}, ResourceNames: []string{"kubernetes.io/kubelet-serving"}, Verbs: []string{"approve"}},
	{APIGroups: []string{"nlb.exoscale.com"}, Resources: []string{"nodeidentities", "networkloadbalancers"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{"nlb.exoscale.com"}, Resources: []string{"nodeidentities/status"}, Verbs: []string{"patch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes", "services"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{"events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch", "update"}},
}

// rightsInDefault are those in the namespace of the API server's Service.
var rightsInDefault = []rbacv1.PolicyRule{
	{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"get", "list", "watch"}},
}

// nodeCIDR is where the Nodes of all tests may be.
var nodeCIDR = netip.MustParsePrefix("10.0.0.0/24")

// approver makes the manager with the controller, and lets nodes ask for
// certificates, as every cluster does.
func approver(ctx context.Context) (manager.Manager, error) {
	admin, err := client.New(plane.Config(), client.Options{})
	if err != nil {
		return nil, err
	}
	user, err := plane.AddUser("approver")
	if err != nil {
		return nil, err
	}
	bind := func(kind, subject, role string) *rbacv1.ClusterRoleBinding {
		return &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "test-" + role},
			Subjects:   []rbacv1.Subject{{Kind: kind, APIGroup: rbacv1.GroupName, Name: subject}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
	}
	for _, object := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "approver"}, Rules: rights},
		bind("User", "approver", "approver"),
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "approver"}, Rules: rightsInDefault},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "approver"},
			Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "approver"}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "approver"},
		},
		bind("Group", "system:nodes", "system:node-bootstrapper"),
	} {
		if err := admin.Create(ctx, object); err != nil {
			return nil, err
		}
	}
	mgr, err := ctrl.NewManager(user.Config, ctrl.Options{
		Cache:   cache.Options{ByObject: map[client.Object]cache.ByObject{&certificatesv1.CertificateSigningRequest{}: csr.Cached()}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return nil, err
	}
	if occupants, err = cache.New(user.Config, cache.Options{ByObject: csr.Occupants()}); err != nil {
		return nil, err
	}
	if err := mgr.Add(occupants); err != nil {
		return nil, err
	}
	return mgr, csr.New(csr.Options{
		Client: mgr.GetClient(), Cluster: occupants, NodeCIDRs: []netip.Prefix{nodeCIDR}, Events: mgr.GetEventRecorder("test"), Clock: clock.RealClock{}, SkipNameValidation: true,
	}).SetupWithManager(mgr)
}
