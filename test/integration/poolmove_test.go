package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/release"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	clocks "github.com/exoscale-community/nlb-operator/test/world"
)

// uncordons the Nodes of a pool.
func (w *world) uncordons(pool exosim.InstancePool) {
	w.t.Helper()
	for _, instance := range w.sim.Members(pool.ID) {
		change(w, w.node(w.nodeName(instance)), func(n *corev1.Node) { n.Spec.Unschedulable = false })
	}
}

// sick: no instance of a pool passes a health check; well: all may.
func (w *world) sick(pool exosim.InstancePool) { w.passes(pool, false) }
func (w *world) well(pool exosim.InstancePool) { w.passes(pool, true) }

func (w *world) passes(pool exosim.InstancePool, healthy bool) {
	for _, instance := range w.sim.Members(pool.ID) {
		w.sim.SetHealth(instance.ID, healthy)
	}
}

// podsOn has the ready Pods of a Service run on the Nodes of pools, one on each.
func (w *world) podsOn(service string, pools ...exosim.InstancePool) {
	w.t.Helper()
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: service + "-of-this-test"}}
	var endpoints []discoveryv1.Endpoint
	for _, pool := range pools {
		for _, instance := range w.sim.Members(pool.ID) {
			endpoints = append(endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.1.0.%d", len(endpoints)+1)}, NodeName: ptr.To(w.nodeName(instance)),
				Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			})
		}
	}
	if w.client.Get(w.t.Context(), client.ObjectKeyFromObject(slice), slice) != nil {
		slice.Labels = map[string]string{discoveryv1.LabelServiceName: service}
		slice.OwnerReferences = []metav1.OwnerReference{w.ownedByService(service)}
		slice.AddressType, slice.Endpoints = discoveryv1.AddressTypeIPv4, endpoints
		w.create(slice)
		return
	}
	change(w, slice, func(s *discoveryv1.EndpointSlice) { s.Endpoints = endpoints })
}

func (w *world) ownedByService(name string) metav1.OwnerReference {
	service := &corev1.Service{}
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, service)).To(Succeed())
	return *metav1.NewControllerRef(service, corev1.SchemeGroupVersion.WithKind("Service"))
}

// portOf is the NLBService for a port of a Service.
func (w *world) portOf(service, port string) *v1alpha1.NLBService {
	w.t.Helper()
	object := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: service + "-" + port}}
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
	return object
}

// probing are the probe services on all NLBs.
func (w *world) probing() []exosim.Service {
	var found []exosim.Service
	for _, lb := range w.sim.LoadBalancers("") {
		for _, service := range lb.Services {
			if strings.HasPrefix(service.Name, "probe-") {
				found = append(found, service)
			}
		}
	}
	return found
}

func local(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

func localUDP(s *corev1.Service) {
	local(s)
	s.Spec.Ports[0].Protocol = corev1.ProtocolUDP
}

// Kubernetes stopped taking cordoned Nodes out of load balancers in 1.19.
func TestCordoningForMaintenanceMovesNobodyAwayFromPodsThatServe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		port string
		edit func(*world, *corev1.Service)
	}{
		"the pool of all Nodes":     {"80-tcp", func(_ *world, s *corev1.Service) { local(s) }},
		"the pool of all Nodes,UDP": {"80-udp", func(_ *world, s *corev1.Service) { localUDP(s) }},
		"the pool of a selector": {"80-tcp", func(w *world, s *corev1.Service) {
			local(s)
			annotated(v1alpha1.AnnotationNodeSelector, "world="+w.ns)(s)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			green := w.addPool("green", 2)
			w.cordons(green) // the first choice is one
			web := w.service("web", func(s *corev1.Service) { c.edit(w, s) })
			w.podsOn("web", w.pool)
			w.served(web)
			w.uncordons(green)
			w.verified(green)
			writes := len(w.writes())
			port := w.portOf("web", c.port)

			w.cordons(w.pool)
			w.becomes(port, "HandedOver", "False/WaitingForPods")
			w.g.Consistently(w.targets, 5*syncPeriod, syncPeriod).Should(Equal([]string{w.pool.ID}))
			w.ready(port)
			w.g.Expect(w.message(port, "HandedOver")).To(And(ContainSubstring(green.ID), ContainSubstring("2 ready Pods"), ContainSubstring("uncordon")))
			w.uncordons(w.pool)
			w.becomes(port, "HandedOver", "none")
			w.g.Expect(w.writes()).To(HaveLen(writes), "nobody was probed either")
			w.served(web)
		})
	}
}

