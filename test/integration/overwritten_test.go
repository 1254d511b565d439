package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// metallb is the field manager of another program that writes into a status.
const metallb = client.FieldOwner("metallb-controller")

// overwrites has metallb write into the status of an object.
func overwrites[T client.Object](w *world, object T, edit func(T)) {
	w.t.Helper()
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
	before := object.DeepCopyObject().(client.Object)
	edit(object)
	w.g.Expect(w.client.Status().Patch(w.t.Context(), object, client.MergeFrom(before), metallb)).To(Succeed())
}

// touches wakes the operator, which doesn't watch the status of its own kinds.
func (w *world) touches(object client.Object, i int) {
	w.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"test/touched":"%d"}}}`, i)
	w.g.Expect(w.client.Patch(w.t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
}

// fought is an object whose status another program writes, too.
type fought struct {
	object client.Object
	path   string // of its status
	// told overwrites what the operator tells there, recorded what it remembers there.
	told, recorded func(i int)
	// right reports whether the former, and the latter, are the operator's.
	right, remembered func() bool
}

// foughtOver are an object of each kind.
func foughtOver(w *world) map[string]fought {
	web := w.service("web", nil)
	lb := w.loadBalancer("edge", nil)
	port := w.nlbService("port", "edge", 444, nil)
	w.served(web)
	w.ready(lb, port)
	w.settles()
	w.state(lb, "")
	w.state(port, "")
	w.says(web, "")
	address, lbIs, portIs, id := addressOf(web), lb.Status.DeepCopy(), port.Status.DeepCopy(), web.Annotations[v1alpha1.AnnotationID]
	ofService := func(told func(s *corev1.Service, i int)) fought {
		return fought{
			web, "/services/web/status",
			func(i int) { overwrites(w, web, func(s *corev1.Service) { told(s, i) }) },
			func(int) { change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationID) }) },
			func() bool { w.says(web, ""); return addressOf(web) == address },
			func() bool { w.says(web, ""); return web.Annotations[v1alpha1.AnnotationID] == id },
		}
	}
	return map[string]fought{
		"Service": ofService(func(s *corev1.Service, i int) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: fmt.Sprintf("10.9.9.%d", i), IPMode: ptr.To(corev1.LoadBalancerIPModeVIP)}}
		}),
		"Service without address": ofService(func(s *corev1.Service, _ int) { s.Status.LoadBalancer.Ingress = nil }),
		"NetworkLoadBalancer": {
			lb, "/networkloadbalancers/edge/status",
			func(i int) {
				overwrites(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.Address = fmt.Sprintf("10.9.9.%d", i) })
			},
			func(int) { overwrites(w, lb, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.ID = "" }) },
			func() bool { w.state(lb, ""); return lb.Status.Address == lbIs.Address },
			func() bool { w.state(lb, ""); return lb.Status.ID == lbIs.ID },
		},
		"NLBService": {
			port, "/nlbservices/port/status",
			func(i int) {
				overwrites(w, port, func(s *v1alpha1.NLBService) {
					s.Status.Health = fmt.Sprintf("%d/40", i)
					meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady).Message = fmt.Sprint("mine ", i)
				})
			},
			func(int) {
				overwrites(w, port, func(s *v1alpha1.NLBService) { s.Status.ID, s.Status.LoadBalancerID = "", "" })
			},
			func() bool {
				w.state(port, "")
				return port.Status.Health == portIs.Health && !strings.HasPrefix(w.message(port, v1alpha1.ConditionReady), "mine")
			},
			func() bool {
				w.state(port, "")
				return port.Status.ID == portIs.ID && port.Status.LoadBalancerID == portIs.LoadBalancerID
			},
		},
	}
}

// What decides is put right at once nevertheless.
func TestRepeatedForeignWritesOfAStatusAreBackedOff(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Service", "Service without address", "NetworkLoadBalancer", "NLBService"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var path atomic.Value
			var wrote atomic.Int32
			path.Store("none")
			still := clocktesting.NewFakeClock(time.Now()) // so that no time passes for the operator
			w := newWorld(t, setup{
				Operator: func(o *app.Options) { o.Clock = still },
				Asked: func(request *http.Request) {
					if request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, path.Load().(string)) {
						wrote.Add(1)
					}
				},
			})
			its := foughtOver(w)[kind]
			path.Store(its.path)

			its.told(1)
			w.touches(its.object, 1)
			w.g.Eventually(its.right).Should(BeTrue(), "the first time it is put right at once")
			if kind != "Service without address" { // managed fields don't record a removal
				w.tells(its.object, "Warning StatusOverwritten", "field manager metallb-controller")
			}

			wrote.Store(0)
			for i := range 30 {
				its.told(i + 2)
				w.touches(its.object, i+2)
			}
			w.g.Consistently(its.right, 3*syncPeriod, syncPeriod).Should(BeFalse(), "it waits")
			w.g.Expect(wrote.Load()).To(BeNumerically("<=", 1), "the operator writes as often as the other program")

			its.recorded(0)
			w.touches(its.object, 40)
			w.g.Eventually(its.remembered).Should(BeTrue(), "what is recorded doesn't wait")

			its.told(41)
			w.touches(its.object, 41)
			still.Step(2 * time.Minute)
			w.g.Eventually(its.right).Should(BeTrue(), "it is put right in the end, though nobody wakes the operator")
			w.g.Expect(w.events(its.object)).NotTo(ContainElement(ContainSubstring("AddressChanged")))
		})
	}
}

func TestTheProgramThatWroteOnlyAConditionIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	w.settles()
	overwrites(w, web, func(s *corev1.Service) {
		meta.SetStatusCondition(&s.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ServiceConditionProgrammed, Status: metav1.ConditionFalse, Reason: "Mine", Message: "mine",
		})
	})
	w.tells(web, "Warning StatusOverwritten", "field manager metallb-controller has written")
	w.served(web)
	w.g.Expect(w.events(web)).To(HaveEach(Not(ContainSubstring(filepath.Base(os.Args[0])))), "the operator doesn't name itself")
}

// A restarted operator remembers nothing; whose the address is shows in the object.
func TestAForeignAddressIsNoFormerOneAfterARestart(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Service", "NetworkLoadBalancer"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			its := foughtOver(w)[kind]
			w.stop()
			its.told(9)
			w.start()
			w.g.Eventually(its.right).Should(BeTrue())
			w.tells(its.object, "Warning StatusOverwritten", "field manager metallb-controller")
			w.settles()
			w.g.Expect(w.events(its.object)).NotTo(ContainElement(ContainSubstring("AddressChanged")))
		})
	}
}
