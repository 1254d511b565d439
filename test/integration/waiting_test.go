package integration

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// slowly lets the clock wake nobody as long as a test runs: what comes to pass
// soon was brought about by an event.
func slowly(options *app.Options) { options.SyncPeriod = 10 * time.Minute }

// soon is well below the minute after which a blocked object looks by itself.
const soon = 45 * time.Second

// soonReady waits until objects are, for less long than the clock would take.
func (w *world) soonReady(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.g.Eventually(func() string { return w.state(object, v1alpha1.ConditionReady) }).WithTimeout(soon).Should(Equal("True/Ready"),
			func() string { return object.GetName() + ": " + w.message(object, v1alpha1.ConditionReady) })
	}
}

// aged waits until objects that are made from now on are younger than object: the
// API server notes seconds.
func (w *world) aged(object client.Object) {
	w.t.Helper()
	w.g.Eventually(time.Now).Should(BeTemporally(">", object.GetCreationTimestamp().Add(1100*time.Millisecond)))
}

func TestWhoCanNotHaveAPortKeepsNobodyFromIt(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, nil)
	stranger := w.guest(other, "edge", 80)
	lost := w.nlbService("lost", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolName: "late"} })
	w.aged(lost)
	lb := w.loadBalancer("edge", nil)
	web, api := w.nlbService("web", "edge", 80, nil), w.nlbService("api", "edge", 81, nil)
	w.ready(lb, web, api)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080", "81/tcp→30081"}))
	w.becomes(stranger, v1alpha1.ConditionReady, "False/NotAllowedNamespace")
	w.becomes(lost, v1alpha1.ConditionReady, "False/NotFound")

	w.addPool("late", 1)
	w.becomes(lost, v1alpha1.ConditionReady, "False/PortConflict") // though it is older
	w.ready(api)
}

func TestTheLoserOfAPortIsWokenWhenItIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	heal := w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 400})
	first := w.nlbService("first", "edge", 80, nil)
	w.becomes(first, v1alpha1.ConditionReady, "False/CloudError")
	w.aged(first)
	second := w.nlbService("second", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = 31111 })
	w.becomes(second, v1alpha1.ConditionReady, "False/PortConflict")
	heal()
	w.remove(first) // nothing of it is in the cloud, so nothing changes there
	w.soonReady(second)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→31111"}))
}

func TestALabelOfTheNamespaceAdmitsAtOnce(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, slowly)
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: selector("may", "attach")}
	})
	w.ready(lb)
	guest := w.guest(other, "edge", 80)
	w.becomes(guest, v1alpha1.ConditionReady, "False/NotAllowedNamespace")
	namespace := &corev1.Namespace{}
	namespace.Name = other
	change(w, namespace, func(n *corev1.Namespace) { n.Labels["may"] = "attach" })
	w.soonReady(guest)
}

func TestWhoWaitsForRoomTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly})
	green := w.addPool("green", 1)
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	var ten []*v1alpha1.NLBService
	for i := range int32(10) {
		ten = append(ten, w.nlbService(fmt.Sprintf("s%d", i), "edge", 100+i, nil))
	}
	for _, object := range ten {
		w.ready(object)
	}
	late := w.nlbService("late", "edge", 200, nil)
	w.becomes(late, v1alpha1.ConditionReady, "False/ServiceLimitReached")

	w.sim.SetOperationDelay(300 * time.Millisecond) // so long the place looks free
	for _, object := range ten[:3] {
		change(w, object, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: green.ID} })
		w.soonReady(object)
		w.becomes(late, v1alpha1.ConditionReady, "False/ServiceLimitReached")
		w.g.Expect(w.ports()).NotTo(ContainElement(HavePrefix("200/")))
	}
	w.remove(ten[9])
	w.soonReady(late)
}

func TestManyOnOneNLBDoNotWriteForEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: slowly, Cloud: exosim.Options{OperationDelay: time.Second}})
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	count := w.writesOfNLBServices()
	var ten []client.Object
	for i := range int32(10) {
		ten = append(ten, w.nlbService(fmt.Sprintf("s%d", i), "edge", 100+i, nil))
	}
	for _, object := range ten {
		w.ready(object)
	}
	// About 15 each. When everybody wrote that it would begin, and then that it
	// couldn't, each time that one of the others had ended, it was 23.
	t.Logf("%d writes of 10 NLBServices", count())
	w.g.Expect(count()).To(BeNumerically("<", 190))
}

// writesOfNLBServices counts the writes of the world's NLBServices from now on,
// whoever's.
func (w *world) writesOfNLBServices() func() int64 {
	w.t.Helper()
	watcher, err := client.NewWithWatch(clientConfig(w.cluster), client.Options{})
	w.g.Expect(err).NotTo(HaveOccurred())
	watching, err := watcher.Watch(w.t.Context(), &v1alpha1.NLBServiceList{}, client.InNamespace(w.ns))
	w.g.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(watching.Stop)
	var count atomic.Int64
	go func() {
		for range watching.ResultChan() {
			count.Add(1)
		}
	}()
	return count.Load
}
