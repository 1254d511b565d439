package projection_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

func TestIDToWrite(t *testing.T) {
	id := annotated(v1alpha1.AnnotationID, ownNLB)
	leaving := func(n *v1alpha1.NetworkLoadBalancer) {
		now := metav1.Now()
		n.DeletionTimestamp = &now
	}
	retained := func(n *v1alpha1.NetworkLoadBalancer) { n.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
	unaddressed := func(n *v1alpha1.NetworkLoadBalancer) { n.Status.ID = ownNLB }
	for name, c := range map[string]struct {
		given  []func(*projection.Input)
		want   string
		change bool
	}{
		"nothing exists":                          {nil, "", false},
		"nothing exists any more":                 {[]func(*projection.Input){id}, ownNLB, false},
		"not made yet":                            {[]func(*projection.Input){child()}, "", false},
		"without an address it may still fail":    {[]func(*projection.Input){child(unaddressed)}, "", false},
		"made: written back":                      {[]func(*projection.Input){child(statusID(ownNLB))}, ownNLB, true},
		"written back already":                    {[]func(*projection.Input){id, writtenByUs, child(statusID(ownNLB))}, ownNLB, false},
		"made anew: what we wrote is corrected":   {[]func(*projection.Input){id, writtenByUs, child(statusID(other))}, other, true},
		"what a user wrote stays":                 {[]func(*projection.Input){id, child(statusID(other))}, ownNLB, false},
		"an external NLB's id isn't written":      {[]func(*projection.Input){child(statusID(ownNLB), attached)}, "", false},
		"its NLB is being deleted":                {[]func(*projection.Input){id, child(statusID(ownNLB), leaving)}, "", true},
		"its object goes, the NLB is retained":    {[]func(*projection.Input){id, child(statusID(ownNLB), leaving, retained)}, "", false},
		"its object goes, the NLB was taken over": {[]func(*projection.Input){id, child(statusID(ownNLB), specID(ownNLB), leaving)}, "", false},
		"another's managed fields prove nothing": {[]func(*projection.Input){id, child(statusID(other)), func(in *projection.Input) {
			writtenByUs(in)
			in.Service.ManagedFields[0].Manager = "kubectl"
		}}, ownNLB, false},
		"managed fields that can't be read prove nothing": {[]func(*projection.Input){id, child(statusID(other)), func(in *projection.Input) {
			writtenByUs(in)
			in.Service.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1("{")
		}}, ownNLB, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(c.given...)
			got, change := projection.IDToWrite(in.Service, in.LoadBalancer)
			if change != c.change || change && got != c.want {
				t.Errorf("want %q %v, got %q %v", c.want, c.change, got, change)
			}
		})
	}
}

func TestPolicyToLeave(t *testing.T) {
	const key = v1alpha1.AnnotationDeletionPolicy
	has := func(policy v1alpha1.DeletionPolicy) func(*v1alpha1.NetworkLoadBalancer) {
		return func(n *v1alpha1.NetworkLoadBalancer) { n.Spec.DeletionPolicy = policy }
	}
	for name, c := range map[string]struct {
		given  []func(*projection.Input)
		want   v1alpha1.DeletionPolicy
		change bool
	}{
		"nothing exists":                          {[]func(*projection.Input){annotated(key, "Retain")}, "", false},
		"not annotated":                           {[]func(*projection.Input){child(has("Retain"))}, "", false},
		"nobody has looked at it":                 {[]func(*projection.Input){annotated(key, "Retain"), child(has("Delete"))}, "Retain", true},
		"the object has it already":               {[]func(*projection.Input){annotated(key, "Retain"), child(has("Retain"))}, "", false},
		"the other way round":                     {[]func(*projection.Input){annotated(key, "Delete"), child(has("Retain"))}, "Delete", true},
		"invalid":                                 {[]func(*projection.Input){annotated(key, "Keep"), child(has("Delete"))}, "", false},
		"what else is invalid doesn't matter":     {[]func(*projection.Input){annotated(key, "Retain", v1alpha1.AnnotationHealthCheckRetries, "50"), child(has("Delete"))}, "Retain", true},
		"an external NLB is never deleted anyway": {[]func(*projection.Input){annotated(key, "Retain"), child(attached)}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(c.given...)
			got, change := projection.PolicyToLeave(in.Service, in.LoadBalancer)
			if got != c.want || change != c.change {
				t.Errorf("want %q %v, got %q %v", c.want, c.change, got, change)
			}
		})
	}
}
