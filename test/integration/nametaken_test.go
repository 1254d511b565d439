package integration

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestANameInUseIsToldWhereItWasAskedForAndIsTakenOnceItIsFree(t *testing.T) {
	t.Parallel()
	named := annotated(v1alpha1.AnnotationName, "theirs", v1alpha1.AnnotationDescription, "mine")
	for name, c := range map[string]struct{ service, later bool }{
		"a Service that is made with it":             {service: true},
		"a Service that renames its NLB to it":       {service: true, later: true},
		"a NetworkLoadBalancer that is made with it": {},
		"a NetworkLoadBalancer that renames its NLB": {later: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			lb, _ := w.on(w.ns, "web")
			web := &corev1.Service{}
			edit := func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Name, lb.Spec.Description = "theirs", "mine" }
			var looksAt client.Object
			switch {
			case c.service && c.later:
				web = w.service("web", nil)
				w.served(web)
				w.settles()
				w.sim.ResetCalls()
				change(w, web, named)
			case c.service:
				web = w.service("web", named)
			case c.later:
				lb = w.loadBalancer("web", nil)
				w.ready(lb, w.nlbService("web-80-tcp", "web", 80, nil))
				w.sim.ResetCalls()
				change(w, lb, edit)
			default:
				lb = w.loadBalancer("web", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name, spec.Description = "theirs", "mine" })
			}
			t.Log("It is told there, with the way out, and decided without asking.")
			w.becomes(lb, v1alpha1.ConditionStalled, "True/InUseByOther")
			if looksAt = lb; c.service {
				looksAt = web
				w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(And(
					HavePrefix("False/InUseByOther"), ContainSubstring(theirs.ID)))
				w.inAnnotations(web)
			}
			w.tells(looksAt, "Warning InUseByOther", `"theirs"`, theirs.ID, "another name")
			if c.later {
				w.g.Eventually(func() []string {
					var all []string
					for _, lb := range w.sim.LoadBalancers("") {
						all = append(all, lb.Description)
					}
					return all
				}).Should(ConsistOf("", "mine"), "what isn't refused is done")
				w.g.Expect(w.ports()).To(HaveLen(1))
			}
			w.settles()
			w.g.Expect(len(w.writes())).To(BeNumerically("<=", 1), "%v", w.writes())
			for _, call := range w.sim.MutatingCalls() {
				w.g.Expect(call.Status).To(Equal(200), "%+v", call)
			}

			t.Log("Once the name is free it is taken.")
			w.sim.DeleteLoadBalancer(theirs.ID)
			w.ready(lb)
			w.g.Expect(w.onlyNLB().Name).To(Equal("theirs"))
			if c.service {
				w.served(web)
			}
		})
	}
}

// nameHolder has the name "taken" for a service on an NLB, and gives it up.
type nameHolder struct {
	begins func(w *world, lb string) (ends func())
	says   string
}

var nameHolders = map[string]nameHolder{
	"a foreign service": {func(w *world, lb string) func() {
		theirs := w.their(lb, notOurs(w, "taken", 90))
		return func() {
			w.sim.MutateLoadBalancer(lb, func(lb *exosim.LoadBalancer) {
				lb.Services = slices.DeleteFunc(lb.Services, func(s exosim.Service) bool { return s.Name == theirs.Name && s.Port == theirs.Port })
			})
		}
	}, "(port 90/TCP) has that name"},
	"an NLBService that is deleted": {func(w *world, _ string) func() {
		holder := w.nlbService("holder", "edge", 90, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "taken" })
		w.ready(holder)
		return func() { w.remove(holder) }
	}, "/holder has that name"},
	"an NLBService that is renamed": {func(w *world, _ string) func() {
		holder := w.nlbService("holder", "edge", 90, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "taken" })
		w.ready(holder)
		return func() { change(w, holder, func(s *v1alpha1.NLBService) { s.Spec.Name = "free" }) }
	}, "/holder has that name"},
}

