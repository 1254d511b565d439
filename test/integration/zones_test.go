package integration

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// poolAbroad makes a pool in the other zone, without Nodes.
func (w *world) poolAbroad(name string, size int64) exosim.InstancePool {
	w.t.Helper()
	return w.sim.AddPool(abroad, exosim.InstancePool{Name: name, Size: size, InstancePrefix: w.ns + "-" + name})
}

// Nodes are looked for in each zone that has an NLB, whatever the operator's own.
func TestNodesOfEveryZoneInUseAreVerified(t *testing.T) {
	t.Parallel()
	for name, zone := range map[string]string{"of an operator with a zone": exosim.DefaultZone, "of an operator without one": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Cloud: twoZones(), Nodes: -1, Operator: func(o *app.Options) {
				o.Zone, o.NodePools = zone, []string{"shared"}
				o.NodeInitialization, o.NodeCSRApproval = zone != "", zone != ""
			}})
			pool := w.poolAbroad("shared", 2)
			first, second := w.sim.Members(pool.ID)[0], w.sim.Members(pool.ID)[1]
			w.settles()
			w.g.Expect(w.identities()).To(BeEmpty(), "nobody uses the zone")

			lb := w.loadBalancer("edge", inZoneAbroad)
			w.g.Eventually(w.identities).Should(Equal(map[string]string{first.Name: "Unknown/NotJoined", second.Name: "Unknown/NotJoined"}))
			web := w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))
			front := w.nlbService("front", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: pool.ID} })
			w.refusesPool(front, pool)
			node := w.registers(first.Name, first.ID)
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(first.Name, "True/Verified"))
			w.served(web)
			w.ready(lb, front)
			w.g.Expect(w.identity(first.Name).Spec.Zone).To(Equal(abroad))
			w.g.Eventually(func() []string { return w.backends(front) }).Should(ContainElement(first.Name))
			if zone != "" {
				w.g.Eventually(w.initialised(node.Name)).Should(BeTrue())
				w.g.Expect(w.node(node.Name).Labels).To(HaveKeyWithValue(corev1.LabelTopologyZone, abroad))
				request := w.asks(node.Name)
				w.g.Eventually(func() string { return w.decided(request) }).Should(Equal("Approved"))
			}

			t.Log("the zone stays in use as long as it has a Node")
			w.remove(web)
			w.gone(web)
			w.remove(front)
			w.remove(lb)
			w.gone(lb)
			w.settles()
			w.g.Expect(w.identities()).To(HaveKeyWithValue(first.Name, "True/Verified"))
			w.remove(w.node(node.Name))
			w.g.Eventually(w.identities).Should(BeEmpty())
		})
	}
}

// What was looked for in vain is found once its zone is in use, and the traffic of
// those who ask for it goes there.
func TestANodeIsFoundWhenItsZoneComesIntoUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: twoZones()})
	pool := w.poolAbroad("abroad", 1)
	member := w.sim.Members(pool.ID)[0]
	node := w.addNode(member, "abroad")
	refused := node.Name + "." + member.ID[:8] + ".refused"
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(refused, "False/NotFound"))
	w.loadBalancer("edge", inZoneAbroad)
	web := w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))
	w.served(web)
	w.g.Expect(w.identities()).To(HaveKeyWithValue(member.Name, "True/Verified"))
	w.g.Eventually(w.identities).ShouldNot(HaveKey(refused))
	w.g.Expect(w.sim.LoadBalancers(abroad)[0].Services[0].InstancePool.ID).To(Equal(pool.ID))
}

// A zone whose API fails, hangs or refuses says nothing, and stops no other.
func TestAZoneThatCannotBeReadStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]exosim.Fault{
		"it fails":   {Kind: exosim.FaultStatus, Status: http.StatusServiceUnavailable},
		"it hangs":   {Kind: exosim.FaultLatency, Latency: time.Hour},
		"it refuses": {Kind: exosim.FaultStatus, Status: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Cloud: twoZones(), Stopped: true})
			pool := w.poolAbroad("abroad", 1)
			known, stranger := w.sim.Members(pool.ID)[0], w.sim.Members(w.poolAbroad("other", 1).ID)[0]
			w.start()
			w.addNode(known, "abroad")
			lb := w.loadBalancer("edge", inZoneAbroad)
			w.ready(lb)
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(known.Name, "True/Verified"))
			w.settles()
			w.stop()
			before := w.identity(known.Name)
			fault.Zone, fault.Operation = abroad, "list-instances"
			remove := w.sim.Fault(fault)
			w.start()

			t.Log("of what is there nothing changes, of what may be there nothing is said")
			node := w.addNode(stranger, "abroad")
			fresh := w.addPool("fresh", 1)
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(w.nodeName(w.sim.Members(fresh.ID)[0]), "True/Verified"))
			if fault.Status == http.StatusForbidden {
				w.tells(node, "Warning Forbidden", "list-instances")
			}
			w.settles()
			w.g.Expect(w.identity(known.Name)).To(Equal(before))
			for identity := range w.identities() {
				w.g.Expect(identity).NotTo(ContainSubstring(node.Name))
			}
			web := w.service("web", nil)
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).ShouldNot(Or(Equal("none"), Equal("outdated")))

			t.Log("until it can be read")
			remove()
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(stranger.Name, "True/Verified"))
			w.g.Expect(w.identity(known.Name).UID).To(Equal(before.UID))
		})
	}
}

