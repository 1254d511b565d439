package integration

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// abroad is a zone that isn't the operator's.
const abroad = "de-fra-1"

// twoZones is a cloud with both.
func twoZones() exosim.Options { return exosim.Options{Zones: []string{exosim.DefaultZone, abroad}} }

// in a zone that isn't the operator's.
func inZoneAbroad(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Zone = abroad }

// A kubelet registers its Node with the id of a foreign instance in a zone that
// isn't the operator's; an NLB there would lead to that instance's pool.
func TestANodeThatClaimsAForeignInstanceOfAnotherZoneOpensNoPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: twoZones()})
	victim := w.sim.AddPool(abroad, exosim.InstancePool{Name: "victim", Size: 1, InstancePrefix: w.ns + "-victim"})
	instance := w.sim.Members(victim.ID)[0]
	mallory := w.registers(w.ns+"-mallory", "", isSelected, func(n *corev1.Node) { n.Spec.ProviderID = identity.ProviderPrefix + instance.ID })
	lb := w.loadBalancer("edge", inZoneAbroad)
	w.ready(lb)

	byID := w.nlbService("by-id", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.Target = v1alpha1.Target{InstancePoolID: victim.ID} })
	bySelector := w.nlbService("by-selector", "edge", 444, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector("role", "newcomer")}
	})
	inferred := w.service("inferred", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))

	w.refusesPool(byID, victim)
	w.becomes(bySelector, v1alpha1.ConditionAccepted, "False/NoEligibleNodes")
	w.g.Eventually(func() string { return w.says(inferred, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/NoEligibleNodes"))
	w.tells(mallory, "Warning NameMismatch", instance.ID, instance.Name)
	w.settles()
	w.g.Expect(w.sim.LoadBalancers(abroad)[0].Services).To(BeEmpty())
}

// ingressLabel is one that no kubelet can set on its Node.
const ingressLabel = "node-restriction.kubernetes.io/role"

// onlyRestricted is an operator that selects Nodes by no other labels.
func onlyRestricted(o *app.Options) { o.RequireRestrictedNodeLabels = true }

// A kubelet labels its own Node as those of the ingress pool are, and waits until
// they are cordoned. It could do so by most labels; where it can't, nothing else
// is looked at.
func TestANodeThatLabelsItselfAttractsNoTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: onlyRestricted})
	for _, instance := range w.sim.Members(w.pool.ID) {
		change(w, w.node(w.nodeName(instance)), func(n *corev1.Node) { n.Labels["role"], n.Labels[ingressLabel] = "ingress", "ingress" })
	}
	w.loadBalancer("edge", nil)
	web := w.service("web", annotated(v1alpha1.AnnotationNodeSelector, ingressLabel+"=ingress"))
	front := w.nlbService("front", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector(ingressLabel, "ingress")}
	})
	w.served(web)
	w.ready(front)

	t.Log("a selector of other labels is refused")
	loose := w.service("loose", annotated(v1alpha1.AnnotationNodeSelector, "role=ingress"))
	w.g.Eventually(func() string { return w.says(loose, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Invalid"), ContainSubstring(v1alpha1.AnnotationNodeSelector), ContainSubstring("node-restriction.kubernetes.io/")))
	other := w.nlbService("other", "edge", 81, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector("role", "ingress")}
	})
	w.becomes(other, v1alpha1.ConditionAccepted, "False/Invalid")
	w.g.Expect(w.message(other, v1alpha1.ConditionAccepted)).To(And(ContainSubstring("nodeSelector looks at role"), ContainSubstring("node-restriction.kubernetes.io/")))

	t.Log("and a Node that labels itself gets nothing")
	greedy := w.addPool("greedy", 1)
	w.verified(greedy)
	change(w, w.node(w.nodeName(w.sim.Members(greedy.ID)[0])), func(n *corev1.Node) { n.Labels["role"] = "ingress" })
	w.cordons(w.pool)
	w.settles()
	w.g.Expect(w.targets()).To(Equal([]string{w.pool.ID, w.pool.ID}))
	w.g.Expect(w.ports()).To(HaveLen(2))
}

// The flag comes to a cluster whose selectors are of other labels: they are refused,
// and the traffic stays where it is.
func TestASelectorThatIsRefusedByNowKeepsItsTraffic(t *testing.T) {
	t.Parallel()
	restricted := false
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.RequireRestrictedNodeLabels = restricted }})
	w.loadBalancer("edge", nil)
	web := w.service("web", annotated(v1alpha1.AnnotationNodeSelector, "world="+w.ns))
	front := w.nlbService("front", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector("world", w.ns)}
	})
	w.served(web)
	w.ready(front)
	address := addressOf(web)
	w.settles()
	w.sim.ResetCalls()

	restricted = true
	w.restart()
	w.becomes(front, v1alpha1.ConditionAccepted, "False/Invalid")
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/Invalid"))
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(addressOf(web)).To(Equal(address))
	change(w, front, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolID: w.pool.ID} })
	w.ready(front)
	w.g.Expect(w.writes()).To(BeEmpty())
}

// What the operator takes for restricted, the API server keeps from kubelets.
func TestAKubeletCannotSetTheLabelsThatAreTrusted(t *testing.T) {
	t.Parallel()
	plane := controlPlaneWith(t, map[string][]string{"authorization-mode": {"Node,RBAC"}, "enable-admission-plugins": {"NodeRestriction"}})
	admin, err := client.New(clientConfig(plane), client.Options{})
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"given.node-restriction.kubernetes.io/role": "db"}}}
	g.Expect(admin.Create(t.Context(), node)).To(Succeed())
	config := clientConfig(plane)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:node:" + node.Name, Groups: []string{"system:nodes", "system:authenticated"}}
	kubelet, err := client.New(config, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	sets := func(key string, value any) error {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{key: value}}})
		g.Expect(err).NotTo(HaveOccurred())
		return kubelet.Patch(t.Context(), node.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	}
	for _, key := range []string{"role", "example.com/role", "mynode-restriction.kubernetes.io.example.com/role"} {
		g.Expect(nlb.UnrestrictedKeys(selector(key, "ingress"))).To(Equal([]string{key}))
		g.Expect(sets(key, "ingress")).To(Succeed())
	}
	for _, key := range []string{ingressLabel, "team.node-restriction.kubernetes.io/role"} {
		g.Expect(nlb.UnrestrictedKeys(selector(key, "ingress"))).To(BeEmpty())
		g.Expect(sets(key, "ingress")).To(MatchError(ContainSubstring("is not allowed to modify labels")))
	}
	g.Expect(sets("given.node-restriction.kubernetes.io/role", nil)).To(MatchError(ContainSubstring("is not allowed to modify labels")), "nor take off")
}