func TestAServiceNameInUseIsToldWhereItWasAskedForAndIsTakenOnceItIsFree(t *testing.T) {
	t.Parallel()
	for who, holder := range nameHolders {
		for name, c := range map[string]struct{ service, later bool }{
			"a Service that is made with it":         {service: true},
			"a Service that renames its service":     {service: true, later: true},
			"an NLBService that is made with it":     {},
			"an NLBService that renames its service": {later: true},
		} {
			t.Run(who+", "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{})
				on := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "shared"})
				w.ready(w.onExternal("edge", on.ID))
				frees := holder.begins(w, on.ID)
				web, object := &corev1.Service{}, &v1alpha1.NLBService{}
				object.Namespace, object.Name = w.ns, "web-80-tcp"
				named := annotated(v1alpha1.AnnotationServiceName, "taken", v1alpha1.AnnotationServiceDescription, "mine")
				attached := byExternalID(on.ID, "")
				edit := func(spec *v1alpha1.NLBServiceSpec) { spec.Name, spec.Description = "taken", "mine" }
				switch {
				case c.service && c.later:
					web = w.service("web", attached)
					w.served(web)
					w.settles()
					w.sim.ResetCalls()
					change(w, web, named)
				case c.service:
					w.sim.ResetCalls()
					web = w.service("web", func(s *corev1.Service) { attached(s); named(s) })
				case c.later:
					object = w.nlbService("web-80-tcp", "edge", 80, nil)
					w.ready(object)
					w.settles()
					w.sim.ResetCalls()
					change(w, object, func(s *v1alpha1.NLBService) { edit(&s.Spec) })
				default:
					w.sim.ResetCalls()
					object = w.nlbService("web-80-tcp", "edge", 80, edit)
				}
				t.Log("It is told there, with the way out, and decided without asking.")
				w.becomes(object, v1alpha1.ConditionStalled, "True/InUseByOther")
				looksAt := client.Object(object)
				wayOut := "another service name (spec.name)"
				if c.service {
					looksAt, wayOut = web, "another name in annotation "+v1alpha1.AnnotationServiceName
					w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(And(
						HavePrefix("False/InUseByOther"), ContainSubstring(holder.says), ContainSubstring(wayOut)))
					w.inAnnotations(web)
				}
				w.tells(looksAt, "Warning InUseByOther", `"taken"`, holder.says, wayOut)
				if c.later {
					w.g.Eventually(func() string { return w.onPort(on.ID, 80).Description }).Should(HavePrefix("mine"), "what isn't refused is done")
				}
				w.settles()
				w.g.Expect(len(w.writes())).To(BeNumerically("<=", 1), "%v", w.writes())
				w.g.Expect(w.accepted()).To(Equal(w.writes()))

				t.Log("Once the name is free it is taken.")
				frees()
				w.ready(object)
				w.g.Expect(w.onPort(on.ID, 80).Name).To(Equal("taken"))
				if c.service {
					w.served(web)
				}
				w.g.Expect(w.accepted()).To(Equal(w.writes()), "nothing was refused")
			})
		}
	}
}

// onPort is the service on a TCP port of an NLB.
func (w *world) onPort(id string, port int64) exosim.Service {
	w.t.Helper()
	lb, _ := w.sim.LoadBalancer(id)
	for _, service := range lb.Services {
		if service.Port == port {
			return service
		}
	}
	return exosim.Service{}
}

// The objects of the former port and of the new one want the same name: the operator
// itself sets that right.
func TestANamedServiceThatChangesItsPortTellsOfNoNameInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationServiceName, "mine"))
	w.served(web)
	w.sim.SetOperationDelay(4 * syncPeriod)
	change(w, web, func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 })
	w.g.Eventually(func() []exosim.Service { return w.onlyNLB().Services }).Should(ConsistOf(And(
		HaveField("Port", int64(81)), HaveField("Name", "mine"))))
	w.served(web)
	w.g.Expect(w.accepted()).To(Equal(w.writes()), "nothing was refused")
	w.g.Expect(w.allEvents(corev1.EventTypeWarning)).To(BeEmpty())
}

// A service that moves to another pool is removed and added again: it isn't kept away
// by its name.
func TestAServiceThatMovesComesBackThoughItsNewNameIsInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	green := w.addPool("green", 1)
	edge, web := w.loadBalancer("edge", nil), w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.Name = "web" })
	w.ready(edge, web)
	ends := nameHolders["a foreign service"].begins(w, edge.Status.ID)
	w.sim.ResetCalls()
	change(w, web, func(s *v1alpha1.NLBService) {
		s.Spec.Name, s.Spec.Target = "taken", v1alpha1.Target{InstancePoolID: green.ID}
	})
	w.becomes(web, v1alpha1.ConditionStalled, "True/InUseByOther")
	w.g.Eventually(func() string { return w.onPort(edge.Status.ID, 80).InstancePool.ID }).Should(Equal(green.ID))
	w.settles()
	w.becomes(web, v1alpha1.ConditionStalled, "True/InUseByOther")
	w.g.Expect(web.Status.ReplacedAt).To(BeNil())
	w.g.Expect(w.writes()).To(Equal([]string{"delete-load-balancer-service", "add-service-to-load-balancer"}))
	w.g.Expect(w.accepted()).To(Equal(w.writes()))
	ends()
	w.ready(web)
	w.g.Expect(w.onPort(edge.Status.ID, 80).Name).To(Equal("taken"))
}
