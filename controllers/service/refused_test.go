package service_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// quota allows so many objects of a kind in the scene. Nobody counts for it: what
// is used stays as the test says.
func (s *scene) quota(kind, hard, used string) *corev1.ResourceQuota {
	s.t.Helper()
	name := corev1.ResourceName("count/" + kind + "." + v1alpha1.GroupVersion.Group)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: kind},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{name: resource.MustParse(hard)}},
	}
	s.Expect(s.Create(s.t.Context(), quota)).To(Succeed())
	quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{name: resource.MustParse(used)}}
	s.Expect(s.Status().Update(s.t.Context(), quota)).To(Succeed())
	// The admission plugin knows of it a moment later.
	probe := func() client.Object {
		if kind == "nlbservices" {
			return &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "probe"}, Spec: v1alpha1.NLBServiceSpec{
				LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "probe"}, Port: 1, TargetPort: 1, Target: v1alpha1.Target{InstancePoolName: "workers"},
			}}
		}
		return &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "probe"}}
	}
	if hard == used {
		s.Eventually(func() error { return s.Create(s.t.Context(), probe(), client.DryRunAll) }).Should(MatchError(ContainSubstring("exceeded quota")))
	}
	return quota
}

func TestAPortThatAQuotaRefusesIsSaidAndTheOthersGoOn(t *testing.T) {
	s := newScene(t, nil)
	quota := s.quota("nlbservices", "1", "0")
	s.service("web", []int32{80, 443}, nil)
	s.run("web", "80-tcp")
	s.Expect(s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonForbidden)).
		To(And(ContainSubstring("port 443/TCP"), ContainSubstring("exceeded quota: nlbservices")))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonForbidden, "exceeded quota")
	s.Expect(s.published("web").Ports).To(HaveLen(2))

	s.Expect(s.round("web").RequeueAfter).NotTo(BeZero(), "nothing tells of a quota that is raised")
	s.Expect(s.Delete(t.Context(), quota)).To(Succeed())
	s.Eventually(func() bool {
		s.round("web")
		return meta.IsStatusConditionTrue(s.read("web").Status.Conditions, v1alpha1.ServiceConditionAccepted)
	}).Should(BeTrue())
	s.nlbService("web-443-tcp")
}

func TestANetworkLoadBalancerThatAQuotaRefusesIsSaid(t *testing.T) {
	s := newScene(t, nil)
	quota := s.quota("networkloadbalancers", "0", "0")
	s.service("web", []int32{80}, nil)
	s.Expect(s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonForbidden)).
		To(And(ContainSubstring("NetworkLoadBalancer web"), ContainSubstring("exceeded quota")))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonForbidden, "exceeded quota")
	s.Expect(s.round("web").RequeueAfter).NotTo(BeZero())

	s.Expect(s.Delete(t.Context(), quota)).To(Succeed())
	s.Eventually(func() error {
		s.round("web")
		return s.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "web"}, &v1alpha1.NetworkLoadBalancer{})
	}).Should(Succeed())
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}
