package integration

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// victim is a tenant whose namespace is the world's, with one of everything that
// somebody else could want. Attackers are in another namespace of the same cluster.
type victim struct {
	*world
	attackers string

	// shop is a Service with an NLB of its own.
	shop *corev1.Service
	// edge is an NLB of a chosen name, and front its service of a chosen name on
	// port 443.
	edge  *v1alpha1.NetworkLoadBalancer
	front *v1alpha1.NLBService
	// legacy is a Service that nobody serves, and whose NLB the CCM made.
	legacy    *corev1.Service
	legacyNLB string
	// kept is the NLB that was retained when its object went.
	kept string

	was    []exosim.LoadBalancer
	writes int
}

const (
	edgeName  = "shop-edge"
	frontName = "shop-front"
)

func newVictim(t *testing.T, with setup) *victim {
	t.Helper()
	v := &victim{}
	if !with.Own {
		edit := with.Operator
		with.Operator = func(o *app.Options) {
			o.WatchNamespaces = append(o.WatchNamespaces, v.attackers)
			if edit != nil {
				edit(o)
			}
		}
	}
	with.Stopped = true
	v.world = newWorld(t, with)
	v.attackers = v.namespace(nil)
	v.start()

	v.shop = v.service("shop", func(s *corev1.Service) { s.Spec.Ports[0] = corev1.ServicePort{Name: "https", Port: 443} })
	v.edge = v.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = edgeName })
	v.front = v.nlbService("front", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = frontName })
	kept := v.loadBalancer("kept", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.Name, spec.DeletionPolicy = "shop-kept", v1alpha1.DeletionRetain
	})
	v.legacy = v.service("legacy", classless)
	v.legacyNLB = v.sim.PutLoadBalancer("", exosim.LoadBalancer{
		Name:     "k8s-" + string(v.legacy.UID),
		Services: []exosim.Service{notOurs(v.world, string(v.legacy.UID)+"-80", 80)},
	}).ID
	v.served(v.shop)
	v.ready(v.edge, v.front, kept)
	v.kept = kept.Status.ID
	v.remove(kept)
	v.gone(kept)
	v.settles()
	v.was, v.writes = v.sim.LoadBalancers(""), len(v.world.writes())
	return v
}

// attacker is a world in the attackers' namespace whose failures are those of a
// part of the test.
func (v *victim) attacker(t *testing.T) *world {
	t.Helper()
	w := v.in(t)
	w.ns = v.attackers
	return w
}

// in is the same world in a part of the test.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.t, part.g = t, NewWithT(t)
	part.g.SetDefaultEventuallyTimeout(patience)
	part.g.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	return &part
}

// untouched holds that nothing was written to the cloud so far.
func (v *victim) untouched(t *testing.T) {
	t.Helper()
	w := v.in(t)
	w.g.Expect(w.sim.LoadBalancers("")).To(Equal(v.was))
	w.g.Expect(w.writes()[v.writes:]).To(BeEmpty())
}

// unharmed holds that nothing was written to the cloud, nor is about to be, and
// that the victim has its address.
func (v *victim) unharmed(t *testing.T) {
	t.Helper()
	w := v.in(t)
	w.settles()
	v.untouched(t)
	w.served(v.shop)
	w.g.Expect(v.shop.Status.LoadBalancer.Ingress).To(HaveLen(1))
	w.g.Expect(addressOf(v.shop)).To(Equal(v.nlbNamed("k8s-" + string(v.shop.UID)).IP))
	w.ready(v.edge, v.front)
}

// nlbNamed is the NLB of a name before the attacks.
func (v *victim) nlbNamed(name string) exosim.LoadBalancer {
	for _, lb := range v.was {
		if lb.Name == name {
			return lb
		}
	}
	panic(fmt.Sprintf("there is no NLB %q", name))
}

// obeys holds that the victim's NLBs can still be changed and deleted.
func (v *victim) obeys() {
	v.t.Helper()
	change(v.world, v.shop, annotated(v1alpha1.AnnotationDescription, "mine", v1alpha1.AnnotationStrategy, "source-hash"))
	change(v.world, v.front, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 31443 })
	own := "k8s-" + string(v.shop.UID)
	v.g.Eventually(func(g Gomega) {
		for _, lb := range v.sim.LoadBalancers("") {
			switch lb.Name {
			case own:
				g.Expect(lb.Description).To(Equal("mine"))
				g.Expect(lb.Services[0].Strategy).To(Equal("source-hash"))
			case edgeName:
				g.Expect(lb.Services[0].TargetPort).To(BeEquivalentTo(31443))
			}
		}
	}).Should(Succeed())
	v.remove(v.shop)
	v.remove(v.front)
	v.remove(v.edge)
	v.gone(v.shop)
	v.gone(v.front)
	v.gone(v.edge)
	var left []string
	for _, lb := range v.sim.LoadBalancers("") {
		left = append(left, lb.ID)
	}
	v.g.Expect(left).To(ConsistOf(v.legacyNLB, v.kept))
}