func TestNodepoolsHandOverWhenThePodsHaveMovedAndBackAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		port string
		edit func(*corev1.Service)
	}{
		"TCP": {"80-tcp", local},
		"UDP": {"80-udp", localUDP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", c.edit)
			w.podsOn("web", w.pool)
			w.served(web)
			address := addressOf(web)
			green := w.addPool("green", 2)
			w.verified(green)
			port := w.portOf("web", c.port)
			const add, remove = "add-service-to-load-balancer", "delete-load-balancer-service"
			for _, move := range [][2]exosim.InstancePool{{w.pool, green}, {green, w.pool}} {
				from, to := move[0], move[1]
				w.uncordons(to)
				w.cordons(from)
				w.becomes(port, "HandedOver", "False/WaitingForPods")
				w.podsOn("web", from, to)
				w.g.Consistently(w.targets, 3*syncPeriod, syncPeriod).Should(Equal([]string{from.ID}), "some Pods are left")
				w.sim.ResetCalls()
				w.podsOn("web", to)
				w.g.Eventually(w.targets).Should(Equal([]string{to.ID}))
				w.g.Eventually(w.accepted).Should(Equal([]string{add, remove, add, remove}), "probed, moved, cleared up")
				w.tells(web, "Normal InstancePoolChanged", "forwards to instance pool "+to.ID+" instead of "+from.ID, "cordoned", "a probe service found 2 of 2", "away for")
				w.becomes(port, "HandedOver", "none")
				w.ready(port)
			}
			w.served(web)
			w.g.Expect(addressOf(web)).To(Equal(address))
		})
	}
}

func TestTrafficStaysUntilTheNewPoolIsHealthy(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*corev1.Service){
		"TCP": nil,
		"UDP": func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", edit)
			w.served(web)
			serving := w.onlyNLB().Services[0]
			green := w.addPool("green", 2)
			w.sick(green)
			port := w.portOf("web", "80-"+serving.Protocol)

			w.cordons(w.pool)
			w.g.Eventually(w.probing).Should(HaveLen(1))
			probe := w.probing()[0]
			w.g.Expect(probe.InstancePool.ID).To(Equal(green.ID))
			w.g.Expect(probe.HealthCheck).To(Equal(serving.HealthCheck), "the same is asked")
			w.g.Expect(probe.Protocol).To(Equal("tcp"))
			w.g.Expect(probe.Port).To(And(BeNumerically(">=", nlb.FirstProbePort), BeNumerically("<=", nlb.LastProbePort)))
			w.g.Expect(probe.TargetPort).NotTo(Equal(serving.TargetPort), "who finds the port reaches nothing")
			w.becomes(port, "HandedOver", "False/ProbingInstancePool")
			w.g.Eventually(func() string { w.state(port, "HandedOver"); return w.message(port, "HandedOver") }).Should(ContainSubstring("0 of 2 pass"))
			w.ready(port)
			w.served(web)
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionHandedOver) }).Should(
				And(HavePrefix("False/ProbingInstancePool"), ContainSubstring("port 80/"+strings.ToUpper(serving.Protocol)), ContainSubstring(green.ID)))
			w.tells(web, "Normal ProbingInstancePool", green.ID)
			w.g.Expect(w.onlyNLB().Services).To(ContainElement(HaveField("ID", serving.ID)), "not touched")
			w.g.Consistently(func() int { return len(w.probing()) }, 3*syncPeriod, syncPeriod).Should(Equal(1))
			lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "web"}}
			w.ready(lb)
			w.g.Expect(lb.Status.ForeignServices).To(BeZero(), "it is ours")

			change(w, web, annotated(v1alpha1.AnnotationStrategy, "source-hash"))
			w.g.Eventually(func() []exosim.Service { return w.onlyNLB().Services }).Should(
				ContainElement(And(HaveField("ID", serving.ID), HaveField("Strategy", "source-hash"))), "other changes don't wait for the move")
			w.well(green)
			w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
			w.tells(web, "InstancePoolChanged", green.ID, w.pool.ID, "2 of 2")
			w.becomes(port, "HandedOver", "none")
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionHandedOver) }).Should(Equal("none"))
			w.served(web)
		})
	}
}

