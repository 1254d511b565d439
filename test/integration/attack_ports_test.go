package integration

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// to is a spec that forwards to a port.
func to(port int32) func(*v1alpha1.NLBServiceSpec) {
	return func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = port }
}

// allowing is an operator that lets NLBServices forward to some ports.
func allowing(ports ...string) func(*app.Options) {
	return func(o *app.Options) { o.AllowedTargetPorts = ports }
}

// refusesPort waits until an NLBService tells that it may not forward to its port.
func (w *world) refusesPort(object *v1alpha1.NLBService) {
	w.t.Helper()
	w.becomes(object, v1alpha1.ConditionAccepted, "False/NotAllowedTargetPort")
	w.g.Expect(w.message(object, v1alpha1.ConditionAccepted)).To(And(
		ContainSubstring(fmt.Sprint(object.Spec.TargetPort)), ContainSubstring("--allowed-target-ports"), ContainSubstring("control plane")))
}

// SSH, etcd and the kubelet listen on every instance, too.
func TestNoServiceForwardsToAPortThatNobodyAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.loadBalancer("edge", nil)
	for i, port := range []int32{22, 2379, 10250, 29999, 32768} {
		object := w.nlbService(fmt.Sprintf("to-%d", port), "edge", 440+int32(i), to(port))
		w.refusesPort(object)
		w.tells(object, "Warning NotAllowedTargetPort", fmt.Sprint(port))
	}
	w.settles()
	w.g.Expect(w.ports()).To(BeEmpty())
	web := w.nlbService("web", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.HealthCheck.Port = 10256 // a probe leads nobody there
	})
	w.ready(web)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→30080"}))
}

func TestWhoeverRunsTheOperatorAllowsPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: allowing("6443", "9000-9345")})
	w.loadBalancer("edge", nil)
	w.ready(w.nlbService("api", "edge", 6443, to(6443)), w.nlbService("join", "edge", 9345, to(9345)))
	w.refusesPort(w.nlbService("web", "edge", 80, to(30080)))
}

// What the API server has given to a Service is the Service's, whatever is allowed.
func TestTheNodePortsOfAServiceAreAlwaysForwardedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: allowing()})
	web := w.service("web", nil)
	local := w.service("local", func(s *corev1.Service) {
		s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP})
	})
	w.served(web, local)
	change(w, web, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 0 }) // another one
	w.served(web)
	w.loadBalancer("edge", nil)
	w.refusesPort(w.nlbService("by-hand", "edge", 80, to(web.Spec.Ports[0].NodePort)))
}

// A reference to a Service is anybody's to write, and so is much of the Service.
func TestAReferenceToAServiceIsNoProofOfAPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: allowing("30000-32767")})
	w.loadBalancer("edge", nil)
	const ssh = 22
	of := func(kind corev1.ServiceType) func(*corev1.Service) {
		return func(s *corev1.Service) {
			s.Spec.Type, s.Spec.LoadBalancerClass = kind, nil
			s.Spec.Ports[0].NodePort = ssh
			if kind == corev1.ServiceTypeExternalName {
				s.Spec.ExternalName, s.Spec.Selector = "example.com", nil
			}
		}
	}
	for what, edit := range map[string]func(*corev1.Service){
		"a ClusterIP":    of(corev1.ServiceTypeClusterIP),
		"a NodePort":     of(corev1.ServiceTypeNodePort),
		"a LoadBalancer": of(corev1.ServiceTypeLoadBalancer),
		"one that asks for no nodePorts": func(s *corev1.Service) {
			of(corev1.ServiceTypeLoadBalancer)(s)
			s.Spec.AllocateLoadBalancerNodePorts = new(false)
		},
		"a healthCheckNodePort": func(s *corev1.Service) {
			s.Spec.Type, s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = corev1.ServiceTypeLoadBalancer, corev1.ServiceExternalTrafficPolicyLocal, ssh
		},
		"a healthCheckNodePort in vain": func(s *corev1.Service) {
			s.Spec.Type, s.Spec.HealthCheckNodePort = corev1.ServiceTypeLoadBalancer, ssh
		},
	} {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "refused"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
		edit(service)
		w.g.Expect(w.client.Create(t.Context(), service)).NotTo(Succeed(), "%s can't name any port", what)
	}
	alias := w.service("alias", of(corev1.ServiceTypeExternalName)) // as it isn't allocated, nobody looks at it
	w.g.Expect(alias.Spec.Ports[0].NodePort).To(BeEquivalentTo(ssh))
	plain := w.service("plain", func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeNodePort, nil })
	for i, owner := range []metav1.OwnerReference{
		{Kind: "Service", APIVersion: "v1", Name: alias.Name, UID: alias.UID},
		{Kind: "Service", APIVersion: "v1", Name: plain.Name, UID: plain.UID},
		{Kind: "Service", APIVersion: "v1", Name: plain.Name, UID: types.UID("0badc0de-0000-4000-8000-000000000001")},
		{Kind: "Service", APIVersion: "v1", Name: "nobody", UID: types.UID("0badc0de-0000-4000-8000-000000000002")},
		{Kind: "Pod", APIVersion: "v1", Name: alias.Name, UID: alias.UID},
	} {
		owner.Controller = new(true)
		object := &v1alpha1.NLBService{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: fmt.Sprint("forged-", i), OwnerReferences: []metav1.OwnerReference{owner}},
			Spec: v1alpha1.NLBServiceSpec{
				LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"}, Port: 440 + int32(i), TargetPort: ssh,
				Target: v1alpha1.Target{InstancePoolID: w.pool.ID},
			},
		}
		w.create(object)
		w.g.Eventually(func() string { return w.state(object, v1alpha1.ConditionAccepted) }).
			Should(Or(Equal("False/NotAllowedTargetPort"), ContainSubstring("not found"))) // Kubernetes collects what has no owner
	}
	w.settles()
	w.g.Expect(w.ports()).To(BeEmpty())
}

