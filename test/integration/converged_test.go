package integration

import (
	"maps"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// changing are credentials that a test changes.
type changing struct {
	mu   sync.Mutex
	now  exoscale.Credentials
	told []func()
}

func (c *changing) Credentials() (exoscale.Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, nil
}

func (c *changing) OnChange(call func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, call)
}

func (c *changing) set(to exoscale.Credentials) {
	c.mu.Lock()
	c.now = to
	told := c.told
	c.mu.Unlock()
	for _, call := range told {
		call()
	}
}

// versions are the resource versions of all that the operator writes.
func (w *world) versions() map[string]string {
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&corev1.ServiceList{}, &v1alpha1.NetworkLoadBalancerList{}, &v1alpha1.NLBServiceList{}} {
		w.g.Expect(w.client.List(w.t.Context(), list, client.InNamespace(w.ns))).To(Succeed())
		switch list := list.(type) {
		case *corev1.ServiceList:
			for _, object := range list.Items {
				versions["Service "+object.Name] = object.ResourceVersion
			}
		case *v1alpha1.NetworkLoadBalancerList:
			for _, object := range list.Items {
				versions["NetworkLoadBalancer "+object.Name] = object.ResourceVersion
			}
		case *v1alpha1.NLBServiceList:
			for _, object := range list.Items {
				versions["NLBService "+object.Name] = object.ResourceVersion
			}
		}
	}
	return versions
}

// settles waits until a whole sync period passes without a write: longer on a busy
// machine, where the operator is as slow as whoever looks.
func (w *world) settles() {
	w.t.Helper()
	const enough = 10
	last, since, looks := w.versions(), time.Now(), 0
	w.g.Eventually(func() bool {
		now := w.versions()
		if looks++; !maps.Equal(now, last) {
			last, since, looks = now, time.Now(), 0
		}
		return time.Since(since) > 2*syncPeriod && looks >= enough
	}).Should(BeTrue(), "the operator keeps writing")
}

func TestConvergedNothingIsWrittenAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	external := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Labels = map[string]string{"team": "net"} })
	cr := w.nlbService("cr", "edge", 80, nil)
	services := []*corev1.Service{
		w.service("plain", nil),
		w.service("two-ports", func(s *corev1.Service) {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP})
		}),
		w.service("local", func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal }),
		w.service("external", annotated(v1alpha1.AnnotationID, external.ID, v1alpha1.AnnotationExternal, "true")),
		w.service("annotated", annotated(
			v1alpha1.AnnotationDescription, "d", v1alpha1.AnnotationStrategy, "maglev-hash", v1alpha1.AnnotationHealthCheckMode, "https",
			v1alpha1.AnnotationHealthCheckURI, "/live", v1alpha1.AnnotationHealthCheckInterval, "30s", v1alpha1.AnnotationHealthCheckRetries, "3",
			v1alpha1.AnnotationServiceName, "named", v1alpha1.AnnotationServiceDescription, "described")),
	}
	w.ready(cr)
	w.served(services...)
	for _, service := range services { // the id is written back last
		w.g.Eventually(func() string {
			w.says(service, v1alpha1.ServiceConditionProgrammed)
			return service.Annotations[v1alpha1.AnnotationID]
		}).ShouldNot(BeEmpty())
	}
	w.settles()
	before, writes := w.versions(), len(w.writes())
	reads := w.sim.Calls().Reads
	w.g.Consistently(w.versions, 10*syncPeriod, syncPeriod).Should(Equal(before))
	w.g.Expect(w.writes()).To(HaveLen(writes))
	w.g.Expect(w.sim.Calls().Reads).To(BeNumerically(">", reads), "the cloud was looked at meanwhile")
}
