package integration

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func testLog(t *testing.T) logr.Logger { return testr.New(t) }

// onlyNLB is the one NLB of the cloud.
func (w *world) onlyNLB() exosim.LoadBalancer {
	w.t.Helper()
	all := w.sim.LoadBalancers("")
	if len(all) != 1 {
		w.t.Fatalf("the cloud holds %d NLBs, not one: %+v", len(all), all)
	}
	return all[0]
}

// movedClock is the real one, ahead by what the test says.
type movedClock struct{ ahead atomic.Int64 }

// Now implements exosim.Clock.
func (c *movedClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// hold lets no operation end that begins from now on, so that what is there
// meanwhile is seen on any machine.
func (w *world) hold() { w.sim.SetOperationDelay(time.Hour) }

// endHeld ends the operations that were held so far.
func (w *world) endHeld() { w.clock.ahead.Add(int64(time.Hour)) }

// letEnd ends all that was held, and holds no more.
func (w *world) letEnd() {
	w.sim.SetOperationDelay(0)
	w.endHeld()
}

// ports are the services of all NLBs, as "80/tcp→30080", sorted.
func (w *world) ports() []string {
	var ports []string
	for _, lb := range w.sim.LoadBalancers("") {
		for _, service := range lb.Services {
			ports = append(ports, fmt.Sprintf("%d/%s→%d", service.Port, service.Protocol, service.TargetPort))
		}
	}
	sort.Strings(ports)
	return ports
}

// writes are the operation ids of the mutating calls so far, in order.
func (w *world) writes() []string {
	var ids []string
	for _, call := range w.sim.MutatingCalls() {
		ids = append(ids, call.Operation)
	}
	return ids
}

// accepted are the operation ids of the mutating calls that had an effect.
func (w *world) accepted() []string {
	var ids []string
	for _, call := range w.sim.MutatingCalls() {
		if call.Status == http.StatusOK {
			ids = append(ids, call.Operation)
		}
	}
	return ids
}

// conditions of one of our objects.
func conditions(object client.Object) []metav1.Condition {
	switch object := object.(type) {
	case *v1alpha1.NetworkLoadBalancer:
		return object.Status.Conditions
	case *v1alpha1.NLBService:
		return object.Status.Conditions
	default:
		return nil
	}
}

// state is a condition of an object as "Status/Reason", for its latest generation.
func (w *world) state(object client.Object, kind string) string {
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		return err.Error()
	}
	condition := meta.FindStatusCondition(conditions(object), kind)
	if condition == nil {
		return "none"
	}
	if condition.ObservedGeneration != object.GetGeneration() {
		return "outdated"
	}
	return string(condition.Status) + "/" + condition.Reason
}

// message of a condition of an object.
func (w *world) message(object client.Object, kind string) string {
	w.t.Helper()
	if condition := meta.FindStatusCondition(conditions(object), kind); condition != nil {
		return condition.Message
	}
	return ""
}

// ready waits until objects are.
func (w *world) ready(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.becomes(object, v1alpha1.ConditionReady, "True/Ready")
	}
}

// becomes waits until a condition of an object is as given.
func (w *world) becomes(object client.Object, kind, state string) {
	w.t.Helper()
	w.g.Eventually(func() string { return w.state(object, kind) }).Should(Equal(state),
		func() string {
			return fmt.Sprintf("%s of %T %s: %s", kind, object, object.GetName(), w.message(object, kind))
		})
}

// events lists the Events of an object as "Type Reason: note".
func (w *world) events(object client.Object) []string {
	var all eventsv1.EventList
	if err := w.client.List(w.t.Context(), &all, client.InNamespace(object.GetNamespace())); err != nil {
		return []string{err.Error()}
	}
	var texts []string
	for _, event := range all.Items {
		if event.Regarding.UID == object.GetUID() {
			texts = append(texts, event.Type+" "+event.Reason+": "+event.Note)
		}
	}
	return texts
}

// tells waits for an Event of an object that holds all the texts.
func (w *world) tells(object client.Object, texts ...string) {
	w.t.Helper()
	w.g.Eventually(func() []string { return w.events(object) }).Should(ContainElement(Satisfy(func(event string) bool {
		for _, text := range texts {
			if !strings.Contains(event, text) {
				return false
			}
		}
		return true
	})), "Events of %s that hold %q", object.GetName(), texts)
}