// pendingMove is a Service whose new pool isn't healthy, with its probe service.
func pendingMove(t *testing.T, with setup) (w *world, web *corev1.Service, green exosim.InstancePool) {
	t.Helper()
	w = newWorld(t, with)
	web = w.service("web", nil)
	w.served(web)
	green = w.addPool("green", 2)
	w.sick(green)
	w.cordons(w.pool)
	w.g.Eventually(w.probing).Should(HaveLen(1))
	return w, web, green
}

func TestAProbeServiceIsAlwaysRemoved(t *testing.T) {
	t.Parallel()
	web80 := func(w *world) *v1alpha1.NLBService { return w.portOf("web", "80-tcp") }
	settled := func(w *world) {
		w.g.Eventually(func() bool { probe := web80(w).Status.Probe; return probe != nil && probe.Operation == nil }).Should(BeTrue())
	}
	for name, after := range map[string]func(w *world, web *corev1.Service){
		"the old pool is in service again": func(w *world, web *corev1.Service) {
			w.uncordons(w.pool)
			w.becomes(web80(w), "HandedOver", "none")
			w.g.Eventually(w.targets).Should(Equal([]string{w.pool.ID}))
			w.served(web)
		},
		"the user names the old pool": func(w *world, web *corev1.Service) {
			change(w, web, annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
			w.g.Eventually(w.targets).Should(Equal([]string{w.pool.ID}))
			w.served(web)
		},
		"the Service is deleted": func(w *world, web *corev1.Service) {
			w.remove(web)
			w.gone(web)
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
		},
		"the Service is deleted, and its NLB stays": func(w *world, web *corev1.Service) {
			change(w, web, annotated(v1alpha1.AnnotationDeletionPolicy, "Retain"))
			w.g.Eventually(func() v1alpha1.DeletionPolicy {
				lb := &v1alpha1.NetworkLoadBalancer{}
				_ = w.client.Get(w.t.Context(), client.ObjectKeyFromObject(web), lb)
				return lb.Spec.DeletionPolicy
			}).Should(Equal(v1alpha1.DeletionRetain))
			w.remove(web)
			w.gone(web)
		},
		"a restart": func(w *world, _ *corev1.Service) {
			w.restart()
			w.uncordons(w.pool)
			w.g.Eventually(w.probing).Should(BeEmpty())
		},
		"a restart that comes too late": func(w *world, web *corev1.Service) {
			w.stop()
			w.remove(web)
			w.start()
			w.gone(web)
		},
		"its record is lost": func(w *world, _ *corev1.Service) {
			w.stop()
			port := web80(w)
			w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKeyFromObject(port), port)).To(Succeed())
			port.Status = v1alpha1.NLBServiceStatus{ObservedGeneration: -1}
			w.g.Expect(w.client.Status().Update(w.t.Context(), port)).To(Succeed())
			w.uncordons(w.pool)
			w.start()
			w.g.Eventually(w.targets).Should(Equal([]string{w.pool.ID}))
		},
		"somebody else has removed it": func(w *world, _ *corev1.Service) {
			lb := w.onlyNLB().ID
			settled(w)
			w.stop()
			w.sim.MutateLoadBalancer(lb, func(lb *exosim.LoadBalancer) {
				lb.Services = slices.DeleteFunc(lb.Services, func(s exosim.Service) bool { return strings.HasPrefix(s.Name, "probe-") })
			})
			w.uncordons(w.pool)
			w.start()
			w.g.Eventually(func() *v1alpha1.ProbeService {
				return web80(w).Status.Probe
			}).Should(BeNil())
		},
		"all is let go of": func(w *world, _ *corev1.Service) {
			settled(w) // what may have been added just now is waited for
			w.stop()
			letting := &lettingGo{world: w, lease: w.namespace(nil)}
			_, err := letting.releases(release.Retain, nil)
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(letting.finalizers()).To(BeEmpty())
			w.g.Expect(w.targets()).To(Equal([]string{w.pool.ID}))
		},
		"all is let go of and deleted": func(w *world, _ *corev1.Service) {
			settled(w) // what may have been added just now is waited for
			w.stop()
			letting := &lettingGo{world: w, lease: w.namespace(nil)}
			_, err := letting.releases(release.DeleteCloud, nil)
			w.g.Expect(err).NotTo(HaveOccurred())
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, web, _ := pendingMove(t, setup{})
			after(w, web)
			w.g.Eventually(w.probing).Should(BeEmpty())
		})
	}
}

