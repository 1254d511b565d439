package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Objects of the names that a Service's would have, made by somebody else.
func TestAServiceGoesOnOnceItsNamesAreFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("web", nil)
	port := w.nlbService("shop-80-tcp", "web", 2080, nil)
	w.ready(lb, port)
	web, shop := w.service("web", nil), w.service("shop", twoPorts)
	for _, service := range []*corev1.Service{web, shop} {
		w.g.Eventually(func() string { return w.says(service, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/InUseByOther"))
		w.tells(service, "Warning InUseByOther", "doesn't belong to this Service")
	}
	w.remove(port)
	w.served(shop)
	w.remove(lb)
	w.served(web)
	w.g.Expect(w.says(web, v1alpha1.ServiceConditionAccepted)).To(HavePrefix("True/"))
}

// A quota stands for all that the API server may refuse: admission webhooks, too.
func TestWhatTheAPIServerRefusesIsSaidAndStopsNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	kind := corev1.ResourceName("count/nlbservices.nlb.exoscale.com")
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "few-ports"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{kind: resource.MustParse("1")}},
	}
	w.create(quota)
	w.g.Eventually(func() corev1.ResourceList {
		w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(quota), quota)).To(Succeed())
		return quota.Status.Hard
	}).Should(HaveKey(kind))
	web := w.service("web", twoPorts)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Forbidden"), ContainSubstring("exceeded quota: few-ports")))
	w.tells(web, "Warning Forbidden", "exceeded quota: few-ports")
	w.g.Eventually(w.ports).Should(HaveLen(1))
	w.g.Eventually(func() string { w.says(web, v1alpha1.ServiceConditionProgrammed); return addressOf(web) }).Should(Equal(w.onlyNLB().IP))

	w.remove(quota)
	change(w, web, annotated("look", "again")) // sooner than by itself
	w.served(web)
	w.g.Expect(w.ports()).To(HaveLen(2))
}
