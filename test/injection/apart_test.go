package injection

import (
	"net"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

// Whatever is wrong with the webhook, NLBs are served, and the operator is ready.
func TestTheRestWorksWithoutTheWebhook(t *testing.T) {
	c := newUser(t)
	for name, tc := range map[string]struct {
		as   func(*testing.T) *rest.Config
		edit func(*testing.T, *app.Options)
		said string
	}{
		"there is no such Secret, nor a webhook": {installed, func(_ *testing.T, options *app.Options) { options.WebhookName = "another" }, ""},
		"it has no rights for it":                {withoutRights, nil, ""},
		"the certificate's folder isn't there":   {installed, func(t *testing.T, options *app.Options) { options.WebhookCertDir = t.TempDir() + "/none" }, "no such file"},
		"its port is taken":                      {installed, func(t *testing.T, options *app.Options) { options.WebhookBindAddress = taken(t) }, "address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			o := startAs(t, tc.as(t), func(options *app.Options) {
				options.HealthProbeBindAddress = ports.FreeAddress(t)
				if tc.edit != nil {
					tc.edit(t, options)
				}
			})
			g.Eventually(o.log.String, patience).Should(ContainSubstring(tc.said))
			object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "apart-"}}
			g.Expect(c.Create(t.Context(), object)).To(Succeed())
			g.Eventually(func(g Gomega) {
				g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
				g.Expect(meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
			}, patience).Should(Succeed())
			g.Eventually(func() int { return status(t, "http://"+o.options.HealthProbeBindAddress+"/readyz") }, patience).Should(Equal(http.StatusOK))
			g.Expect(c.Delete(t.Context(), object)).To(Succeed())
			g.Eventually(func() error { return c.Get(t.Context(), client.ObjectKeyFromObject(object), object) }, patience).
				Should(MatchError(ContainSubstring("not found")))
		})
	}
}

// withoutRights is a user that has those of config/default alone.
func withoutRights(t *testing.T) *rest.Config {
	t.Helper()
	user, err := cluster.AddUser("plain")
	if err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "plain"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "exoscale-nlb-operator"},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "plain"}},
	}
	if err := newUser(t).Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	return user.Config
}

func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func status(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// The rights that come with the webhook reach no further than it needs.
func TestRights(t *testing.T) {
	g := NewWithT(t)
	admin := newUser(t)
	credentials := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "exoscale-credentials"}}
	g.Expect(admin.Create(t.Context(), credentials)).To(Succeed())
	other := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	g.Expect(admin.Create(t.Context(), other)).To(Succeed())
	operator, err := client.New(installed(t), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(operator.Get(t.Context(), client.ObjectKey{Namespace: system, Name: webhookName}, &corev1.Secret{})).To(Succeed())
	forbidden := MatchError(ContainSubstring("forbidden"))
	g.Expect(operator.Get(t.Context(), client.ObjectKeyFromObject(credentials), &corev1.Secret{})).To(forbidden)
	g.Expect(operator.List(t.Context(), &corev1.SecretList{}, client.InNamespace(system))).To(forbidden)
	g.Expect(operator.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "new"}})).To(forbidden)
	g.Expect(operator.Get(t.Context(), client.ObjectKeyFromObject(other), other)).To(forbidden)
	g.Expect(operator.Patch(t.Context(), other, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`)))).To(forbidden)
	g.Expect(operator.Create(t.Context(), pod("default", "own"))).To(forbidden)
}