func TestALostAnswerAddsNoSecondProbeService(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]exosim.Fault{
		"after":  {Kind: exosim.FaultResetAfter},
		"before": {Kind: exosim.FaultResetBefore},
		"fails":  {Kind: exosim.FaultOperationFailure, Reason: "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: func(o *app.Options) { o.Clock = clocks.Hurried(60) }})
			web := w.service("web", nil)
			w.served(web)
			green := w.addPool("green", 2)
			w.sick(green)
			w.verified(green)
			fault.Operation, fault.Count = "add-service-to-load-balancer", 1
			w.sim.Fault(fault)
			w.cordons(w.pool)
			w.g.Eventually(w.probing).Should(HaveLen(1))
			w.g.Consistently(func() int { return len(w.probing()) }, 3*syncPeriod, syncPeriod).Should(BeNumerically("<=", 1))
			w.ready(w.portOf("web", "80-tcp"))
			w.well(green)
			w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
		})
	}
}

// fills an NLB with services of others.
func (w *world) fills(lb exosim.LoadBalancer) {
	w.sim.MutateLoadBalancer(lb.ID, func(lb *exosim.LoadBalancer) {
		for i := range nlb.MaxServices - len(lb.Services) {
			other := lb.Services[0]
			other.ID, other.Name, other.Description, other.Port = fmt.Sprintf("6ba7b810-9dad-11d1-80b4-00c04fd430c%d", i), fmt.Sprintf("theirs-%d", i), "", int64(9000+i)
			lb.Services = append(lb.Services, other)
		}
	})
}

// Where there is no place for a probe service, the Nodes have to do.
func TestAFullNLBHandsOverWithoutAProbeService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	w.fills(w.onlyNLB())
	green := w.addPool("green", 2)
	w.verified(green)
	w.cordons(w.pool)
	w.tells(web, "InstancePoolChanged", green.ID, "no place for a probe service", "2 Nodes of the new pool are ready")
	w.g.Expect(w.accepted()).To(HaveLen(4), "an NLB, a service, and its move")
}

// A pool that is never healthy doesn't keep the place, and the port, for ever.
func TestAProbeServiceHasItsTurnAndMakesRoom(t *testing.T) {
	t.Parallel()
	w, web, green := pendingMove(t, setup{Operator: func(o *app.Options) { o.Clock = clocks.Hurried(60) }})
	port := w.portOf("web", "80-tcp")
	w.tells(web, "Warning NoHealthyBackends", green.ID)
	w.g.Eventually(w.probing).Should(BeEmpty())
	w.ready(port)
	w.g.Eventually(w.probing).Should(HaveLen(1), "and comes back")
	w.well(green)
	w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
}

// A pool that a probe service found unhealthy gets no traffic because the NLB has become
// full meanwhile, nor because the operator has forgotten.
func TestAFullNLBHandsNothingOverToAPoolThatWasFoundUnhealthy(t *testing.T) {
	t.Parallel()
	w, web, green := pendingMove(t, setup{Operator: func(o *app.Options) { o.Clock = clocks.Hurried(60) }})
	w.tells(web, "Warning NoHealthyBackends", green.ID)
	w.fills(w.onlyNLB())
	w.g.Eventually(w.probing).Should(BeEmpty())
	port := w.portOf("web", "80-tcp")
	w.g.Eventually(func() string { w.state(port, "HandedOver"); return w.message(port, "HandedOver") }).Should(ContainSubstring("once the NLB has a place"))
	w.restart()
	w.g.Consistently(w.targets, 5*syncPeriod, syncPeriod).Should(ContainElement(w.pool.ID))
	w.becomes(port, "HandedOver", "False/NoHealthyBackends")
}

// What refuses the probe service might refuse the service in the new pool, too.
func TestTrafficStaysIfTheProbeServiceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	green := w.addPool("green", 2)
	w.verified(green)
	end := w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 402})
	w.cordons(w.pool)
	port := w.portOf("web", "80-tcp")
	w.becomes(port, "HandedOver", "False/CloudError")
	w.g.Consistently(w.targets, 5*syncPeriod, syncPeriod).Should(Equal([]string{w.pool.ID}))
	w.ready(port)
	end()
	w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
}

