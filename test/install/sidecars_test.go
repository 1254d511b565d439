package install

import (
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// withoutSidecars the service account has none of the rights that only they need.
func withoutSidecars(t *testing.T, cluster cluster) {
	g := NewWithT(t)
	operator, err := client.New(cluster.operator(t), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	forbidden := MatchError(ContainSubstring("forbidden"))
	named := metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"}
	made := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "made"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	g.Expect(operator.Create(t.Context(), made, client.DryRunAll)).To(forbidden)
	g.Expect(operator.Delete(t.Context(), &corev1.Service{ObjectMeta: named}, client.DryRunAll)).To(forbidden)
	g.Expect(operator.List(t.Context(), &corev1.PodList{}, client.InNamespace("default"))).To(forbidden)
	g.Expect(operator.List(t.Context(), &corev1.LimitRangeList{}, client.InNamespace("default"))).To(forbidden)
}

// bindSidecars gives, or takes away, the rights that the component for sidecars gives.
func (cluster cluster) bindSidecars(t *testing.T, verb string) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), cluster.Kubectl(), "--kubeconfig", cluster.kubeconfig, verb,
		"-f", "../../config/components/udp-sidecar/role-binding.yaml").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// sidecarsAreAskedFor by a Service, while the operator hasn't the rights for it, gets
// them, and loses them again: nothing is served worse for it, what is missing is said,
// and no round fails again and again.
func sidecarsAreAskedFor(t *testing.T, cluster cluster, c client.Client) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	g.Expect(world.JoinNodes(t.Context(), c, pool(sim, "node-a", "node-b"))).To(Succeed())
	var log output
	options := optionsFor(sim)
	options.Log = log.logger()
	stop := run(t, cluster.operator(t), options)

	class := v1alpha1.LoadBalancerClass
	dns := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dns", Annotations: map[string]string{v1alpha1.AnnotationUDPHealthCheck: v1alpha1.UDPHealthCheckSidecar}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Selector: map[string]string{"app": "dns"},
			Ports: []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}, {Name: "http", Port: 80}},
		},
	}
	g.Expect(c.Create(t.Context(), dns)).To(Succeed())
	condition := func(object client.Object, conditions func() []metav1.Condition, kind string) func() string {
		return func() string {
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				return err.Error()
			}
			found := meta.FindStatusCondition(conditions(), kind)
			if found == nil {
				return "none"
			}
			return string(found.Status) + "/" + found.Reason + ": " + found.Message
		}
	}
	accepted := condition(dns, func() []metav1.Condition { return dns.Status.Conditions }, v1alpha1.ServiceConditionAccepted)
	g.Eventually(accepted, patience).Should(And(HavePrefix("False/Forbidden: "), ContainSubstring("port 53/UDP"), ContainSubstring("config/components/udp-sidecar")), "%s", &log)
	ready := func(name string) func() string {
		object := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
		return condition(object, func() []metav1.Condition { return object.Status.Conditions }, v1alpha1.ConditionReady)
	}
	g.Eventually(ready("dns-80-tcp"), patience).Should(HavePrefix("True/"), "the other port is served: %s", &log)

	cluster.bindSidecars(t, "apply")
	round := 0
	again := func() { // what is blocked is looked at again by itself, but not soon
		round++
		before := dns.DeepCopy()
		dns.Labels = map[string]string{"round": string(rune('a' + round%26))}
		g.Expect(c.Patch(t.Context(), dns, client.MergeFrom(before))).To(Succeed())
	}
	g.Eventually(func() string { again(); return accepted() }, patience).Should(HavePrefix("True/"), "%s", &log)
	udp := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dns-53-udp"}}
	g.Eventually(ready(udp.Name), patience).Should(HavePrefix("True/"), "%s", &log)
	injected := condition(udp, func() []metav1.Condition { return udp.Status.Conditions }, v1alpha1.ConditionSidecarsInjected)
	g.Eventually(injected, patience).Should(HavePrefix("Unknown/NoEndpoints"), "%s", &log)
	probed := udp.Spec.HealthCheck.DeepCopy()

	stop()
	cluster.bindSidecars(t, "delete")
	operator, err := client.New(cluster.operator(t), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() error { return operator.List(t.Context(), &corev1.PodList{}, client.InNamespace("default")) }, patience).Should(MatchError(ContainSubstring("forbidden")))
	run(t, cluster.operator(t), options)
	g.Eventually(injected, patience).Should(And(HavePrefix("Unknown/Forbidden: "), ContainSubstring("config/components/udp-sidecar")), "%s", &log)
	g.Expect(ready(udp.Name)()).To(HavePrefix("True/"))
	g.Expect(udp.Spec.HealthCheck).To(Equal(*probed), "it is probed where it was")

	before := dns.DeepCopy()
	delete(dns.Annotations, v1alpha1.AnnotationUDPHealthCheck)
	g.Expect(c.Patch(t.Context(), dns, client.MergeFrom(before))).To(Succeed())
	honoured := condition(dns, func() []metav1.Condition { return dns.Status.Conditions }, v1alpha1.ServiceConditionAllFieldsHonored)
	g.Eventually(honoured, patience).Should(And(HavePrefix("False/"), ContainSubstring("Service dns-udp-health isn't needed any more: delete it")), "%s", &log)

	g.Expect(c.Delete(t.Context(), dns)).To(Succeed())
	companion := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dns-udp-health"}}
	for _, object := range []client.Object{dns, companion} { // the latter is Kubernetes' to collect
		g.Eventually(func() error { return c.Get(t.Context(), client.ObjectKeyFromObject(object), object) }, patience).
			Should(MatchError(ContainSubstring("not found")), "%s", &log)
	}
	g.Expect(sim.LoadBalancers("")).To(BeEmpty())
	var vain []string
	for line := range strings.Lines(log.String()) {
		stopped := strings.Contains(line, "context canceled") // the operator was, in the midst of it
		if !stopped && (strings.Contains(line, "Reconciler error") || strings.Contains(line, "Failed to watch")) {
			vain = append(vain, line)
		}
	}
	g.Expect(vain).To(BeEmpty(), "nothing is tried in vain again and again")
}
