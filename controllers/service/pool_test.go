package service_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// poolOf is where a port of a Service goes.
func (s *scene) poolOf(name string) string {
	return s.nlbService(name).Spec.Target.InstancePoolID
}

func TestNodesThatAreNoInstancesStopNobody(t *testing.T) { // fault 7
	s := newStage(t, nil)
	s.pool = s.addPool("workers", 2)
	s.addNode(s.ns+"-metal", corev1.NodeSpec{ProviderID: "metal://rack-7"})
	standalone := s.sim.AddInstance("", exosim.Instance{Name: "alone"})
	s.addNode(s.ns+"-alone", corev1.NodeSpec{ProviderID: "exoscale://" + standalone.ID})
	s.start()
	s.service("web", []int32{80}, nil)
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(s.pool.ID))
}

func TestAReplacedNodepoolTakesOver(t *testing.T) { // fault 6
	s := newScene(t, nil)
	s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	green := s.addPool("green", 2)
	s.settles("web")
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(s.pool.ID), "the old one still works")

	for _, name := range []string{s.ns + "-workers-0", s.ns + "-workers-1"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		change(s, node, func(o *corev1.Node) { o.Spec.Unschedulable = true })
	}
	s.Eventually(func() string { return s.poolOf("web-80-tcp") }).Should(Equal(green.ID))
	// The NLBService tells what the move waits for, and of the move itself.
	s.Eventually(func() error {
		child := s.nlbService("web-80-tcp")
		meta.SetStatusCondition(&child.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionHandedOver, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonProbingInstancePool, Message: "0 of 2 pass"})
		return s.Status().Update(t.Context(), child)
	}).Should(Succeed())
	s.Expect(s.shows("web", v1alpha1.ServiceConditionHandedOver, metav1.ConditionFalse, v1alpha1.ReasonProbingInstancePool)).To(Equal("port 80/TCP: 0 of 2 pass"))
	s.tells("web", corev1.EventTypeNormal, v1alpha1.ReasonProbingInstancePool, "0 of 2 pass")
	s.run("web", "80-tcp")
	s.Eventually(func() *metav1.Condition {
		web := &corev1.Service{}
		s.Expect(s.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "web"}, web)).To(Succeed())
		return meta.FindStatusCondition(web.Status.Conditions, v1alpha1.ServiceConditionHandedOver)
	}).Should(BeNil())
}

func TestAmbiguousPoolsAreListedAndAChoiceIsHonoured(t *testing.T) {
	s := newStage(t, nil)
	s.pool = s.addPool("workers", 1)
	other := s.addPool("others", 1)
	s.start()
	web := s.service("web", []int32{80}, nil)
	message := s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonAmbiguousInstancePool)
	s.Expect(message).To(And(ContainSubstring("workers"), ContainSubstring("others"), ContainSubstring(v1alpha1.AnnotationInstancePoolID)))
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonAmbiguousInstancePool)

	change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationInstancePoolID, other.ID) })
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(other.ID))
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestAServiceWaitsForTheFirstNode(t *testing.T) {
	s := newStage(t, nil)
	s.start()
	s.service("web", []int32{80}, nil)
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNoEligibleNodes)
	s.settles("web")
	s.pool = s.addPool("workers", 1) // the Node wakes it, or else its instance when it is seen
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(s.pool.ID))
}

// A Node says to be an instance, and nobody has looked whether it is: that is no
// reason to forward anything to its pool, and no fault either.
func TestANodeIsUsedOnceItIsVerified(t *testing.T) {
	s := newStage(t, nil)
	s.pool = s.sim.AddPool("", exosim.InstancePool{Name: "workers", Size: 1})
	node := s.addNode(s.ns+"-workers-0", corev1.NodeSpec{ProviderID: "exoscale://" + s.sim.Members(s.pool.ID)[0].ID})
	s.start()
	s.service("web", []int32{80}, nil)
	message := s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonWaitingForVerification)
	s.Expect(message).To(ContainSubstring(node.Name))
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	s.settles("web")
	var services v1alpha1.NLBServiceList
	s.Expect(s.List(t.Context(), &services, client.InNamespace(s.ns))).To(Succeed())
	s.Expect(services.Items).To(BeEmpty())
	s.Expect(s.warnings("web")).To(BeEmpty())

	s.verify(node)
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(s.pool.ID))
}