// Anybody may name a zone that doesn't exist: that is no zone in use.
func TestAZoneThatDoesNotExistSaysNothingOfNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: twoZones()})
	lb := w.loadBalancer("typo", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Zone = "de-fra-9" })
	w.becomes(lb, v1alpha1.ConditionReady, "False/UnknownZone")
	const elsewhere = "0badc0de-0000-4000-8000-000000000001"
	stranger := w.registers(w.ns+"-stranger", "", func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + elsewhere })
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(stranger.Name+".0badc0de.refused", "False/NotFound"))
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(w.member(0).Name, "True/Verified"))
	w.g.Expect(w.events(w.node(w.member(0).Name))).NotTo(ContainElement(ContainSubstring("de-fra-9")))
}

// What an operator has programmed that trusted every Node of another zone goes on.
func TestAServiceKeepsAPoolOfAnotherZoneThoughItIsRefusedByNow(t *testing.T) {
	t.Parallel()
	var allowed []string
	w := newWorld(t, setup{Cloud: twoZones(), Stopped: true, Operator: func(o *app.Options) { o.AllowedPools = allowed }})
	pool := w.poolAbroad("abroad", 1)
	allowed = []string{pool.ID}
	w.start()
	w.registers(w.ns+"-mallory", "", func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + w.sim.Members(pool.ID)[0].ID })
	lb := w.loadBalancer("edge", inZoneAbroad)
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: pool.ID} })
	inferred := w.service("inferred", annotated(v1alpha1.AnnotationLoadBalancer, "edge", v1alpha1.AnnotationInstancePoolID, pool.ID))
	change(w, inferred, func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 })
	w.ready(lb, web)
	w.served(inferred)
	change(w, inferred, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationInstancePoolID) })
	w.served(inferred)
	w.settles()
	w.sim.ResetCalls()

	allowed = nil
	w.restart()
	w.becomes(web, v1alpha1.ConditionTargetAllowed, "False/NotAllowedInstancePool")
	w.tells(web, "Warning NotAllowedInstancePool", pool.ID, "--allowed-pools")
	w.ready(web)
	w.served(inferred)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	t.Log("removed by hand, it comes back, also if that fails at first")
	w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 503, Count: 3})
	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.g.Eventually(func() int { return len(w.sim.LoadBalancers(abroad)[0].Services) }).Should(Equal(2))
	w.ready(web)
	w.served(inferred)
	w.sim.ResetCalls()
	t.Log("and a member that is a Node of this cluster puts it right")
	member := w.sim.Members(pool.ID)[0]
	mallory := w.node(w.ns + "-mallory")
	w.sim.MutateInstance(member.ID, func(i *exosim.Instance) { i.Name = mallory.Name })
	w.becomes(web, v1alpha1.ConditionTargetAllowed, "none")
	w.g.Expect(w.writes()).To(BeEmpty())
}

// At rest each zone in use costs its lists, whatever is refused or kept there.
func TestCallsAtRestGrowWithTheZonesOnly(t *testing.T) {
	t.Parallel()
	var allowed []string
	w := newWorld(t, setup{Cloud: twoZones(), Stopped: true, Operator: func(o *app.Options) { o.AllowedPools = allowed }})
	nodes, kept, refused := w.poolAbroad("nodes", 3), w.poolAbroad("kept", 1), w.poolAbroad("refused", 1)
	for _, instance := range w.sim.Members(nodes.ID) {
		w.addNode(instance, "nodes")
	}
	allowed = []string{kept.ID}
	w.start()
	w.loadBalancer("edge", inZoneAbroad)
	object := func(name string, port int32, pool exosim.InstancePool) *v1alpha1.NLBService {
		return w.nlbService(name, "edge", port, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: pool.ID} })
	}
	web := object("web", 80, kept)
	w.ready(web, object("own", 81, nodes))
	allowed = nil
	w.restart()
	w.becomes(web, v1alpha1.ConditionTargetAllowed, "False/NotAllowedInstancePool")
	w.refusesPool(object("other", 82, refused), refused)

	_, most := w.idleCalls()
	for zone, calls := range w.sim.Calls().Zones {
		for operation, times := range calls {
			w.g.Expect(operation).To(HavePrefix("list-"))
			w.g.Expect(times).To(BeNumerically("<=", most), "%s in %s", operation, zone)
		}
	}
	w.g.Expect(w.sim.Calls().Zones).To(HaveKey(abroad))
}
