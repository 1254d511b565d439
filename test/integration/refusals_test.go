package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	clocks "github.com/exoscale-community/nlb-operator/test/world"
)

// refusedThing is something that was refused and never took effect.
type refusedThing struct {
	operator func(*app.Options)
	// asks for what is refused, on an NLB that is somebody else's.
	asks func(theirs exosim.LoadBalancer) []string
	// theirs edits that NLB before it is made.
	theirs func(*exosim.LoadBalancer)
	// says what the Service tells: what is wrong, and a way out that its owner has.
	says []string
}

var external, id = v1alpha1.AnnotationExternal, v1alpha1.AnnotationID

func ofAnotherCluster(lb *exosim.LoadBalancer) {
	lb.Labels = map[string]string{
		v1alpha1.CloudLabelCluster: "another", v1alpha1.CloudLabelOwner: "default_edge", v1alpha1.CloudLabelOwnerUID: "u-1",
	}
}

var refusedThings = map[string]refusedThing{
	"a foreign NLB by id": {
		asks: func(theirs exosim.LoadBalancer) []string { return []string{id, theirs.ID} },
		says: []string{"wasn't made by this object", "remove annotation " + id},
	},
	"the NLB of another cluster by id": {
		theirs: ofAnotherCluster,
		asks:   func(theirs exosim.LoadBalancer) []string { return []string{id, theirs.ID} },
		says:   []string{"belongs to NetworkLoadBalancer", "remove annotation " + id},
	},
	"the NLB of another cluster as external by id": {
		theirs: ofAnotherCluster,
		asks:   func(theirs exosim.LoadBalancer) []string { return []string{id, theirs.ID, external, "true"} },
		says:   []string{"belongs to NetworkLoadBalancer", "remove annotation " + external},
	},
	"the NLB of another cluster as external by name": {
		theirs: ofAnotherCluster,
		asks: func(theirs exosim.LoadBalancer) []string {
			return []string{v1alpha1.AnnotationName, theirs.Name, external, "true"}
		},
		says: []string{"belongs to NetworkLoadBalancer", "remove annotation " + external},
	},
	"an external NLB that doesn't exist, by name": {
		asks: func(exosim.LoadBalancer) []string {
			return []string{v1alpha1.AnnotationName, "nowhere", external, "true"}
		},
		says: []string{"no NLB named", "remove annotation " + external},
	},
	"an external NLB in a namespace where none is allowed": {
		operator: func(o *app.Options) { o.ExternalNLBNamespaces = []string{"elsewhere"} },
		asks:     func(theirs exosim.LoadBalancer) []string { return []string{id, theirs.ID, external, "true"} },
		says:     []string{"isn't allowed in namespace", "remove annotation " + external},
	},
}

// What was refused and never took effect leaves nothing behind.
func TestARefusalEndsWithItsCause(t *testing.T) {
	t.Parallel()
	for name, c := range refusedThings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: c.operator})
			lb := exosim.LoadBalancer{Name: "theirs"}
			if c.theirs != nil {
				c.theirs(&lb)
			}
			theirs := w.sim.PutLoadBalancer("", lb)
			asked := c.asks(theirs)
			web := w.service("web", annotated(asked...))
			for _, text := range c.says {
				w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(HavePrefix("False/"), ContainSubstring(text)))
			}
			w.settles()
			w.inAnnotations(web)
			change(w, web, func(s *corev1.Service) {
				for i := 0; i < len(asked); i += 2 {
					delete(s.Annotations, asked[i])
				}
			})
			w.served(web)
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
			w.g.Expect(addressOf(web)).NotTo(Equal(theirs.IP))
			w.g.Expect(w.sim.LoadBalancers("")).To(And(HaveLen(2), ContainElement(theirs)), "an NLB of its own, and the other untouched")
			w.g.Expect(w.children()).To(Equal([]string{"web-80-tcp"}))
			w.remove(web)
			w.gone(web)
			w.g.Expect(w.onlyNLB()).To(Equal(theirs))
		})
	}
}

// What is refused may be exchanged for what isn't.
func TestARefusalIsExchanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to func(theirs, open exosim.LoadBalancer) []string
	}{
		"a foreign NLB for attaching to it": {
			from: func(_, open exosim.LoadBalancer) []string { return []string{id, open.ID, external, "false"} },
			to:   func(_, open exosim.LoadBalancer) []string { return []string{id, open.ID, external, "true"} },
		},
		"an external NLB that is refused for another, by id": {
			from: func(theirs, _ exosim.LoadBalancer) []string { return []string{id, theirs.ID, external, "true"} },
			to:   func(_, open exosim.LoadBalancer) []string { return []string{id, open.ID, external, "true"} },
		},
		"an external NLB that is refused for another, by name": {
			from: func(theirs, _ exosim.LoadBalancer) []string {
				return []string{id, "", v1alpha1.AnnotationName, theirs.Name, external, "true"}
			},
			to: func(_, open exosim.LoadBalancer) []string {
				return []string{id, open.ID, v1alpha1.AnnotationName, "", external, "true"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			lb := exosim.LoadBalancer{Name: "theirs"}
			ofAnotherCluster(&lb)
			theirs, open := w.sim.PutLoadBalancer("", lb), w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "open"})
			web := w.service("web", annotated(c.from(theirs, open)...))
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/InUseByOther"))
			w.inAnnotations(web)
			change(w, web, annotated(c.to(theirs, open)...))
			w.served(web)
			w.g.Expect(addressOf(web)).To(Equal(open.IP))
			w.g.Expect(w.sim.LoadBalancers("")).To(And(HaveLen(2), ContainElement(theirs)))
		})
	}
}

