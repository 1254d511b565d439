package integration

import (
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
