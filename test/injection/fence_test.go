package injection

import (
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Who holds the operator's service account may tell API servers whom to believe to be
// the webhook, and change nothing else of it: they can't have other objects sent to it,
// nor have it called elsewhere.
func TestTheOperatorMayChangeNothingButTheBundle(t *testing.T) {
	g := NewWithT(t)
	admin := newUser(t)
	operator, err := client.New(installed(t), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	// As if somebody had given it more rights than it has.
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "too-much"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: system, Name: "exoscale-nlb-operator"}},
	}
	g.Expect(admin.Create(t.Context(), binding)).To(Succeed())
	t.Cleanup(func() { _ = admin.Delete(t.Context(), binding) })
	other := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "of-somebody-else"}}
	g.Expect(admin.Create(t.Context(), other)).To(Succeed())
	g.Eventually(func() error { return operator.Get(t.Context(), client.ObjectKeyFromObject(other), other) }, patience).Should(Succeed())

	own := func(t *testing.T) *admissionregistrationv1.MutatingWebhookConfiguration {
		t.Helper()
		var webhooks admissionregistrationv1.MutatingWebhookConfiguration
		NewWithT(t).Expect(operator.Get(t.Context(), client.ObjectKey{Name: webhookName}, &webhooks)).To(Succeed())
		return &webhooks
	}
	first := func(edit func(*admissionregistrationv1.MutatingWebhook)) func(*admissionregistrationv1.MutatingWebhookConfiguration) {
		return func(webhooks *admissionregistrationv1.MutatingWebhookConfiguration) { edit(&webhooks.Webhooks[0]) }
	}
	certificate, _ := pair(t, 0)
	for name, tc := range map[string]struct {
		edit    func(*admissionregistrationv1.MutatingWebhookConfiguration)
		allowed bool
	}{
		"the bundle of one": {first(func(w *admissionregistrationv1.MutatingWebhook) { w.ClientConfig.CABundle = certificate }), true},
		"the bundle of both": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			w.Webhooks[0].ClientConfig.CABundle, w.Webhooks[1].ClientConfig.CABundle = certificate, certificate
		}, true},
		"no bundle":      {first(func(w *admissionregistrationv1.MutatingWebhook) { w.ClientConfig.CABundle = nil }), true},
		"nothing at all": {func(*admissionregistrationv1.MutatingWebhookConfiguration) {}, true},
		"other objects":  {first(func(w *admissionregistrationv1.MutatingWebhook) { w.Rules[0].Resources = []string{"secrets"} }), false},
		"more operations": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			w.Rules[0].Operations = []admissionregistrationv1.OperationType{"*"}
		}), false},
		"one more rule":   {first(func(w *admissionregistrationv1.MutatingWebhook) { w.Rules = append(w.Rules, w.Rules[0]) }), false},
		"another Service": {first(func(w *admissionregistrationv1.MutatingWebhook) { w.ClientConfig.Service.Name = "another" }), false},
		"another path":    {first(func(w *admissionregistrationv1.MutatingWebhook) { path := "/"; w.ClientConfig.Service.Path = &path }), false},
		"an address": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			url := "https://198.51.100.1/"
			w.ClientConfig.Service, w.ClientConfig.URL = nil, &url
		}), false},
		"all namespaces": {first(func(w *admissionregistrationv1.MutatingWebhook) { w.NamespaceSelector = nil }), false},
		"all Pods":       {first(func(w *admissionregistrationv1.MutatingWebhook) { w.ObjectSelector = nil }), false},
		"failures count": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			fail := admissionregistrationv1.Fail
			w.FailurePolicy = &fail
		}), false},
		"another timeout": {first(func(w *admissionregistrationv1.MutatingWebhook) { *w.TimeoutSeconds = 30 }), false},
		"called again": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			again := admissionregistrationv1.IfNeededReinvocationPolicy
			w.ReinvocationPolicy = &again
		}), false},
		"a condition": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			w.MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "all", Expression: "true"}}
		}), false},
		"another name": {first(func(w *admissionregistrationv1.MutatingWebhook) { w.Name = "another.example.com" }), false},
		"the other way": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			w.Webhooks[0], w.Webhooks[1] = w.Webhooks[1], w.Webhooks[0]
		}, false},
		"one less":      {func(w *admissionregistrationv1.MutatingWebhookConfiguration) { w.Webhooks = w.Webhooks[:1] }, false},
		"none any more": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) { w.Webhooks = nil }, false},
		"one more": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			more := *w.Webhooks[0].DeepCopy()
			more.Name = "more.example.com"
			w.Webhooks = append(w.Webhooks, more)
		}, false},
		"a label": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) { w.Labels["a"] = "b" }, false},
		"an annotation": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			w.Annotations = map[string]string{"cert-manager.io/inject-ca-from": "a/b"}
		}, false},
		"a finalizer": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			w.Finalizers = []string{"example.com/a"}
		}, false},
		"an owner": {func(w *admissionregistrationv1.MutatingWebhookConfiguration) {
			w.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: "default", UID: "1"}}
		}, false},
		"the bundle and more": {first(func(w *admissionregistrationv1.MutatingWebhook) {
			w.ClientConfig.CABundle, w.ObjectSelector = certificate, nil
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			webhooks := own(t)
			tc.edit(webhooks)
			err := operator.Update(t.Context(), webhooks, client.DryRunAll)
			if tc.allowed {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(ContainSubstring("nothing but the caBundle")))
			}
			g.Expect(admin.Update(t.Context(), webhooks, client.DryRunAll)).To(Succeed(), "others may")
		})
	}
	t.Run("another one", func(t *testing.T) {
		g := NewWithT(t)
		refused := MatchError(ContainSubstring("nothing but the caBundle"))
		other.Labels = map[string]string{"a": "b"}
		g.Expect(operator.Update(t.Context(), other, client.DryRunAll)).To(refused)
		g.Expect(operator.Delete(t.Context(), other, client.DryRunAll)).To(refused)
		g.Expect(operator.Delete(t.Context(), own(t), client.DryRunAll)).To(refused)
		made := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "made"}}
		g.Expect(operator.Create(t.Context(), made, client.DryRunAll)).To(refused)
		validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "made"}}
		g.Expect(operator.Create(t.Context(), validating, client.DryRunAll)).To(refused)
	})
}
