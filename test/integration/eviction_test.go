package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// evicting is an NLB that the namespaces may attach to which are labelled as a
// guest's is, as long as they are.
func evicting(spec *v1alpha1.NetworkLoadBalancerSpec) {
	spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{
		From: v1alpha1.NamespacesFromSelector, Selector: selector("tenant", "other"), Eviction: v1alpha1.EvictionOnRevoke,
	}
}

// revocations are the ways in which a namespace ceases to be admitted, and back.
var revocations = map[string]struct {
	revoke, admit func(w *world, edge *v1alpha1.NetworkLoadBalancer, other string)
}{
	"its label goes": {
		func(w *world, _ *v1alpha1.NetworkLoadBalancer, other string) { w.labelled(other, "somebody-else") },
		func(w *world, _ *v1alpha1.NetworkLoadBalancer, other string) { w.labelled(other, "other") },
	},
	"the NLB is for its own namespace only": {
		func(w *world, edge *v1alpha1.NetworkLoadBalancer, _ string) {
			change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) {
				lb.Spec.AllowedNamespaces.From, lb.Spec.AllowedNamespaces.Selector = v1alpha1.NamespacesFromSame, nil
			})
		},
		func(w *world, edge *v1alpha1.NetworkLoadBalancer, _ string) {
			change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { evicting(&lb.Spec) })
		},
	},
}

func (w *world) labelled(namespace, tenant string) {
	w.t.Helper()
	object := &corev1.Namespace{}
	object.Name = namespace
	change(w, object, func(n *corev1.Namespace) { n.Labels["tenant"] = tenant })
}

func TestARevokedNamespaceIsEvictedWhereTheOwnerWantsIt(t *testing.T) {
	t.Parallel()
	for name, way := range revocations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, other := guestsMayCome(t, slowly)
			edge, own := w.loadBalancer("edge", evicting), w.nlbService("own", "edge", 79, nil)
			guest, home := w.guest(other, "edge", 80), w.ns
			w.ns = other
			web := w.service("web", sharing(home+"/edge", 81))
			w.ns = home
			w.ready(edge, own, guest)
			w.served(web)

			way.revoke(w, edge, other)
			w.g.Eventually(w.ports).Should(Equal([]string{"79/tcp→30079"}), "only who is admitted stays")
			w.becomes(guest, v1alpha1.ConditionReady, "False/NotAllowedNamespace")
			w.g.Expect(w.message(guest, v1alpha1.ConditionReady)).To(And(ContainSubstring("evicted"), ContainSubstring(home+"/edge"), ContainSubstring("allowedNamespaces")))
			w.g.Expect(guest.Status.ID).To(BeEmpty())
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(And(HavePrefix("False/NotAllowedNamespace"), ContainSubstring("evicted")))
			w.tells(guest, "Warning NotAllowedNamespace", "evicted")
			w.ready(edge, own)
			taker := w.nlbService("taker", "edge", 80, nil)
			w.ready(taker) // the port is free
			w.remove(taker)
			w.gone(taker)
			w.settles()
			writes := w.writes()

			way.admit(w, edge, other)
			w.ready(guest)
			w.served(web)
			w.g.Expect(addressOf(web)).To(Equal(edge.Status.Address))
			w.g.Expect(w.ports()).To(ConsistOf("79/tcp→30079", "80/tcp→30080", HavePrefix("81/tcp→")))
			w.g.Expect(w.writes()[len(writes):]).To(HaveEach("add-service-to-load-balancer"))
			w.remove(guest)
			w.gone(guest)
		})
	}
}

// Its status is all that tells of a service with a name of the user's own.
func TestAnEvictedServiceIsNotForgottenBeforeItIsGone(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	edge := w.loadBalancer("edge", evicting)
	guest := w.guest(other, "edge", 80)
	w.ready(edge, guest)
	change(w, guest, func(s *v1alpha1.NLBService) { s.Spec.Name = "by-hand" })
	w.ready(guest)
	id := guest.Status.ID
	w.hold() // the removal takes its time
	w.labelled(other, "somebody-else")
	w.becomes(guest, v1alpha1.ConditionReady, "False/Deleting")
	w.g.Expect(guest.Status.ID).To(Equal(id))
	w.restart()
	w.letEnd()
	w.becomes(guest, v1alpha1.ConditionReady, "False/NotAllowedNamespace")
	w.g.Expect(w.ports()).To(BeEmpty())
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(guest), guest)).To(Succeed())
	w.g.Expect(guest.Status.ID).To(BeEmpty())
}