// What an operator has programmed that allowed it, or didn't look at the port, goes on.
func TestAServiceKeepsItsPortThoughItIsRefusedByNow(t *testing.T) {
	t.Parallel()
	ports := []string{"22"}
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.AllowedTargetPorts = ports }})
	lb := w.loadBalancer("edge", nil)
	ssh := w.nlbService("ssh", "edge", 2222, to(22))
	w.ready(lb, ssh)
	w.settles()
	w.g.Expect(ssh.Status.TargetPort).To(BeEquivalentTo(22))
	w.stop()
	w.sim.ResetCalls()
	ssh.Status.TargetPort = 0 // as an operator leaves it that doesn't record it
	w.g.Expect(w.client.Status().Update(t.Context(), ssh)).To(Succeed())
	ports = []string{"30000-32767"}
	w.start()

	w.becomes(ssh, v1alpha1.ConditionTargetAllowed, "False/NotAllowedTargetPort")
	w.g.Expect(w.message(ssh, v1alpha1.ConditionTargetAllowed)).To(And(ContainSubstring("port 22"), ContainSubstring("--allowed-target-ports")))
	w.ready(ssh)
	w.tells(ssh, "Warning NotAllowedTargetPort", "port 22")
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.ports()).To(Equal([]string{"2222/tcp→22"}))

	t.Log("it can be changed otherwise")
	change(w, ssh, func(s *v1alpha1.NLBService) { s.Spec.Strategy = v1alpha1.StrategySourceHash })
	w.g.Eventually(func() string { return w.onlyNLB().Services[0].Strategy }).Should(Equal("source-hash"))
	w.ready(ssh)
	t.Log("removed by hand, it comes back, also if that fails at first")
	w.sim.Fault(exosim.Fault{Operation: "add-service-to-load-balancer", Kind: exosim.FaultStatus, Status: 503, Count: 2})
	w.sim.MutateLoadBalancer(w.onlyNLB().ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.g.Eventually(w.ports).Should(Equal([]string{"2222/tcp→22"}))
	w.ready(ssh)

	t.Log("another one is refused, and nothing changes")
	w.settles()
	w.sim.ResetCalls()
	change(w, ssh, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 2379 })
	w.refusesPort(ssh)
	other := w.nlbService("other", "edge", 2223, to(22))
	w.refusesPort(other)
	w.settles()
	w.g.Expect(w.ports()).To(Equal([]string{"2222/tcp→22"}))
	w.g.Expect(w.writes()).To(BeEmpty())
	change(w, ssh, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 22 })
	w.ready(ssh)
	w.becomes(ssh, v1alpha1.ConditionTargetAllowed, "False/NotAllowedTargetPort")

	t.Log("once it is another one, there is no way back")
	change(w, ssh, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30022 })
	w.g.Eventually(w.ports).Should(Equal([]string{"2222/tcp→30022"}))
	w.ready(ssh)
	w.becomes(ssh, v1alpha1.ConditionTargetAllowed, "none")
	w.settles()
	change(w, ssh, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 22 })
	w.refusesPort(ssh)
	w.settles()
	w.g.Expect(w.ports()).To(Equal([]string{"2222/tcp→30022"}))
}

// While a service is away to be replaced there is nothing that would hold a port
// fast but what is recorded.
func TestAGapOpensNoPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	green := w.addPool("green", 1)
	w.verified(green)
	lb := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(lb, web)
	w.hold()
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: green.ID} })
	w.g.Eventually(func() []string { return w.accepted() }).Should(ContainElement("delete-load-balancer-service"))
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 22 })
	w.letEnd()
	w.refusesPort(web)
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30080"}), "it is back as it was")
	w.refusesPort(web)
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30081 })
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30081"}))
	w.ready(web)
	w.g.Expect(w.forwardsTo()).To(Equal(green.ID))
}