// A refused CR names the way out that its owner has, and taking it helps.
func TestARefusedNetworkLoadBalancerIsMadeAnewWithoutWhatWasRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
	edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = theirs.ID })
	web := w.nlbService("web", "edge", 80, nil)
	w.becomes(edge, v1alpha1.ConditionReady, "False/InUseByOther")
	w.g.Expect(w.message(edge, v1alpha1.ConditionAccepted)).To(And(
		ContainSubstring("create this object anew with managementPolicy External"), ContainSubstring(v1alpha1.CloudLabelAdopt)))
	w.remove(edge)
	w.gone(edge)
	w.ready(w.loadBalancer("edge", nil), web)
	w.g.Expect(w.sim.LoadBalancers("")).To(And(HaveLen(2), ContainElement(theirs)))
}

func TestARefusedShareEndsWithItsCause(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	edge := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "edge"}}
	w.create(edge)
	web := w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, other+"/edge"))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/NotAllowedNamespace"), ContainSubstring("or name another NetworkLoadBalancer in annotation "+v1alpha1.AnnotationLoadBalancer+", or remove it")))
	w.settles()
	w.inAnnotations(web)
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationLoadBalancer) })
	w.served(web)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
	w.g.Expect(w.children()).To(Equal([]string{"web-80-tcp"}))
}

// attachedToWhatAnotherTakes is a Service that is attached to an NLB which another cluster then takes. Where
// the port is a foreign service's, nothing of the Service is on it.
func attachedToWhatAnotherTakes(t *testing.T, served bool) (w *world, web *corev1.Service, theirs exosim.LoadBalancer) {
	t.Helper()
	w = newWorld(t, setup{})
	theirs = w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
	if !served {
		w.their(theirs.ID, notOurs(w, "by-hand", 80))
	}
	web = w.service("web", byExternalID(theirs.ID, ""))
	if served {
		w.served(web)
	} else {
		w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/PortConflict"))
	}
	w.sim.MutateLoadBalancer(theirs.ID, ofAnotherCluster)
	lb, _ := w.on(w.ns, "web")
	w.becomes(lb, v1alpha1.ConditionAccepted, "False/InUseByOther")
	w.g.Expect(lb.Status.ID).To(Equal(theirs.ID))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/InUseByOther"))
	return w, web, theirs
}

// An NLB that became another's binds no Service of which nothing is on it.
func TestAnNLBThatBecameAnothersBindsNoServiceThatHasNothingOnIt(t *testing.T) {
	t.Parallel()
	for name, exchange := range map[string]func(open exosim.LoadBalancer) func(*corev1.Service){
		"another external NLB": func(open exosim.LoadBalancer) func(*corev1.Service) { return byExternalID(open.ID, "") },
		"an NLB of its own": func(exosim.LoadBalancer) func(*corev1.Service) {
			return func(s *corev1.Service) { delete(s.Annotations, id); delete(s.Annotations, external) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, web, theirs := attachedToWhatAnotherTakes(t, false)
			w.inAnnotations(web)
			open := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "open"})
			change(w, web, exchange(open))
			w.served(web)
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
			if name == "another external NLB" {
				w.g.Expect(addressOf(web)).To(Equal(open.IP))
			}
			w.g.Expect(w.servedPorts(theirs.IP)).To(Equal([]int64{80}), "the foreign one")
			w.remove(web)
			w.gone(web)
			w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(2), "nothing of ours is left")
		})
	}
}

// What the Service has on such an NLB goes on, and isn't left behind.
func TestAnNLBThatBecameAnothersKeepsTheServiceThatHasAPortOnIt(t *testing.T) {
	t.Parallel()
	w, web, theirs := attachedToWhatAnotherTakes(t, true)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(ContainSubstring("annotation " + v1alpha1.AnnotationLoadBalancer))
	w.settles()
	w.inAnnotations(web)
	open := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "open"})
	change(w, web, byExternalID(open.ID, ""))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(HavePrefix("False/Invalid"), ContainSubstring(theirs.ID)))
	w.settles()
	w.g.Expect(w.servedPorts(theirs.IP)).To(Equal([]int64{80}))
	w.g.Expect(w.servedPorts(open.IP)).To(BeEmpty())

	t.Log("The way out that was named is one.")
	w.ready(w.loadBalancer("edge", nil))
	change(w, web, func(s *corev1.Service) {
		delete(s.Annotations, id)
		delete(s.Annotations, external)
		annotated(v1alpha1.AnnotationLoadBalancer, "edge")(s)
	})
	w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).ShouldNot(Equal(theirs.IP))
	w.served(web)
	w.g.Eventually(func() []int64 { return w.servedPorts(theirs.IP) }).Should(BeEmpty())
}

