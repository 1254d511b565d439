package node_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/node"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func address(kind corev1.NodeAddressType, ip string) corev1.NodeAddress {
	return corev1.NodeAddress{Type: kind, Address: ip}
}

// initialised waits until a Node has lost the taint.
func (s *scene) initialised(name string) *corev1.Node {
	s.t.Helper()
	var now *corev1.Node
	s.Eventually(func(g Gomega) {
		var err error
		now, err = s.node(name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(nodeinit.Uninitialised(now)).To(BeFalse())
	}).Should(Succeed(), "%q", s.told(name))
	return now
}

func TestAVerifiedNodeIsInitialisedAndLeftAlone(t *testing.T) {
	s := newScene(t, 2)
	first, second := s.members()[0], s.members()[1]
	made := s.register(first, func(n *corev1.Node) {
		uninitialised(n)
		n.Labels = map[string]string{"example.com/theirs": "1"}
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "example.com/theirs", Effect: corev1.TaintEffectNoSchedule})
	})
	changes, err := s.Watch(t.Context(), &corev1.NodeList{}, client.MatchingFields{"metadata.name": first.Name})
	s.Expect(err).NotTo(HaveOccurred())
	defer changes.Stop()
	s.identify(first, metav1.ConditionTrue)
	s.run(initialising)

	now := s.initialised(first.Name)
	s.Expect(now.UID).To(Equal(made.UID))
	s.Expect(now.Spec.ProviderID).To(Equal("exoscale://" + first.ID))
	s.Expect(now.Status.Addresses).To(ConsistOf(
		address(corev1.NodeHostName, first.Name), address(corev1.NodeInternalIP, first.PublicIP), address(corev1.NodeExternalIP, first.PublicIP)))
	for label, want := range map[string]string{
		corev1.LabelTopologyZone: exosim.DefaultZone, corev1.LabelTopologyRegion: exosim.DefaultZone, corev1.LabelFailureDomainBetaRegion: exosim.DefaultZone,
		corev1.LabelInstanceTypeStable: "standard.medium", corev1.LabelInstanceType: "standard.medium", "example.com/theirs": "1",
	} {
		s.Expect(now.Labels).To(HaveKeyWithValue(label, want))
	}
	var taints []string
	for _, taint := range now.Spec.Taints {
		taints = append(taints, taint.Key)
	}
	s.Expect(taints).To(ContainElement("example.com/theirs"))
	s.tells(first.Name, node.ReasonNodeInitialised, first.ID)

	// The first version without the taint has all the rest.
	for change := range changes.ResultChan() {
		seen := change.Object.(*corev1.Node)
		if change.Type == watch.Deleted || nodeinit.Uninitialised(seen) {
			continue
		}
		s.Expect(seen.Spec.ProviderID).NotTo(BeEmpty())
		s.Expect(seen.Status.Addresses).To(HaveLen(3))
		s.Expect(seen.Labels).To(HaveKey(corev1.LabelTopologyZone))
		break
	}

	// Another look, which a change of the NodeIdentity asks for, writes nothing.
	s.identify(first, metav1.ConditionTrue, func(k *v1alpha1.NodeIdentity) { k.Status.InstanceState = "stopping" })
	s.register(second, uninitialised)
	s.identify(second, metav1.ConditionTrue)
	s.initialised(second.Name)
	again, err := s.node(first.Name)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(again.ResourceVersion).To(Equal(now.ResourceVersion))
	s.Expect(s.sim.Calls().Reads).To(BeZero(), "nothing is asked of the cloud")
}

func TestANodeThatIsNotVerifiedGetsNothing(t *testing.T) { // and fault 7: it stops nobody
	s := newScene(t, 2)
	doubtful, good := s.members()[0], s.members()[1]
	before := s.register(doubtful, uninitialised)
	metal := s.register(exosim.Instance{Name: "metal", ID: "4c4c4544-0000-4000-8000-000000000001"}, func(n *corev1.Node) {
		uninitialised(n)
		n.Spec.ProviderID = "metal://rack-7"
	})
	s.identify(doubtful, metav1.ConditionFalse)
	s.run(initialising)
	s.register(good, uninitialised)
	s.identify(good, metav1.ConditionTrue)
	s.initialised(good.Name)
	for _, left := range []*corev1.Node{before, metal} {
		now, err := s.node(left.Name)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(now.ResourceVersion).To(Equal(left.ResourceVersion))
	}

	s.identify(doubtful, metav1.ConditionTrue) // which wakes it
	s.initialised(doubtful.Name)
}

func TestTheTaintStaysWhileTheKubeletUsesAnAddressOfNobody(t *testing.T) {
	s := newScene(t, 1)
	instance := s.members()[0]
	s.register(instance, func(n *corev1.Node) {
		uninitialised(n)
		n.Annotations = map[string]string{nodeinit.ProvidedNodeIP: "10.0.0.5"}
	})
	s.identify(instance, metav1.ConditionTrue)
	s.run(initialising)
	s.tells(instance.Name, node.ReasonNodeNotInitialised, `"10.0.0.5"`)
	now, err := s.node(instance.Name)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(nodeinit.Uninitialised(now)).To(BeTrue())
	s.Expect(now.Spec.ProviderID).To(BeEmpty())

	s.identify(instance, metav1.ConditionTrue, func(k *v1alpha1.NodeIdentity) { // it was attached to the network
		k.Status.Addresses = append(k.Status.Addresses, address(corev1.NodeInternalIP, "10.0.0.5"))
	})
	s.Expect(s.initialised(instance.Name).Status.Addresses).To(ConsistOf(
		address(corev1.NodeHostName, instance.Name), address(corev1.NodeInternalIP, "10.0.0.5"), address(corev1.NodeExternalIP, instance.PublicIP)))
}

func TestANodeThatTheCCMHasInitialisedChangesInNothingThatItHas(t *testing.T) {
	s := newScene(t, 1)
	instance := s.members()[0]
	labels := map[string]string{
		corev1.LabelTopologyRegion: exosim.DefaultZone, corev1.LabelFailureDomainBetaRegion: exosim.DefaultZone,
		corev1.LabelInstanceTypeStable: "standard.large", corev1.LabelInstanceType: "standard.large",
	}
	addresses := []corev1.NodeAddress{
		address(corev1.NodeHostName, instance.Name), address(corev1.NodeExternalIP, instance.PublicIP), address(corev1.NodeInternalIP, instance.PublicIP),
	}
	s.register(instance, func(n *corev1.Node) {
		n.Spec.ProviderID, n.Labels, n.Status.Addresses = "exoscale://"+instance.ID, labels, addresses
	})
	s.identify(instance, metav1.ConditionTrue)
	s.run(initialising)
	s.Eventually(func() map[string]string { return s.initialised(instance.Name).Labels }).Should(HaveKeyWithValue(corev1.LabelTopologyZone, exosim.DefaultZone))
	now := s.initialised(instance.Name)
	for label, want := range labels {
		s.Expect(now.Labels).To(HaveKeyWithValue(label, want))
	}
	s.Expect(now.Status.Addresses).To(Equal(addresses))

	s.identify(instance, metav1.ConditionTrue, func(k *v1alpha1.NodeIdentity) {
		k.Status.Addresses = append(k.Status.Addresses, address(corev1.NodeExternalIP, "2001:db8::5"))
	})
	s.Eventually(func() []corev1.NodeAddress { return s.initialised(instance.Name).Status.Addresses }).Should(
		ConsistOf(append(addresses, address(corev1.NodeExternalIP, "2001:db8::5"))))
}
