package integration

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// notOurs is a service under a name such as the operator of another cluster
// derives: that of a UID which no object here has.
func notOurs(w *world, name string, port int64) exosim.Service {
	return exosim.Service{
		Name: name, Port: port, TargetPort: 30000 + port, Protocol: "tcp", Strategy: "round-robin", State: "running",
		InstancePool: exosim.PoolRef{ID: w.pool.ID},
		HealthCheck:  exosim.HealthCheck{Mode: "tcp", Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 1},
	}
}

// guestsMayCome is a world whose operator also watches a second namespace.
func guestsMayCome(t *testing.T, edit func(*app.Options)) (w *world, other string) {
	t.Helper()
	w = newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) {
		o.WatchNamespaces = append(o.WatchNamespaces, other)
		if edit != nil {
			edit(o)
		}
	}})
	other = w.namespace(map[string]string{"tenant": "other"})
	w.start()
	return w, other
}

// guest makes an NLBService in another namespace than its NetworkLoadBalancer's.
func (w *world) guest(namespace, loadBalancer string, port int32) *v1alpha1.NLBService {
	w.t.Helper()
	home := w.ns
	w.ns = namespace
	defer func() { w.ns = home }()
	return w.nlbService("guest", loadBalancer, port, func(spec *v1alpha1.NLBServiceSpec) { spec.LoadBalancerRef.Namespace = home })
}

func TestAnExternalNLBDoesNotBecomeTheOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Description: "theirs"})
	made := w.onlyNLB()
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.Name = v1alpha1.External, "terraform"
	})
	w.ready(lb)
	flip := func(object *v1alpha1.NetworkLoadBalancer, policy v1alpha1.ManagementPolicy) error {
		before := object.DeepCopy()
		object.Spec.ManagementPolicy = policy
		return w.client.Patch(context.Background(), object, client.MergeFrom(before))
	}
	w.g.Expect(flip(lb, v1alpha1.Managed)).To(MatchError(ContainSubstring("managementPolicy can't be changed")))
	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.onlyNLB()).To(Equal(made))
	w.g.Expect(w.writes()).To(BeEmpty())

	own := w.loadBalancer("own", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "mine" })
	w.ready(own)
	w.g.Expect(flip(own, v1alpha1.External)).To(MatchError(ContainSubstring("managementPolicy can't be changed")))
}

// Another cluster's operator gives its services such names, too. It takes an
// operator that knows the objects of all namespaces to take them for orphans.
func TestServicesThatOnlyLookLikeOursAreForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true, Operator: func(o *app.Options) { o.ClusterID = "cluster-one" }})
	const theirs = "11111111-2222-4333-8444-555555555555-443"

	t.Log("on an External NLB")
	external := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Services: []exosim.Service{notOurs(w, theirs, 443)}})
	ext := w.loadBalancer("ext", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.ID = v1alpha1.External, external.ID
	})
	taken := w.nlbService("taken", "ext", 443, nil)
	w.ready(ext)
	w.becomes(taken, v1alpha1.ConditionReady, "False/PortConflict")
	w.remove(ext)
	w.gone(ext)
	w.remove(taken)
	w.gone(taken)
	web := w.service("web", func(s *corev1.Service) {
		annotated(v1alpha1.AnnotationID, external.ID, v1alpha1.AnnotationExternal, "true")(s)
		s.Spec.Ports = []corev1.ServicePort{{Name: "https", Port: 443}}
	})
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(ContainSubstring("PortConflict"))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→30443"}))
	w.g.Expect(w.writes()).To(BeEmpty())

	t.Log("on an NLB that was adopted")
	adopted := w.sim.PutLoadBalancer("", exosim.LoadBalancer{
		Name:     "shared",
		Labels:   map[string]string{v1alpha1.CloudLabelAdopt: "cluster-one/" + w.ns + "/edge"},
		Services: []exosim.Service{notOurs(w, theirs, 443), notOurs(w, "made for ticket 3fa85f64-5717-4562-b3fc-2c963f66afa6", 444)},
	})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ID, spec.DeletionPolicy = adopted.ID, v1alpha1.DeletionDelete
	})
	taken = w.nlbService("taken", "edge", 443, nil)
	w.ready(lb)
	w.g.Expect(lb.Status.ForeignServices).To(BeEquivalentTo(2))
	w.becomes(taken, v1alpha1.ConditionReady, "False/PortConflict")
	w.remove(taken)
	w.gone(taken)
	w.remove(lb)
	w.becomes(lb, v1alpha1.ConditionReady, "False/ForeignServices")
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→30443", "443/tcp→30443", "444/tcp→30444"}))
	w.g.Expect(w.writes()).To(HaveEach("update-load-balancer"), "the labels of the one that was adopted")
	w.sim.MutateLoadBalancer(adopted.ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.gone(lb)
	w.g.Expect(w.onlyNLB().ID).To(Equal(external.ID))
}

func TestAGuestThatIsNotAdmittedAnyMoreGoesWithTheNLB(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
	})
	guest := w.guest(other, "edge", 80)
	w.ready(lb, guest)
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromSame })
	w.becomes(guest, v1alpha1.ConditionAccepted, "False/NotAllowedNamespace")
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}), "what it has stays")

	w.hold()
	w.remove(lb)
	w.becomes(lb, v1alpha1.ConditionReady, "False/WaitingForServices")
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(ContainSubstring("NLBService " + other + "/guest"))
	w.letEnd()
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
	w.remove(guest)
	w.gone(guest)
}

func TestAnotherIDIsRefusedInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	other := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "other"})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	was := lb.Status.ID
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ID = other.ID })
	w.becomes(lb, v1alpha1.ConditionAccepted, "False/Invalid")
	w.g.Expect(w.message(lb, v1alpha1.ConditionAccepted)).To(And(ContainSubstring(other.ID), ContainSubstring(was)))
	w.g.Expect(lb.Status.ID).To(Equal(was))
	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.onlyNLB().ID).To(Equal(other.ID), "the one that it made goes, and only that")
}

func TestTheServicesOfAnExternalNLBFollowItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	blue := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "blue"})
	green := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "green"})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.Name = v1alpha1.External, "blue"
	})
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	on := func(id string) int {
		lb, _ := w.sim.LoadBalancer(id)
		return len(lb.Services)
	}
	w.g.Expect(on(blue.ID)).To(Equal(1))
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Name = "green" })
	w.g.Eventually(func() [2]int { return [2]int{on(blue.ID), on(green.ID)} }).Should(Equal([2]int{0, 1}))
	w.ready(lb, web)
	w.g.Expect(lb.Status.ID).To(Equal(green.ID))

	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Name = "nobody" })
	w.becomes(lb, v1alpha1.ConditionReady, "False/NotFound")
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(ContainSubstring(`"nobody"`))
	w.g.Expect(on(green.ID)).To(Equal(1), "nothing is cut off for want of another")
}
