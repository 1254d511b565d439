package service_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// What is in a spec can't be put right: neither by correcting the annotation nor
// by removing it.
func TestAnIDThatDoesNotExistIsBoundToNothing(t *testing.T) {
	for name, external := range map[string]bool{"to be taken over": false, "external": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			web := s.service("web", []int32{80}, func(o *corev1.Service) {
				annotate(o, v1alpha1.AnnotationID, nlbID)
				if external {
					annotate(o, v1alpha1.AnnotationExternal, "true")
				}
			})
			message := s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotFound)
			s.Expect(message).To(And(ContainSubstring(v1alpha1.AnnotationID), ContainSubstring(nlbID), ContainSubstring(exosim.DefaultZone)))
			s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonNotFound, nlbID)
			s.settles("web")
			s.Expect(apierrors.IsNotFound(s.Get(t.Context(), client.ObjectKeyFromObject(web), &v1alpha1.NetworkLoadBalancer{}))).To(BeTrue())
			s.Expect(s.round("web").RequeueAfter).NotTo(BeZero(), "it may come")

			there := s.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
			change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationID, there.ID) })
			s.Expect(s.loadBalancer("web").Spec.ID).To(Equal(there.ID))
			s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
		})
	}
}

func TestWithoutTheIDThatDoesNotExistANewNLBIsMade(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80}, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationID, nlbID) })
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotFound)
	change(s, web, func(o *corev1.Service) { delete(o.Annotations, v1alpha1.AnnotationID) })
	s.Expect(s.loadBalancer("web").Spec.ID).To(BeEmpty())
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestAnIDThatCannotBeLookedUpIsWaitedFor(t *testing.T) {
	s := newScene(t, nil)
	there := s.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	works := s.sim.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: 403})
	s.service("web", []int32{80}, func(o *corev1.Service) {
		annotate(o, v1alpha1.AnnotationID, there.ID)
		annotate(o, v1alpha1.AnnotationInstancePoolID, s.pool.ID)
	})
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonForbidden)
	works()
	s.Eventually(func() bool {
		s.round("web")
		return meta.IsStatusConditionTrue(s.read("web").Status.Conditions, v1alpha1.ServiceConditionAccepted)
	}).Should(BeTrue())
	s.Expect(s.loadBalancer("web").Spec.ID).To(Equal(there.ID))
}

// Nothing is touched: neither is an NLB of its own exchanged, and so leaked, nor
// one taken that the operator only attached to.
func TestExternalIsNotSwitchedOnOrOff(t *testing.T) {
	s := newScene(t, nil)
	there := s.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	own := s.service("own", []int32{80}, nil)
	attached := s.service("attached", []int32{80}, func(o *corev1.Service) {
		annotate(o, v1alpha1.AnnotationExternal, "true")
		annotate(o, v1alpha1.AnnotationID, there.ID)
	})
	for _, name := range []string{"own", "attached"} {
		s.run(name, "80-tcp")
		s.published(name)
		s.settles(name)
	}
	before := s.versions()

	change(s, own, func(o *corev1.Service) {
		delete(o.Annotations, v1alpha1.AnnotationID)
		annotate(o, v1alpha1.AnnotationExternal, "true")
		annotate(o, v1alpha1.AnnotationName, "terraform")
	})
	s.Expect(s.shows("own", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).
		To(And(ContainSubstring(nlbID), ContainSubstring("NLB of its own"), ContainSubstring("another Service")))
	s.tells("own", corev1.EventTypeWarning, v1alpha1.ReasonInvalid, "NLB of its own")
	change(s, attached, func(o *corev1.Service) { delete(o.Annotations, v1alpha1.AnnotationExternal) })
	s.Expect(s.shows("attached", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).
		To(And(ContainSubstring(there.ID), ContainSubstring("only attaches"), ContainSubstring("another Service")))
	s.tells("attached", corev1.EventTypeWarning, v1alpha1.ReasonInvalid, "only attaches")

	for _, name := range []string{"own", "attached"} {
		s.settles(name)
		s.published(name)
	}
	after := s.versions()
	for object, version := range before {
		if object != "*v1.Service own" && object != "*v1.Service attached" {
			s.Expect(after).To(HaveKeyWithValue(object, version))
		}
	}
}
