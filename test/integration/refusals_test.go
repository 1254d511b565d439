package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
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
	w.g.Expect(w.message(edge, v1alpha1.ConditionAccepted)).To(And(ContainSubstring("managementPolicy External"), ContainSubstring(v1alpha1.CloudLabelAdopt)))
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
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationLoadBalancer) })
	w.served(web)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
	w.g.Expect(w.children()).To(Equal([]string{"web-80-tcp"}))
}
