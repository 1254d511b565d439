package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestRetainLeavesTheNLBAndTheSameNameClaimsItAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	retain := func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.DeletionPolicy = v1alpha1.DeletionRetain }
	lb := w.loadBalancer("edge", retain)
	w.ready(lb)
	was := w.onlyNLB()
	w.remove(lb)
	w.gone(lb)
	left := w.onlyNLB()
	w.g.Expect(left.ID).To(Equal(was.ID))
	w.g.Expect(left.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/edge")))
	w.g.Expect(left.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))

	other := w.loadBalancer("other", nil)
	w.ready(other)
	w.g.Expect(other.Status.ID).NotTo(Equal(was.ID), "another name has no claim")

	again := w.loadBalancer("edge", retain)
	w.ready(again)
	w.g.Expect(again.Status.ID).To(Equal(was.ID))
	w.g.Expect(again.Status.Address).To(Equal(was.IP))
	w.tells(again, "Normal Adopted", was.ID)
}

func TestExternalIsNeverWrittenButServicesAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Description: "theirs", Services: []exosim.Service{{
		Name: "theirs", Port: 443, TargetPort: 443, Protocol: "tcp", Strategy: "round-robin", InstancePool: exosim.PoolRef{ID: w.pool.ID},
		HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: 443, Interval: 10, Timeout: 5, Retries: 1},
	}}})
	made := w.onlyNLB() // with the health of its backends
	byName := w.loadBalancer("by-name", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.Name = v1alpha1.External, "terraform"
	})
	byID := w.loadBalancer("by-id", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.ID = v1alpha1.External, made.ID
	})
	web := w.nlbService("web", "by-name", 80, nil)
	api := w.nlbService("api", "by-id", 81, nil)
	taken := w.nlbService("taken", "by-id", 443, nil)
	w.ready(byName, byID, web, api)
	w.becomes(taken, v1alpha1.ConditionReady, "False/PortConflict")
	w.g.Expect(w.message(taken, v1alpha1.ConditionReady)).To(And(ContainSubstring("443/TCP"), ContainSubstring(`"theirs"`)))
	w.tells(taken, "Warning PortConflict")
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→443", "80/tcp→30080", "81/tcp→30081"}))

	for _, object := range []*v1alpha1.NLBService{web, api, taken} {
		w.remove(object)
		w.gone(object)
	}
	w.remove(byName)
	w.remove(byID)
	w.gone(byName)
	w.gone(byID)
	left := w.onlyNLB()
	w.g.Expect(left).To(Equal(made))
	w.g.Expect(w.writes()).To(ConsistOf("add-service-to-load-balancer", "add-service-to-load-balancer",
		"delete-load-balancer-service", "delete-load-balancer-service"))
}

func TestAdoptionNeedsConsentInTheCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "cluster-one" }})
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "by-hand", Description: "stays"})
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = made.ID })
	w.becomes(lb, v1alpha1.ConditionReady, "False/InUseByOther")
	consent := nlb.LabelValue("cluster-one/" + w.ns + "/edge")
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(ContainSubstring(v1alpha1.CloudLabelAdopt + "=" + consent))
	w.g.Expect(w.writes()).To(BeEmpty())

	w.sim.MutateLoadBalancer(made.ID, func(lb *exosim.LoadBalancer) {
		lb.Labels = map[string]string{v1alpha1.CloudLabelAdopt: consent}
	})
	w.ready(lb)
	w.g.Expect(lb.Status.Adopted).To(BeTrue())
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}))
	is := w.onlyNLB()
	w.g.Expect(is.Name).To(Equal("by-hand"))
	w.g.Expect(is.Description).To(Equal("stays"))

	w.remove(lb)
	w.gone(lb)
	w.g.Expect(w.onlyNLB().ID).To(Equal(made.ID), "what was adopted is retained by default")
}

func TestAForeignServiceKeepsTheNLBFromBeingDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) {
		lb.Services = append(lb.Services, exosim.Service{
			ID: "5f9d2b1a-7a8e-4f0f-9d4e-2c6c6b1f3a77", Name: "theirs", Port: 443, TargetPort: 443, Protocol: "tcp", Strategy: "round-robin",
			InstancePool: exosim.PoolRef{ID: w.pool.ID}, State: "running",
		})
	})
	w.g.Eventually(func() int32 { w.state(lb, v1alpha1.ConditionReady); return lb.Status.ForeignServices }).Should(BeEquivalentTo(1))
	w.remove(lb)
	w.g.Eventually(func() string { return w.state(lb, v1alpha1.ConditionReady) }).Should(Equal("False/ForeignServices"))
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(And(ContainSubstring("theirs"), ContainSubstring("Retain")))
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

func TestTwoObjectsForOnePort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	first := w.nlbService("first", "edge", 80, nil)
	w.ready(lb, first)
	second := w.nlbService("second", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = 31111 })
	w.becomes(second, v1alpha1.ConditionReady, "False/PortConflict")
	w.g.Expect(w.message(second, v1alpha1.ConditionReady)).To(ContainSubstring(w.ns + "/first"))
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}))
	w.remove(first)
	w.ready(second)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→31111"}))
}

func TestOnlyAdmittedNamespacesAttach(t *testing.T) {
	t.Parallel()
	var other string
	w := newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) { o.WatchNamespaces = append(o.WatchNamespaces, other) }})
	other = w.namespace(map[string]string{"may": "attach"})
	w.start()
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	home := w.ns
	w.ns = other
	guest := w.nlbService("guest", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.LoadBalancerRef.Namespace = home })
	w.becomes(guest, v1alpha1.ConditionAccepted, "False/NotAllowedNamespace")
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: selector("may", "attach")}
	})
	w.ready(guest)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}))

	w.hold()
	w.remove(lb)
	w.becomes(guest, v1alpha1.ConditionReady, "False/Deleting")
	w.endHeld() // the NLB is next
	w.becomes(guest, v1alpha1.ConditionReady, "False/LoadBalancerDeleting")
	w.letEnd()
	w.gone(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
	w.becomes(guest, v1alpha1.ConditionReady, "False/NotFound")
	w.remove(guest)
	w.gone(guest)
}

func TestTheEleventhServiceWaitsForRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	var ten []*v1alpha1.NLBService
	for i := range int32(10) {
		ten = append(ten, w.nlbService("s"+string('a'+i), "edge", 1000+i, nil))
	}
	for _, object := range ten {
		w.ready(object)
	}
	eleventh := w.nlbService("eleventh", "edge", 2000, nil)
	w.becomes(eleventh, v1alpha1.ConditionReady, "False/ServiceLimitReached")
	w.remove(ten[3])
	w.ready(eleventh)
}
