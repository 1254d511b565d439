package integration

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// refusedWrite is a change that Exoscale refuses until a person does something.
type refusedWrite struct {
	operator func(*app.Options)
	// asks for the change on a world that is ready, and returns what then is to become
	// ready, and what takes the cause away.
	asks      func(w *world) (object client.Object, mends func())
	operation string
	reason    string
}

var refusedWrites = map[string]refusedWrite{
	"quota: another NLB is deleted at Exoscale": {
		asks: func(w *world) (client.Object, func()) {
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs"})
			w.sim.SetQuota("", "network-load-balancer", int64(len(w.sim.LoadBalancers(""))))
			return w.loadBalancer("more", nil), func() { w.sim.DeleteLoadBalancer(theirs.ID) }
		},
		operation: "create-load-balancer", reason: "QuotaExceeded",
	},
	"quota: another NLB of ours is deleted, and the clock wakes nobody": {
		operator: slowly,
		asks: func(w *world) (client.Object, func()) {
			other := w.loadBalancer("other", nil)
			w.ready(other)
			w.sim.ResetCalls()
			w.sim.SetQuota("", "network-load-balancer", int64(len(w.sim.LoadBalancers(""))))
			return w.loadBalancer("more", nil), func() { w.remove(other) }
		},
		operation: "create-load-balancer", reason: "QuotaExceeded",
	},
	"quota: it is raised, and read for the metrics": {
		operator: func(o *app.Options) { o.Metrics = prometheus.NewRegistry() },
		asks: func(w *world) (client.Object, func()) {
			used := int64(len(w.sim.LoadBalancers("")))
			w.sim.SetQuota("", "network-load-balancer", used)
			return w.loadBalancer("more", nil), func() { w.sim.SetQuota("", "network-load-balancer", used+1) }
		},
		operation: "create-load-balancer", reason: "QuotaExceeded",
	},
	"quota of an NLB's services: one is removed": {
		asks: func(w *world) (client.Object, func()) {
			other := w.nlbService("other", "edge", 90, nil)
			w.ready(other)
			w.sim.ResetCalls()
			heal := w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 403, Message: "quota exceeded"})
			return w.nlbService("more", "edge", 91, nil), func() { heal(); w.remove(other) }
		},
		operation: "add-service-to-load-balancer", reason: "QuotaExceeded",
	},
	"role: the object is edited": {
		asks: func(w *world) (client.Object, func()) {
			heal := w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultStatus, Status: 403})
			edge, _ := w.on(w.ns, "edge")
			change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Labels = map[string]string{"team": "net"} })
			return edge, func() {
				heal()
				change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Labels = map[string]string{"team": "web"} })
			}
		},
		operation: "update-load-balancer", reason: "Forbidden",
	},
	"a value: what is in its way is taken off at Exoscale": {
		asks: func(w *world) (client.Object, func()) {
			edge, _ := w.on(w.ns, "edge")
			w.ready(edge)
			heal := w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultStatus, Status: 400})
			label := func(value string) {
				w.sim.MutateLoadBalancer(edge.Status.ID, func(lb *exosim.LoadBalancer) { lb.Labels["theirs"] = value })
			}
			label("odd")
			change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Labels = map[string]string{"team": "net"} })
			return edge, func() { heal(); label("even") }
		},
		operation: "update-load-balancer", reason: "CloudError",
	},
	"a deletion: the object is edited": {
		asks: func(w *world) (client.Object, func()) {
			web := w.nlbService("gone", "edge", 90, nil)
			w.ready(web)
			heal := w.sim.Fault(exosim.Fault{Operation: "delete-load-balancer-service", Kind: exosim.FaultStatus, Status: 403})
			w.remove(web)
			return web, func() {
				heal()
				change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Description = "edited" })
			}
		},
		operation: "delete-load-balancer-service", reason: "Forbidden",
	},
}

