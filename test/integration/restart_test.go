package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func twoPorts(s *corev1.Service) {
	s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443})
}

func TestARestartInTheMiddleResumes(t *testing.T) {
	t.Parallel()
	creating := func(w *world) {
		w.g.Eventually(func() int { return len(w.sim.PendingOperations()) }).Should(Equal(1))
	}
	for name, reached := range map[string]func(w *world){
		"creating": creating,
		"adding": func(w *world) {
			creating(w)
			w.endHeld()
			w.g.Eventually(w.ports).ShouldNot(BeEmpty())
			w.g.Expect(w.sim.PendingOperations()).NotTo(BeEmpty())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.hold()
			web := w.service("web", twoPorts)
			reached(w)
			w.restart()
			w.letEnd()
			w.served(web)
			w.g.Expect(w.onlyNLB().Services).To(HaveLen(2))
			w.g.Expect(w.accepted()).To(HaveLen(3))
			w.tells(web, "Normal Programmed", addressOf(web))
		})
	}
}

func TestARestartWhileDeletingLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", twoPorts)
	w.served(web)
	w.hold()
	w.remove(web)
	w.g.Eventually(func() int { return len(w.sim.PendingOperations()) }).Should(BeNumerically(">", 0))
	w.restart()
	w.letEnd()
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

func TestWhatHappenedWhileTheOperatorWasDownIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	keep, gone := w.service("keep", twoPorts), w.service("gone", nil)
	w.served(keep, gone)
	w.stop()
	w.remove(gone)
	change(w, keep, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] })
	fresh := w.service("fresh", nil)
	w.start()
	w.gone(gone)
	w.served(keep, fresh)
	w.g.Eventually(w.ports).Should(HaveLen(2))
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(2))
}

func TestDeletingServicesLeavesNoNLBBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: exosim.Options{OperationDelay: 100 * time.Millisecond}})
	done := w.service("done", twoPorts)
	w.served(done)
	young := w.service("young", twoPorts)
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers("")) }).Should(Equal(2))
	w.remove(done)
	w.remove(young) // while it is being made
	w.gone(done)
	w.gone(young)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

func TestRetainOfAServiceLeavesTheNLBWithItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationDeletionPolicy, "Retain"))
	w.served(web)
	was := w.onlyNLB()
	w.remove(web)
	w.gone(web)
	left := w.onlyNLB()
	w.g.Expect(left.ID).To(Equal(was.ID))
	w.g.Expect(left.Labels).To(And(
		HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/web")), HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained)))

	again := w.service("web", nil)
	w.served(again)
	w.g.Expect(addressOf(again)).To(Equal(was.IP))
	w.g.Expect(w.onlyNLB().ID).To(Equal(was.ID))
}

func TestARemovedPortLeavesTheNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", twoPorts)
	w.served(web)
	change(w, web, func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[1:] })
	w.g.Eventually(w.ports).Should(HaveLen(1))
	w.g.Expect(w.ports()[0]).To(HavePrefix("443/tcp"))
	change(w, web, func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil })
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers("")) }).Should(BeZero())
	w.g.Eventually(func() []string { w.says(web, ""); return web.Finalizers }).Should(BeEmpty())
	w.g.Expect(web.Status.LoadBalancer.Ingress).To(BeEmpty())
}
