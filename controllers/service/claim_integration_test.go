package service_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const ccmFinalizer = "service.kubernetes.io/load-balancer-cleanup"

func classless(o *corev1.Service) { o.Spec.LoadBalancerClass = nil }

func claiming(o *service.Options) { o.ClaimClassless = true }

func TestOnlyServicesOfOurClassAreOurs(t *testing.T) {
	s := newScene(t, nil)
	s.service("none", []int32{80}, classless)
	s.service("others", []int32{80}, func(o *corev1.Service) { o.Spec.LoadBalancerClass = ptr.To("example.com/lb") })
	s.service("internal", []int32{80}, func(o *corev1.Service) {
		o.Spec.Type, o.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil
	})
	before := s.versions()
	s.service("ours", []int32{80}, nil)
	s.loadBalancer("ours")
	s.settles("ours")
	for _, name := range []string{"none", "others", "internal"} {
		s.settles(name)
		s.Expect(s.versions()).To(HaveKeyWithValue("*v1.Service "+name, before["*v1.Service "+name]))
	}
}

func TestAClasslessServiceIsLeftToARunningCCMAndTakenOverLater(t *testing.T) {
	now := clocktesting.NewFakeClock(time.Now())
	s := newScene(t, func(o *service.Options) { o.ClaimClassless, o.Clock = true, now })
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "cloud-controller-manager"},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("ccm-0"), LeaseDurationSeconds: ptr.To(int32(15)), RenewTime: &metav1.MicroTime{Time: now.Now()},
		},
	}
	s.Expect(s.Create(t.Context(), lease)).To(Succeed())
	t.Cleanup(func() { _ = s.Delete(context.Background(), lease) })
	web := s.service("web", []int32{80}, func(o *corev1.Service) {
		classless(o)
		controllerutil.AddFinalizer(o, ccmFinalizer)
		annotate(o, v1alpha1.AnnotationID, nlbID)
	})

	message := s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInUseByOther)
	s.Expect(message).To(And(ContainSubstring("ccm-0"), ContainSubstring("kube-system/cloud-controller-manager")))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonInUseByOther, "ccm-0")
	s.settles("web")
	s.Expect(s.read("web").Finalizers).To(Equal([]string{ccmFinalizer}))
	s.Expect(apierrors.IsNotFound(s.Get(t.Context(), client.ObjectKeyFromObject(web), &v1alpha1.NetworkLoadBalancer{}))).To(BeTrue())

	s.sim.PutLoadBalancer("", exosim.LoadBalancer{ID: nlbID, Name: "k8s-" + string(web.UID)})
	now.Step(time.Minute) // nobody renews the lease
	change(s, web, func(o *corev1.Service) { annotate(o, "look", "again") })
	s.Expect(s.loadBalancer("web").Spec.ID).To(Equal(nlbID), "the NLB that the CCM made is taken over")
	s.Expect(s.read("web").Finalizers).To(Equal([]string{v1alpha1.ServiceFinalizer}))
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	s.settles("web")
}

func TestAFlagThatChangesReleasesNothing(t *testing.T) {
	s := newScene(t, claiming)
	web := s.service("web", []int32{80}, classless)
	s.run("web", "80-tcp")
	s.published("web")
	s.settles("web")

	s.stop()
	s.edit = nil
	s.start()
	s.shows("web", v1alpha1.ServiceConditionUnclaimed, metav1.ConditionTrue, v1alpha1.ReasonUnclaimed)
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonUnclaimed, "--claim-classless-services")
	child := s.nlbService("web-80-tcp").ResourceVersion
	change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationStrategy, "source-hash") })
	s.settles("web")
	s.Expect(s.nlbService("web-80-tcp").ResourceVersion).To(Equal(child))
	s.Expect(s.published("web").IP).To(Equal(address))

	s.stop()
	s.edit = claiming
	s.start()
	s.Eventually(func() v1alpha1.Strategy { return s.nlbService("web-80-tcp").Spec.Strategy }).Should(Equal(v1alpha1.StrategySourceHash))
	s.Eventually(func() *metav1.Condition {
		return meta.FindStatusCondition(s.read("web").Status.Conditions, v1alpha1.ServiceConditionUnclaimed)
	}).Should(BeNil())
}

// holding keeps an object from vanishing, as its controller does until the
// cloud reports it gone; what it returns lets it go.
func holding(s *scene, object client.Object) (let func()) {
	const finalizer = "test.exoscale.com/hold"
	change(s, object, func(o client.Object) { controllerutil.AddFinalizer(o, finalizer) })
	return func() { change(s, object, func(o client.Object) { controllerutil.RemoveFinalizer(o, finalizer) }) }
}

func (s *scene) gone(object client.Object) {
	s.t.Helper()
	s.Eventually(func() bool {
		return apierrors.IsNotFound(s.Get(s.t.Context(), client.ObjectKeyFromObject(object), object))
	}).Should(BeTrue(), "%T %s is still there", object, object.GetName())
}

func TestADeletedServiceGoesWhenItsObjectsAreGone(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	s.published("web")
	let := holding(s, s.loadBalancer("web"))
	child := s.nlbService("web-80-tcp")

	s.Expect(s.Delete(t.Context(), web)).To(Succeed())
	s.gone(child)
	message := s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonDeleting)
	s.Expect(message).To(ContainSubstring("NetworkLoadBalancer web"))
	s.settles("web")
	let()
	s.gone(web)
}

func TestAServiceThatIsNoLoadBalancerAnyMoreIsLetGo(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	s.published("web")
	s.Eventually(func() string { return s.read("web").Annotations[v1alpha1.AnnotationID] }).Should(Equal(nlbID))
	lb := s.loadBalancer("web")
	let := holding(s, lb)

	change(s, web, func(o *corev1.Service) {
		o.Spec.Type, o.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil
		o.Spec.AllocateLoadBalancerNodePorts = nil
	})
	s.Eventually(func() map[string]string { return s.read("web").Annotations }).ShouldNot(HaveKey(v1alpha1.AnnotationID), "its NLB goes")
	let()
	s.gone(lb)
	s.Eventually(func(g Gomega) {
		now := s.read("web")
		g.Expect(now.Finalizers).To(BeEmpty())
		g.Expect(now.Status.Conditions).To(BeEmpty())
		g.Expect(now.Status.LoadBalancer.Ingress).To(BeEmpty())
	}).Should(Succeed())

	change(s, web, func(o *corev1.Service) {
		o.Spec.Type, o.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, ptr.To(v1alpha1.LoadBalancerClass)
	})
	s.Expect(s.loadBalancer("web").Spec.ID).To(BeEmpty())
}

func TestAChildThatSomebodyDeletesIsMadeAnew(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	s.published("web")
	lb := s.loadBalancer("web")
	let := holding(s, lb)
	s.Expect(s.Delete(t.Context(), lb)).To(Succeed())
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonLoadBalancerDeleting)
	let()
	s.Eventually(func() bool { return s.loadBalancer("web").UID != lb.UID }).Should(BeTrue())
	s.Expect(s.loadBalancer("web").Spec.ID).To(BeEmpty())
	s.Expect(s.published("web").IP).To(Equal(address))
	s.settles("web")
}