// What only a person can mend is sent once, and again when the cause may be gone.
func TestARefusedWriteIsSentAgainWhenItsCauseMayBeGone(t *testing.T) {
	t.Parallel()
	for name, c := range refusedWrites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: c.operator})
			edge := w.loadBalancer("edge", nil)
			w.ready(edge, w.nlbService("web", "edge", 80, nil))
			w.settles()
			w.sim.ResetCalls()
			object, mends := c.asks(w)
			w.becomes(object, v1alpha1.ConditionStalled, "True/"+c.reason)
			w.sentOnceAndHeld(object, c.operation)
			mends()
			if object.GetDeletionTimestamp() != nil {
				w.gone(object)
				return
			}
			w.soonReady(object)
			w.g.Expect(w.sent(c.operation)).To(BeNumerically("<=", 2))
		})
	}
}

// held is longer than the first delays of what may pass by itself, which are 2 and 4 s.
const held = 10 * time.Second

// sentOnceAndHeld holds that a write was sent once, and that neither it nor a read of
// the NLB is sent any more, though the object is woken.
func (w *world) sentOnceAndHeld(object client.Object, operation string) {
	w.t.Helper()
	w.settles()
	w.g.Expect(w.sent(operation)).To(Equal(1))
	reads := w.sent("get-load-balancer")
	ends := time.Now().Add(held)
	for time.Now().Before(ends) {
		change(w, object, func(o client.Object) {
			o.SetAnnotations(map[string]string{"example.com/wakes": time.Now().Format(time.StampNano)})
		})
		w.g.Consistently(func() int { return w.sent(operation) }, syncPeriod, syncPeriod/3).Should(Equal(1))
	}
	w.g.Expect(w.sent("get-load-balancer")).To(Equal(reads), "nor is the NLB read for it")
}

// sent counts the calls of an operation.
func (w *world) sent(operation string) int { return w.sim.Calls().Operations[operation] }

func TestCredentialsThatMayDoMoreAreTriedAtOnce(t *testing.T) {
	t.Parallel()
	credentials := &changing{}
	w := newWorld(t, setup{Stopped: true, Operator: func(o *app.Options) {
		slowly(o)
		o.Credentials = credentials
	}})
	poor := exosim.Key{Key: "EXOpoor", Secret: "poor", Operations: []string{
		"list-zones", "list-load-balancers", "get-load-balancer", "list-instances", "list-instance-pools",
	}}
	w.sim.AddKey(poor)
	credentials.set(exoscale.Credentials{Key: poor.Key, Secret: poor.Secret})
	w.start()
	edge, web := w.loadBalancer("edge", nil), w.service("web", annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
	w.becomes(edge, v1alpha1.ConditionStalled, "True/Forbidden")
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).Should(HavePrefix("False/Forbidden"))
	w.settles()
	w.g.Consistently(func() int { return w.sent("create-load-balancer") }, held).Should(Equal(2), "one of each")
	credentials.set(exoscale.Credentials{Key: w.sim.Key, Secret: w.sim.Secret})
	w.soonReady(edge)
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionProgrammed) }).WithTimeout(soon).Should(HavePrefix("True/"))
}

// A refusal of one change holds back no other: here the move away from a pool whose
// Nodes are gone.
func TestARefusedChangeHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	green := w.addPool("green", 1)
	edge, web := w.loadBalancer("edge", nil), w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{InstancePoolName: "workers"}
	})
	w.ready(edge, web)
	w.sim.Fault(exosim.Fault{Operation: "update-load-balancer-service", Kind: exosim.FaultStatus, Status: 400})
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Description = "refused" })
	w.becomes(web, v1alpha1.ConditionStalled, "True/CloudError")
	w.sim.MutatePool(w.pool.ID, func(p *exosim.InstancePool) { p.Name = "former" })
	w.sim.MutatePool(green.ID, func(p *exosim.InstancePool) { p.Name = "workers" })
	w.g.Eventually(func() string { return w.onPort(edge.Status.ID, 80).InstancePool.ID }).WithTimeout(soon).Should(Equal(green.ID))
}
