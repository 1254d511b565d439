package integration

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// measured is a world whose operator sees all namespaces, and what it measures.
func measured(t *testing.T, edit func(*app.Options)) (*world, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, setup{Own: true, Stopped: true, Operator: func(o *app.Options) {
		o.Metrics = registry
		if edit != nil {
			edit(o)
		}
	}})
	own := w.edit
	w.edit = func(o *app.Options) { o.LeaderElectionNamespace = w.ns; own(o) }
	w.start()
	return w, registry
}

// gauge is the value of a metric that has one series at most; -1 without any.
func gauge(g Gomega, registry *prometheus.Registry, name string) float64 {
	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() == "exoscale_nlb_operator_"+name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

// leaked takes an object's finalizer off, so that its NLB stays without it.
func (w *world) leaked(lb *v1alpha1.NetworkLoadBalancer) {
	w.t.Helper()
	w.stop()
	w.remove(lb)
	change(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Finalizers = nil })
	w.gone(lb)
	w.start()
}

// toldIn are the Events in a namespace for a reason.
func (w *world) toldIn(namespace, reason string) []string {
	var all eventsv1.EventList
	w.g.Expect(w.client.List(w.t.Context(), &all, client.InNamespace(namespace))).To(Succeed())
	var texts []string
	for _, event := range all.Items {
		if event.Reason == reason {
			texts = append(texts, event.Regarding.Kind+" "+event.Regarding.Name+": "+event.Note)
		}
	}
	return texts
}

// listsFrom waits until the NLBs were listed so many times from now on.
func (w *world) listsFrom(times int) {
	w.t.Helper()
	before := w.sim.Calls().Operations[listNLBs]
	w.g.Eventually(func() int { return w.sim.Calls().Operations[listNLBs] - before }).Should(BeNumerically(">", times))
}

// An NLB that bears this cluster's labels, and whose owner is gone, is counted and told
// of, and stays. What was retained, is another cluster's or has no labels is none.
func TestAnOrphanedNLBIsCountedAndToldOfAndStays(t *testing.T) {
	t.Parallel()
	w, _ := measured(t, nil)
	orphan, kept := w.loadBalancer("orphan", nil), w.loadBalancer("kept", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.DeletionPolicy = v1alpha1.DeletionRetain
	})
	used := w.loadBalancer("used", nil)
	w.ready(orphan, kept, used)
	w.remove(kept)
	w.gone(kept)
	labels := w.labelsOf(orphan.Status.ID)
	other := maps.Clone(labels)
	other[v1alpha1.CloudLabelCluster] = "another"
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "another-clusters", Labels: other})
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "nobodys"})

	registry := prometheus.NewRegistry()
	own := w.edit
	w.edit = func(o *app.Options) { own(o); o.Metrics = registry }
	w.leaked(orphan)
	w.sim.ResetCalls()
	w.g.Eventually(func() float64 { return gauge(w.g, registry, "orphaned_load_balancers") }).Should(Equal(1.0))
	w.g.Eventually(func() []string { return w.toldIn(w.ns, "Orphaned") }).Should(HaveExactElements(And(
		HavePrefix("Namespace "+w.ns), ContainSubstring(orphan.Status.ID), ContainSubstring(w.ns+"/orphan"), ContainSubstring("delete "+orphan.Status.ID))))
	w.listsFrom(5)
	w.g.Expect(w.toldIn(w.ns, "Orphaned")).To(HaveLen(1), "it is told once")
	w.g.Expect(gauge(w.g, registry, "orphaned_load_balancers")).To(Equal(1.0))
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.sim.Calls().Operations[getNLB]).To(BeZero(), "it costs no call")

	w.sim.DeleteLoadBalancer(orphan.Status.ID)
	w.g.Eventually(func() float64 { return gauge(w.g, registry, "orphaned_load_balancers") }).Should(BeZero())
}

func (w *world) labelsOf(id string) map[string]string {
	w.t.Helper()
	for _, lb := range w.sim.LoadBalancers("") {
		if lb.ID == id {
			return lb.Labels
		}
	}
	w.t.Fatalf("there is no NLB %s", id)
	return nil
}

// Who sees some namespaces only can't tell who is gone.
func TestWhoSeesNotAllNamespacesFindsNoOrphans(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.Metrics = registry }})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	labels := maps.Clone(w.onlyNLB().Labels)
	labels[v1alpha1.CloudLabelOwner], labels[v1alpha1.CloudLabelOwnerUID] = "elsewhere__web", "x11111111-2222-4333-8444-555555555555"
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "of another namespace", Labels: labels})
	w.listsFrom(6)
	w.g.Expect(gauge(w.g, registry, "orphaned_load_balancers")).To(BeZero())
}

// A list that lacks what the cluster records is another account's, more likely: it
// reports no orphans anew, and clears none.
func TestAListThatIsNotBelievedChangesNothingAboutOrphans(t *testing.T) {
	t.Parallel()
	w, _ := measured(t, nil)
	orphan, used := w.loadBalancer("orphan", nil), w.loadBalancer("used", nil)
	w.ready(orphan, used)
	registry := prometheus.NewRegistry()
	own := w.edit
	w.edit = func(o *app.Options) { own(o); o.Metrics = registry }
	w.leaked(orphan)
	w.g.Eventually(func() float64 { return gauge(w.g, registry, "orphaned_load_balancers") }).Should(Equal(1.0))
	labels := maps.Clone(w.labelsOf(orphan.Status.ID))
	heal := w.sim.Fault(exosim.Fault{Operation: listNLBs, Kind: exosim.FaultLackingObject, Object: used.Status.ID})
	again := w.sim.Fault(exosim.Fault{Operation: getNLB, Kind: exosim.FaultStatus, Status: http.StatusServiceUnavailable})
	w.listsFrom(2)
	w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "late", Labels: labels})
	w.listsFrom(6)
	w.g.Expect(gauge(w.g, registry, "orphaned_load_balancers")).To(Equal(1.0))
	heal()
	again()
	w.g.Eventually(func() float64 { return gauge(w.g, registry, "orphaned_load_balancers") }).Should(Equal(2.0))
}

// Two NLBs of one owner: the object that records one of them tells of the other.
func TestTwoNLBsOfOneOwnerAreFoundAndSaid(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.Metrics = registry }})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	second := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "late", Labels: maps.Clone(w.onlyNLB().Labels)})
	w.sim.ResetCalls()
	w.tells(lb, "Warning Duplicate", lb.Status.ID+" (address "+lb.Status.Address+") is the one that it uses", "delete "+second.ID)
	w.g.Expect(gauge(w.g, registry, "duplicate_load_balancers")).To(Equal(1.0))
	w.listsFrom(5)
	w.ready(lb)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(2))
	w.g.Expect(w.writes()).To(BeEmpty())
	told := 0
	for _, event := range w.events(lb) {
		if strings.HasPrefix(event, corev1.EventTypeWarning+" Duplicate") {
			told++
		}
	}
	w.g.Expect(told).To(Equal(1))
}