// An NLB that was handed over, and that Exoscale doesn't let the operator take, binds no
// object: nothing was begun.
func TestAnAdoptionThatExoscaleRefusesBindsNoObject(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]bool{"a Service": true, "a NetworkLoadBalancer": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "cluster-one" }})
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs", Labels: map[string]string{
				v1alpha1.CloudLabelAdopt: nlb.LabelValue("cluster-one/" + w.ns + "/web"),
			}})
			w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultStatus, Status: 403})
			lb, _ := w.on(w.ns, "web")
			var web *corev1.Service
			if service {
				web = w.service("web", annotated(id, theirs.ID))
			} else {
				lb = w.loadBalancer("web", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = theirs.ID })
				w.nlbService("web-80-tcp", "web", 80, nil)
			}
			w.becomes(lb, v1alpha1.ConditionReady, "False/Forbidden")
			w.settles()
			w.g.Expect(w.ports()).To(BeEmpty(), "it isn't ours yet")
			w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(lb), lb)).To(Succeed())
			w.g.Expect(lb.Status.ID).To(BeEmpty())
			w.g.Expect(lb.Status.Adopted).To(BeFalse())
			if service {
				w.inAnnotations(web)
				change(w, web, func(s *corev1.Service) { delete(s.Annotations, id) })
				w.served(web)
				w.g.Expect(addressOf(web)).NotTo(Equal(theirs.IP))
				w.remove(web)
				w.gone(web)
			} else {
				change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ID = "" })
				w.ready(lb)
				w.g.Expect(lb.Status.Address).NotTo(Equal(theirs.IP))
				w.remove(lb)
				w.gone(lb)
			}
			w.g.Expect(w.onlyNLB()).To(Equal(theirs), "never touched")
		})
	}
}

// The NLB is handed over, and not taken: the object that goes leaves it there.
func TestAnNLBThatWasHandedOverAndNotTakenOutlivesTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "cluster-one" }})
	theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs", Labels: map[string]string{
		v1alpha1.CloudLabelAdopt: nlb.LabelValue("cluster-one/" + w.ns + "/web"),
	}})
	w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultStatus, Status: 403})
	web := w.service("web", annotated(id, theirs.ID))
	lb, _ := w.on(w.ns, "web")
	w.becomes(lb, v1alpha1.ConditionReady, "False/Forbidden")
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.onlyNLB()).To(Equal(theirs))
}

// A lost answer proves nothing: what may be the object's stays recorded.
func TestAnAdoptionWhoseAnswerIsLostStaysRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) {
		o.ClusterID, o.Clock = "cluster-one", clocks.Hurried(20) // what may be there is waited for for two minutes
	}})
	handedOver := func(name, to string) exosim.LoadBalancer {
		return w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: name, Labels: map[string]string{
			v1alpha1.CloudLabelAdopt: nlb.LabelValue("cluster-one/" + w.ns + "/" + to),
		}})
	}
	theirs, again, put := handedOver("theirs", "web"), handedOver("again", "api"), time.Now()
	const lag = 3 * time.Second
	w.g.Eventually(time.Now).Should(BeTemporally(">", put.Add(lag)), "reads from before don't show them at all")
	// The effect is there, and neither the answer nor a read shows it.
	w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultResetAfter, Count: 1})
	reads := w.sim.Fault(exosim.Fault{Operation: "list-load-balancers,get-load-balancer", Kind: exosim.FaultStaleRead, Age: lag})
	web := w.service("web", annotated(id, theirs.ID))
	w.g.Eventually(func() exosim.LoadBalancer { return w.nlbWith(theirs.ID) }).Should(HaveField("Labels", HaveKey(v1alpha1.CloudLabelOwner)))
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, id) })
	w.settles()
	reads()
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(theirs.IP))

	t.Log("Nor is it left behind by an object that goes before reads show what it has taken.")
	api := w.service("api", func(s *corev1.Service) {
		s.Spec.Ports[0].Port = 81
		annotated(id, again.ID)(s)
	})
	w.sim.Fault(exosim.Fault{Operation: "list-load-balancers,get-load-balancer", Kind: exosim.FaultStaleRead, Age: lag})
	w.g.Eventually(func() exosim.LoadBalancer { return w.nlbWith(again.ID) }).Should(HaveField("Labels", HaveKey(v1alpha1.CloudLabelOwner)))
	w.remove(api)
	w.gone(api)
	w.g.Expect(w.onlyNLB().ID).To(Equal(theirs.ID))
}

// nlbWith is the NLB with an id; the zero value if there is none.
func (w *world) nlbWith(id string) exosim.LoadBalancer {
	for _, lb := range w.sim.LoadBalancers("") {
		if lb.ID == id {
			return lb
		}
	}
	return exosim.LoadBalancer{}
}
