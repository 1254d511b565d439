package integration

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestACauseInTheCloudIsNamedAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason, says string
		cause        func(w *world) (heal func())
	}{
		"a revoked key": {"InvalidCredentials", "EXOSCALE_API_KEY", func(w *world) func() {
			key := w.sim.AdminKey()
			w.sim.RevokeKey(key.Key)
			return func() { w.sim.AddKey(key) }
		}},
		"a role without rights": {"Forbidden", "create-load-balancer", func(w *world) func() {
			key := w.sim.AdminKey()
			poor := key
			poor.Operations = []string{"list-zones", "list-load-balancers", "get-load-balancer", "list-instances", "list-instance-pools"}
			w.sim.AddKey(poor)
			return func() {
				w.sim.AddKey(key)
				w.edited() // that a role has changed can't be seen
			}
		}},
		"an exhausted quota": {"QuotaExceeded", "quota", func(w *world) func() {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.sim.SetQuota("", "network-load-balancer", 1)
			return func() {
				w.sim.SetQuota("", "network-load-balancer", -1)
				w.sim.DeleteLoadBalancer(theirs.ID)
			}
		}},
		"an API that is down": {"Retrying", "503", func(w *world) func() {
			return w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultStatus, Status: 503})
		}},
		"an API that hangs up": {"Retrying", "", func(w *world) func() {
			return w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultResetBefore})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Stopped: true})
			heal := c.cause(w)
			w.start()
			lb := w.loadBalancer("edge", nil)
			w.g.Eventually(func() string { return w.state(lb, v1alpha1.ConditionReady) }).Should(HaveSuffix("/" + c.reason))
			w.g.Expect(strings.ToLower(w.message(lb, v1alpha1.ConditionReady))).To(ContainSubstring(strings.ToLower(c.says)))
			web := w.service("web", annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(ContainSubstring("/" + c.reason))
			w.g.Expect(w.accepted()).To(BeEmpty())
			heal()
			w.ready(lb)
			w.served(web)
			w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(2))
		})
	}
}

// edited are the objects that wait, so that they are tried at once.
func (w *world) edited() {
	edge, _ := w.on(w.ns, "edge")
	change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "edited" })
	web := &corev1.Service{}
	web.Namespace, web.Name = w.ns, "web"
	change(w, web, annotated(v1alpha1.AnnotationDescription, "edited"))
}

func TestAnUnknownZoneIsNamedWithThoseThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	lost := w.loadBalancer("lost", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Zone = "mars-1" })
	w.becomes(lost, v1alpha1.ConditionReady, "False/UnknownZone")
	w.g.Expect(w.message(lost, v1alpha1.ConditionReady)).To(And(ContainSubstring("mars-1"), ContainSubstring("ch-gva-2")))
	fine := w.loadBalancer("fine", nil)
	w.ready(fine)
	w.remove(lost)
	w.gone(lost)
}

func TestNoZoneAtAllIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.Zone = "" }})
	lb := w.loadBalancer("edge", nil)
	w.becomes(lb, v1alpha1.ConditionReady, "False/UnknownZone")
	w.g.Expect(w.message(lb, v1alpha1.ConditionReady)).To(And(ContainSubstring("spec.zone"), ContainSubstring("--zone")))
	named := w.loadBalancer("named", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Zone = exosim.DefaultZone })
	w.ready(named)
}

func TestAnOutageOfTheAPIIsNoOutageOfTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	address := addressOf(web)
	key := w.sim.AdminKey()
	w.sim.RevokeKey(key.Key)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(ContainSubstring("/InvalidCredentials"))
	w.g.Expect(addressOf(web)).To(Equal(address), "the address stays")
	w.sim.AddKey(key)
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(address))
}

func TestOneFailingObjectDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.MaxConcurrentReconciles = 1 }})
	w.sim.SetQuota("", "network-load-balancer", 1)
	first := w.service("first", nil)
	w.served(first)
	for _, name := range []string{"bad-a", "bad-b", "bad-c"} {
		bad := w.service(name, nil)
		w.g.Eventually(func() string { return w.says(bad, v1alpha1.ServiceConditionProgrammed) }).Should(ContainSubstring("/QuotaExceeded"))
	}
	change(w, first, annotated(v1alpha1.AnnotationDescription, "still looked after"))
	w.g.Eventually(func() string { return w.onlyNLB().Description }).Should(Equal("still looked after"))
	refused := 0
	for _, id := range w.writes() {
		if id == "create-load-balancer" {
			refused++
		}
	}
	w.g.Expect(refused).To(BeNumerically("<", 30), "what is refused is tried again with growing delays")
}

func TestCredentialsThatChangeAreUsed(t *testing.T) {
	t.Parallel()
	credentials := &changing{}
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.Credentials = credentials }})
	lb := w.loadBalancer("edge", nil)
	w.becomes(lb, v1alpha1.ConditionReady, "False/InvalidCredentials")
	credentials.set(exoscale.Credentials{Key: w.sim.Key, Secret: w.sim.Secret})
	w.ready(lb)
}

func TestALostAnswerMakesNothingTwice(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]exosim.FaultKind{"before the effect": exosim.FaultResetBefore, "after the effect": exosim.FaultResetAfter} {
		for _, operation := range []string{"create-load-balancer", "add-service-to-load-balancer"} {
			t.Run(operation+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{Cloud: exosim.Options{OperationDelay: 100 * time.Millisecond}})
				w.sim.Fault(exosim.Fault{Operation: operation, Kind: kind, Count: 1})
				web := w.service("web", nil)
				w.served(web)
				w.g.Expect(w.onlyNLB().Services).To(HaveLen(1))
				w.remove(web)
				w.gone(web)
				w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
			})
		}
	}
}

func TestStaleReadsMakeNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.sim.Fault(exosim.Fault{Operation: "*", Kind: exosim.FaultStaleRead, Age: 400 * time.Millisecond})
	web := w.service("web", func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443})
	})
	w.served(web)
	w.g.Expect(w.onlyNLB().Services).To(HaveLen(2))
	w.g.Expect(w.writes()).To(ConsistOf("create-load-balancer", "add-service-to-load-balancer", "add-service-to-load-balancer"))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}
