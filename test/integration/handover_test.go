package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

const ccmFinalizer = "service.kubernetes.io/load-balancer-cleanup"

func classless(s *corev1.Service) { s.Spec.LoadBalancerClass = nil }

// claimsIf has the operator claim classless Services if claimed is true when it
// starts.
func claimsIf(claimed *bool) func(*app.Options) {
	return func(o *app.Options) { o.ClaimClasslessServices = *claimed }
}

func TestAServiceIsHandedOverWithItsNLBAndTakenBack(t *testing.T) {
	t.Parallel()
	claimed := true
	w := newWorld(t, setup{Operator: claimsIf(&claimed)})
	web := w.service("web", func(s *corev1.Service) { twoPorts(s); classless(s) })
	w.served(web)
	was := w.onlyNLB()
	w.g.Eventually(func() string {
		w.says(web, v1alpha1.ServiceConditionProgrammed)
		return web.Annotations[v1alpha1.AnnotationID]
	}).Should(Equal(was.ID))

	claimed = false
	w.restart()
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionUnclaimed) }).
		Should(And(HavePrefix("True/"), ContainSubstring(v1alpha1.AnnotationDeletionPolicy+": Retain")))
	w.sim.ResetCalls()
	change(w, web, func(s *corev1.Service) { // as the CCM does when it takes a Service
		annotated(v1alpha1.AnnotationDeletionPolicy, "Retain")(s)
		controllerutil.AddFinalizer(s, ccmFinalizer)
	})
	w.g.Eventually(func() []string { w.says(web, ""); return web.Finalizers }).Should(Equal([]string{ccmFinalizer}))
	w.g.Expect(w.children()).To(BeEmpty())
	w.g.Expect(w.writes()).To(ConsistOf("update-load-balancer", "reset-load-balancer-service-field", "reset-load-balancer-service-field"), "the labels that tell it from one in use, and the marks")
	left := w.onlyNLB()
	w.g.Expect(left.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))
	for i, service := range was.Services {
		w.g.Expect(left.Services[i]).To(Equal(unmarked(service)), "no connection is lost")
	}
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
	w.g.Expect(web.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationID, was.ID), "the other controller goes on from it")
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionUnclaimed) }).Should(Equal("none"))

	claimed = true
	w.sim.ResetCalls()
	w.restart()
	w.g.Eventually(func() []string { w.says(web, ""); return web.Finalizers }).Should(Equal([]string{v1alpha1.ServiceFinalizer}))
	w.served(web)
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}), "the labels of ownership")
	w.g.Expect(w.onlyNLB().ID).To(Equal(was.ID))
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
}

// Nothing but a Service's controller leaves cloud services behind.
func TestAnNLBServiceOfAnotherNamespaceLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
	})
	guest := w.guest(other, "edge", 80)
	w.ready(edge, guest)
	change(w, guest, func(s *v1alpha1.NLBService) {
		s.Annotations = map[string]string{v1alpha1.AnnotationDeletionPolicy: "Retain"}
	})
	w.remove(guest)
	w.gone(guest)
	w.g.Expect(w.ports()).To(BeEmpty())
}
