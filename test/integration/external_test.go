package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestAnNLBThatAServiceOnlyAttachedToIsNotTakenByItsAnnotations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Description: "theirs"})
	web := w.service("web", annotated(v1alpha1.AnnotationID, made.ID, v1alpha1.AnnotationExternal, "true"))
	w.served(web)
	attached := w.onlyNLB()
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationExternal) })
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Invalid"), ContainSubstring(made.ID), ContainSubstring("only attaches")))
	w.tells(web, "Warning Invalid", "only attaches")
	w.settles()
	w.g.Expect(w.onlyNLB()).To(Equal(attached))
	w.g.Expect(addressOf(web)).To(Equal(made.IP))

	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB()).To(Equal(made), "what was there before is there again")
}

func TestAnNLBOfItsOwnIsNotExchangedForAnExternalOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	own := w.onlyNLB()
	theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	for _, annotations := range [][]string{
		{v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationName, theirs.Name},
		{v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, theirs.ID},
	} {
		change(w, web, func(s *corev1.Service) {
			s.Annotations = nil
			annotated(annotations...)(s)
		})
		w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
			HavePrefix("False/Invalid"), ContainSubstring(own.ID), ContainSubstring("NLB of its own")))
		w.settles()
		w.g.Expect(w.sim.LoadBalancers("")).To(ConsistOf(own, theirs))
		w.g.Expect(addressOf(web)).To(Equal(own.IP))
	}
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB()).To(Equal(theirs), "its own NLB isn't leaked")
}