// The ports of a Service move together: one that has moved takes the others along,
// though the old pool is in service again, and none goes to and fro.
func TestPortsFinishAMoveThatOneHasMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", twoPorts)
	w.served(web)
	green := w.addPool("green", 2)
	w.verified(green)
	// The first service is taken away to be moved, the second isn't.
	end := w.sim.Fault(exosim.Fault{Operation: "delete-load-balancer-service", Kind: exosim.FaultStatus, Status: 503, Nth: 2, Count: 1000})
	w.cordons(w.pool)
	served := func() []string {
		var pools []string
		for _, lb := range w.sim.LoadBalancers("") {
			for _, service := range lb.Services {
				if !strings.HasPrefix(service.Name, "probe-") {
					pools = append(pools, service.InstancePool.ID)
				}
			}
		}
		return pools
	}
	w.g.Eventually(served).Should(ConsistOf(green.ID, w.pool.ID))
	w.g.Eventually(func() []string { // the operator has seen it, too
		return []string{w.portOf("web", "80-tcp").Status.InstancePoolID, w.portOf("web", "443-tcp").Status.InstancePoolID}
	}).Should(ConsistOf(green.ID, w.pool.ID))
	w.uncordons(w.pool)
	specs := func() []string {
		return []string{w.portOf("web", "80-tcp").Spec.Target.InstancePoolID, w.portOf("web", "443-tcp").Spec.Target.InstancePoolID}
	}
	w.g.Consistently(specs, 5*syncPeriod, syncPeriod/4).Should(HaveEach(green.ID), "both are to go to the same one")
	end()
	w.g.Eventually(w.targets).Should(HaveEach(green.ID))
	w.g.Eventually(w.probing).Should(BeEmpty())
	w.settles()
	w.served(web)
}

// Whoever changes the selector has chosen: Pods in the old pool don't hold it up.
func TestASelectorThatNamesAnotherPoolDoesNotWaitForPodsInTheOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	green := w.addPool("green", 2)
	label := func(pool exosim.InstancePool, role string) {
		for _, instance := range w.sim.Members(pool.ID) {
			change(w, w.node(w.nodeName(instance)), func(n *corev1.Node) { n.Labels["role-"+w.ns] = role })
		}
	}
	label(w.pool, "blue")
	label(green, "green")
	web := w.service("web", func(s *corev1.Service) {
		local(s)
		annotated(v1alpha1.AnnotationNodeSelector, "role-"+w.ns+"=blue")(s)
	})
	w.podsOn("web", w.pool)
	w.served(web)
	change(w, web, annotated(v1alpha1.AnnotationNodeSelector, "role-"+w.ns+"=green"))
	port := w.portOf("web", "80-tcp")
	w.becomes(port, "HandedOver", "False/WaitingForPods")
	w.g.Expect(w.message(port, "HandedOver")).To(And(ContainSubstring("the selector matches no Node of the old pool"), ContainSubstring("no Pod of the Service is ready in the new pool")))
	w.podsOn("web", w.pool, green)
	w.g.Eventually(w.targets).Should(Equal([]string{green.ID}))
	w.tells(web, "InstancePoolChanged", "the selector matches no Node of the old pool")
}

// A move that isn't asked for any more isn't told any more.
func TestThatTrafficIsToMoveIsWithdrawnWithItsNLB(t *testing.T) {
	t.Parallel()
	w, web, _ := pendingMove(t, setup{})
	port := w.portOf("web", "80-tcp")
	w.becomes(port, "HandedOver", "False/ProbingInstancePool")
	w.sim.DeleteLoadBalancer(w.onlyNLB().ID)
	w.g.Eventually(func() string { w.state(port, "HandedOver"); return port.Status.LoadBalancerID }).Should(Equal(""))
	w.becomes(port, "HandedOver", "none")
	w.served(web)
}

// Each port is probed for itself: they don't have the same health check.
func TestEachPortMovesWhenItsOwnHealthCheckPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", func(s *corev1.Service) {
		for i := range int32(4) {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("more-%d", i), Port: 81 + i})
		}
	})
	w.served(web)
	green := w.addPool("green", 1)
	w.cordons(w.pool)
	w.g.Eventually(func() int { return len(w.probing()) }).Should(BeNumerically("<=", 3))
	w.g.Eventually(w.targets).Should(HaveEach(green.ID))
	w.g.Eventually(w.probing).Should(BeEmpty())
	w.g.Expect(w.targets()).To(HaveLen(5))
	w.served(web)
}