func TestACloudThatCannotBeReadIsSaidAndStopsNoWorkingService(t *testing.T) {
	s := newScene(t, nil)
	old := s.service("old", []int32{80}, nil)
	s.run("old", "80-tcp")
	s.published("old")

	key := s.sim.AdminKey()
	s.sim.RevokeKey(key.Key)
	unreadable := func() error {
		_, err := inventoryOf(s).Instances(t.Context(), exosim.DefaultZone)
		return err
	}
	s.Eventually(unreadable).ShouldNot(Succeed())
	s.service("new", []int32{80}, nil)
	s.shows("new", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidCredentials)
	change(s, old, func(o *corev1.Service) {
		o.Spec.Ports = append(o.Spec.Ports, corev1.ServicePort{Name: "more", Port: 81})
	})
	s.Expect(s.poolOf("old-81-tcp")).To(Equal(s.pool.ID))
	s.shows("old", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)

	s.sim.AddKey(key)
	s.Expect(s.poolOf("new-80-tcp")).To(Equal(s.pool.ID), "it recovers by itself")
	s.shows("new", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func inventoryOf(s *scene) *exoscale.Inventory {
	return s.reconciler.Inventory.(*exoscale.Inventory)
}

func TestALostPoolIsToldWhileTrafficGoesWhereItWent(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	s.published("web")
	s.addPool("a", 1)
	s.addPool("b", 1)
	s.Eventually(func() (int, error) {
		all, err := inventoryOf(s).Instances(t.Context(), exosim.DefaultZone)
		return len(all), err
	}).Should(Equal(4), "both candidates are known")
	s.Eventually(func() []string {
		var identities v1alpha1.NodeIdentityList
		s.Expect(s.writes.List(t.Context(), &identities)).To(Succeed())
		var verified []string
		for i := range identities.Items {
			if meta.IsStatusConditionTrue(identities.Items[i].Status.Conditions, v1alpha1.ConditionVerified) {
				verified = append(verified, identities.Items[i].Name)
			}
		}
		return verified
	}).Should(ContainElements(s.ns+"-a-0", s.ns+"-b-0"), "and verified, as the controller has seen")
	for _, name := range []string{s.ns + "-workers-0", s.ns + "-workers-1"} {
		s.Expect(s.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonAmbiguousInstancePool)
	s.Expect(s.poolOf("web-80-tcp")).To(Equal(s.pool.ID))
	s.Expect(s.published("web").IP).To(Equal(address))
}

func TestANodeSelectorAndADefaultPoolAskNoNode(t *testing.T) {
	s := newStage(t, func(o *service.Options) {
		o.DefaultInstancePool = "F0E1D2C3-0000-4000-8000-000000000001"
		o.AllowedPools = []string{o.DefaultInstancePool}
	})
	s.sim.AddPool("", exosim.InstancePool{ID: "f0e1d2c3-0000-4000-8000-000000000001", Name: "default"})
	s.start()
	s.service("web", []int32{80}, nil)
	s.Expect(s.poolOf("web-80-tcp")).To(Equal("f0e1d2c3-0000-4000-8000-000000000001"))
	s.pool = s.addPool("ingress", 1) // the selector's own first NLB needs a Node
	change(s, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.ns + "-ingress-0"}}, func(o *corev1.Node) { o.Labels = map[string]string{"role": "ingress"} })
	s.service("chosen", []int32{80}, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationNodeSelector, "role=ingress") })
	s.Expect(s.nlbService("chosen-80-tcp").Spec.Target.NodeSelector.MatchLabels).To(HaveKeyWithValue("role", "ingress"))
	s.addNode(s.ns+"-any", corev1.NodeSpec{})
	s.settles("web")
	s.Expect(client.IgnoreNotFound(s.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "web"}, &corev1.Service{}))).To(Succeed())
}
