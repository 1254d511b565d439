package upgrade

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// TestUpgrade goes from an earlier operator to the present one, back, and on again.
func TestUpgrade(t *testing.T) {
	if os.Getenv("TEST_UPGRADE") == "" {
		t.Skip("make test-upgrade runs this: it builds an earlier operator")
	}
	earlier, present := earlier(t), present(t)
	c := startCluster(t, earlier, present)
	e := c.before(t)
	c.install(t, earlier)
	c.makes(t, e)
	c.settles(t)
	was := c.state(t)

	steps := []struct {
		name string
		run  func(*testing.T)
	}{
		{"the present operator goes on, and changes nothing in the cloud", func(t *testing.T) {
			c.goesOn(t, present, was)
			c.certifies(t, e.privateNode, private)
		}},
		{"it serves what is new, and what is edited", func(t *testing.T) {
			c.edits(t, e, was)
		}},
		{"the earlier one goes back to all of that, and to no other NLB or service", func(t *testing.T) {
			c.goesBack(t, e, earlier, was)
			c.certifies(t, e.privateNode, private)
		}},
		{"the present one removes it, and nothing of others", func(t *testing.T) {
			c.install(t, present)
			c.removesAll(t, e)
		}},
		{"no operator lacked a right", func(t *testing.T) {
			NewWithT(t).Expect(c.pods.Said(system, operator)).NotTo(ContainSubstring("forbidden"))
		}},
	}
	for _, step := range steps {
		if !t.Run(step.name, step.run) {
			t.Fatalf("What comes after that would tell nothing.\n%s", c.said())
		}
	}
}

// state is what objects and the cloud say at a moment.
type state struct {
	served held
	cloud  map[string]exosim.LoadBalancer
}

func (c *cluster) state(t *testing.T) state {
	t.Helper()
	return state{c.served(NewWithT(t), t), c.holds()}
}

// goesOn holds that another version serves all that was served, and that nothing in
// the cloud had to be written for that.
func (c *cluster) goesOn(t *testing.T, v version, was state) {
	t.Helper()
	g := NewWithT(t)
	c.cloud.ResetCalls()
	c.install(t, v)
	c.settles(t)
	now := c.state(t)
	g.Expect(c.writes()).To(BeEmpty())
	same(t, was.cloud, now.cloud)
	same(t, was.served, now.served.of(was.served))
}

func same[V any](t *testing.T, was, is V) {
	t.Helper()
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("- was + is\n%s", diff)
	}
}

// of are the entries for these objects, and of each what these tell: there may be
// more by now.
func (all held) of(these held) held {
	kept := held{}
	for object, told := range these {
		for _, line := range all[object] {
			name, _, _ := strings.Cut(line, ": ")
			if slices.ContainsFunc(told, func(line string) bool { return strings.HasPrefix(line, name+": ") }) {
				kept[object] = append(kept[object], line)
			}
		}
	}
	return kept
}

// edits has users change some of what is served, each in a way that takes a write,
// and ask for more.
func (c *cluster) edits(t *testing.T, e *everything, was state) {
	t.Helper()
	g := NewWithT(t)
	named, web := loadBalancer("named"), nlbService("web", "edge", 443, "")
	plain, annotated := service(shop, "plain"), service(shop, "annotated")
	change(t, c, named, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Labels = map[string]string{"team": "web"} })
	change(t, c, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30444 })
	change(t, c, plain, ports(port("http", corev1.ProtocolTCP, 80), port("https", corev1.ProtocolTCP, 443)))
	change(t, c, annotated, func(s *corev1.Service) {
		s.Annotations[v1alpha1.AnnotationDescription], s.Annotations[v1alpha1.AnnotationServiceDescription] = "edited", "edited"
	})
	more := everything{
		balancers: []client.Object{loadBalancer("newest"), loadBalancer("retained", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.DeletionPolicy = v1alpha1.DeletionDelete })},
		ports:     []client.Object{nlbService("newest", "newest", 443, e.workers, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30443 })},
		services: []client.Object{
			service(shop, "newer", local), service(shop, "newer-udp", ports(port("dns", corev1.ProtocolUDP, 53))), service(shop, "kept"),
			service(guest, "newer", func(s *corev1.Service) {
				s.Annotations[v1alpha1.AnnotationID], s.Annotations[v1alpha1.AnnotationExternal] = e.terraform, "true"
				ports(port("a", corev1.ProtocolTCP, 85))(s)
			}),
		},
	}
	c.create(t, more.objects()...)
	e.balancers, e.ports, e.services = append(e.balancers, more.balancers...), append(e.ports, more.ports...), append(e.services, more.services...)
	c.ready(t, named, web, plain, annotated)
	c.ready(t, more.objects()...)
	c.settles(t)
	c.keeps(g, was)
	for _, name := range []string{"retained", "kept"} {
		again := loadBalancer(name)
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(again), again)).To(Succeed())
		g.Expect(was.cloud).To(HaveKey(again.Status.ID), "the NLB that was retained")
	}
}

// keeps holds that every NLB that there was is there, with its address and services.
func (c *cluster) keeps(g Gomega, was state) {
	now := c.holds()
	for id, lb := range was.cloud {
		g.Expect(now).To(HaveKey(id), "NLB %s", lb.Name)
		g.Expect(now[id].IP).To(Equal(lb.IP), "NLB %s", lb.Name)
		for _, service := range lb.Services {
			g.Expect(now[id].Services).To(ContainElement(HaveField("ID", service.ID)), "service %q of NLB %s", service.Name, lb.Name)
		}
	}
}

// goesBack holds that a version from which was the state serves all that another
// has made of it: it may write what it wants otherwise, but only in place, and only
// where the other one has written.
func (c *cluster) goesBack(t *testing.T, e *everything, v version, was state) {
	t.Helper()
	g := NewWithT(t)
	before, written := c.state(t), []string{}
	for id, lb := range before.cloud {
		if !cmp.Equal(was.cloud[id], lb) {
			written = append(written, id, lb.IP)
		}
	}
	c.cloud.ResetCalls()
	c.install(t, v)
	c.settles(t)
	c.ready(t, slices.DeleteFunc(e.objects(), func(o client.Object) bool { return o.GetNamespace() == left })...)
	now := c.state(t)
	for _, call := range c.cloud.MutatingCalls() {
		g.Expect(call.Operation).To(BeElementOf("update-load-balancer", "update-load-balancer-service", "reset-load-balancer-service-field"), "%s %s", call.Path, call.Body)
		g.Expect(mentions(call.Path, written)).To(BeTrue(), "%s %s %s", call.Operation, call.Path, call.Body)
	}
	c.keeps(g, before)
	untouched := maps.Clone(was.served)
	maps.DeleteFunc(untouched, func(_ string, lines []string) bool { return mentions(strings.Join(lines, "\n"), written) })
	g.Expect(len(untouched)).To(BeNumerically(">", len(was.served)/3))
	same(t, before.served.of(untouched), now.served.of(untouched))
}

func mentions(text string, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(text, id) })
}

// removesAll holds that all objects can be removed, and that what was made elsewhere
// is left in the cloud, as it was.
func (c *cluster) removesAll(t *testing.T, e *everything) {
	t.Helper()
	c.remove(t, e.objects()...)
	now := c.holds()
	for id, lb := range now {
		if id == e.adopted { // retained
			lb.Labels = e.elsewhere[id].Labels
			now[id] = lb
		}
	}
	same(t, e.elsewhere, now)
}
