package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// What a Service says last holds, though it is gone before the operator looks.
func TestTheDeletionPolicyThatAServiceHadLastHolds(t *testing.T) {
	t.Parallel()
	toClusterIP := func(w *world, s *corev1.Service) {
		change(w, s, func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil })
	}
	toNothing := func(w *world, s *corev1.Service) { w.remove(s) }
	for name, c := range map[string]struct {
		before, last string
		leave        func(*world, *corev1.Service)
		stays        bool
	}{
		"Retain, then deleted":           {"Delete", "Retain", toNothing, true},
		"Retain, then no load balancer":  {"Delete", "Retain", toClusterIP, true},
		"Delete after all, then deleted": {"Retain", "Delete", toNothing, false},
		"invalid, then deleted":          {"Retain", "Keep", toNothing, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", annotated(v1alpha1.AnnotationDeletionPolicy, c.before))
			w.served(web)
			was := w.onlyNLB()
			w.stop()
			change(w, web, annotated(v1alpha1.AnnotationDeletionPolicy, c.last))
			c.leave(w, web)
			w.start()
			child := &v1alpha1.NetworkLoadBalancer{}
			child.Namespace, child.Name = w.ns, "web"
			w.gone(child)
			if !c.stays {
				w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
				return
			}
			w.g.Expect(w.onlyNLB().IP).To(Equal(was.IP))
			w.g.Expect(w.onlyNLB().Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))
		})
	}
}
