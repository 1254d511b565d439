package integration

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// allEvents are those of the world as "Kind/name Type Reason ×times: note".
func (w *world) allEvents(of string) []string {
	var list eventsv1.EventList
	if err := w.client.List(w.t.Context(), &list, client.InNamespace(w.ns)); err != nil {
		return []string{err.Error()}
	}
	var texts []string
	for _, event := range list.Items {
		times := int32(1)
		if event.Series != nil {
			times = event.Series.Count
		}
		if of == "" || event.Type == of {
			texts = append(texts, fmt.Sprintf("%s/%s %s %s ×%d: %s", event.Regarding.Kind, event.Regarding.Name, event.Type, event.Reason, times, event.Note))
		}
	}
	return texts
}

func TestForeignWritesOfAStatusAreNamedAndNotFoughtWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]bool{"of a Service": true, "of a NetworkLoadBalancer": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", nil)
			w.served(web)
			w.settles()
			lb := w.loadBalancer("edge", nil)
			w.ready(lb)
			w.settles()
			var object client.Object = lb
			if service {
				object = web
			}
			own := func() string {
				if w.state(lb, ""); !service {
					return lb.Status.Address
				}
				w.says(web, "")
				return addressOf(web)
			}
			is := own()
			for i := range 30 {
				w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
				before := object.DeepCopyObject().(client.Object)
				wrong := fmt.Sprintf("10.9.9.%d", i)
				if service {
					web.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: wrong, IPMode: ptr.To(corev1.LoadBalancerIPModeVIP)}}
				} else {
					lb.Status.Address = wrong
				}
				w.g.Expect(w.client.Status().Patch(t.Context(), object, client.MergeFrom(before), client.FieldOwner("metallb-controller"))).To(Succeed())
			}
			w.g.Eventually(own).Should(Equal(is))
			w.tells(object, "Warning StatusOverwritten", "field manager metallb-controller", is)
			w.settles()
			w.g.Expect(w.events(object)).NotTo(ContainElement(ContainSubstring("AddressChanged")), "it never changed")
			times := int32(0)
			var list eventsv1.EventList
			w.g.Expect(w.client.List(t.Context(), &list, client.InNamespace(w.ns))).To(Succeed())
			for _, event := range list.Items {
				if event.Regarding.UID == object.GetUID() && event.Type == corev1.EventTypeWarning {
					if times++; event.Series != nil {
						times += event.Series.Count - 1
					}
				}
			}
			w.g.Expect(times).To(BeNumerically("<=", 5), "%v", w.events(object))
		})
	}
}

func TestNoEventAsksForWhatTheOperatorDoesItself(t *testing.T) {
	t.Parallel()
	toType := func(w *world, web *corev1.Service, to corev1.ServiceType) {
		change(w, web, func(s *corev1.Service) {
			if s.Spec.Type = to; to == corev1.ServiceTypeLoadBalancer {
				s.Spec.LoadBalancerClass = ptr.To(v1alpha1.LoadBalancerClass)
			} else {
				s.Spec.LoadBalancerClass = nil
			}
		})
	}
	for name, happens := range map[string]func(w *world, web *corev1.Service){
		"a Service is made": func(*world, *corev1.Service) {},
		"its type is toggled": func(w *world, web *corev1.Service) {
			w.hold()
			toType(w, web, corev1.ServiceTypeClusterIP)
			lb, _ := w.on(w.ns, "web")
			w.g.Eventually(func() bool { w.state(lb, ""); return lb.DeletionTimestamp.IsZero() }).Should(BeFalse())
			toType(w, web, corev1.ServiceTypeLoadBalancer)
			w.settles()
			w.letEnd()
		},
		"its NetworkLoadBalancer is deleted by hand": func(w *world, _ *corev1.Service) {
			w.hold()
			lb, _ := w.on(w.ns, "web")
			w.remove(lb)
			w.settles()
			w.letEnd()
		},
		"its NLBService is deleted by hand": func(w *world, _ *corev1.Service) {
			_, port := w.on(w.ns, "web")
			w.remove(port)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", nil)
			w.served(web)
			w.settles()
			happens(w, web)
			w.settles()
			w.served(web)
			for _, warning := range w.allEvents(corev1.EventTypeWarning) {
				w.g.Expect(warning).To(ContainSubstring("Service/web Warning AddressChanged ×1"), "nobody is asked for anything")
			}
		})
	}
}

func TestOneFactIsOneWarningOnTheObjectThatCanAct(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(w *world)
		want    string
	}{
		"a Service names an NLB that isn't its own": {func(w *world) {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.service("web", annotated(v1alpha1.AnnotationID, theirs.ID))
		}, "Service/web Warning InUseByOther ×1"},
		"a Service names an NLB that isn't there": {func(w *world) {
			w.service("web", byExternalName("", "nowhere"))
		}, "Service/web Warning NotFound ×1"},
		"the quota leaves no NLB for a Service": {func(w *world) {
			w.sim.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultStatus, Status: 403, Message: "quota exceeded"})
			w.service("web", nil)
		}, "Service/web Warning QuotaExceeded ×1"},
		"a port of a Service is another's": {func(w *world) {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.their(theirs.ID, notOurs(w, "theirs", 80))
			w.service("web", byExternalID(theirs.ID, ""))
		}, "Service/web Warning PortConflict ×1"},
		"a port of an NLBService is another's": {func(w *world) {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.their(theirs.ID, notOurs(w, "theirs", 80))
			w.onExternal("edge", theirs.ID)
			w.nlbService("web", "edge", 80, nil)
		}, "NLBService/web Warning PortConflict ×1"},
		"a NetworkLoadBalancer names an NLB that isn't its own": {func(w *world) {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = theirs.ID })
			w.nlbService("web", "edge", 80, nil)
		}, "NetworkLoadBalancer/edge Warning InUseByOther ×1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			c.happens(w)
			w.g.Eventually(func() []string { return w.allEvents(corev1.EventTypeWarning) }).Should(ContainElement(HavePrefix(c.want)))
			w.settles()
			w.g.Expect(w.allEvents(corev1.EventTypeWarning)).To(HaveLen(1))
		})
	}
}
