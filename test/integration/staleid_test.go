package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// A Service restored from a backup brings the id of an NLB that may be gone.
func TestARestoredServiceWhoseNLBIsGoneSaysSoAndCanBeServedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true})
	web := w.service("web", nil)
	w.served(web)
	was := w.onlyNLB()
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())

	web = w.service("web", annotated(v1alpha1.AnnotationID, was.ID))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/NotFound"), ContainSubstring(was.ID), ContainSubstring("remove the annotation")))
	w.tells(web, "Warning NotFound", was.ID)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())

	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationID) })
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(w.onlyNLB().IP))
	w.g.Eventually(func() string {
		w.says(web, v1alpha1.ServiceConditionAccepted)
		return web.Annotations[v1alpha1.AnnotationID]
	}).
		Should(Equal(w.onlyNLB().ID))
}

func TestAnNLBObjectThatIsDeletedByHandIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	was := w.onlyNLB()
	w.g.Eventually(func() string {
		w.says(web, v1alpha1.ServiceConditionAccepted)
		return web.Annotations[v1alpha1.AnnotationID]
	}).
		Should(Equal(was.ID))
	child := &v1alpha1.NetworkLoadBalancer{}
	child.Namespace, child.Name = w.ns, "web"
	w.remove(child)
	w.g.Eventually(func() string {
		w.says(web, v1alpha1.ServiceConditionAccepted)
		return web.Annotations[v1alpha1.AnnotationID]
	}).
		ShouldNot(BeElementOf("", was.ID))
	w.served(web)
	w.g.Expect(web.Annotations[v1alpha1.AnnotationID]).To(Equal(w.onlyNLB().ID))
}
