package outcome

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Describe writes the outcome into an object's conditions: Accepted and
// Programmed, Ready computed from them, and Reconciling or Stalled while they
// are true (kstatus). Transition times move only when a status changes.
func (o Outcome) Describe(conditions *[]metav1.Condition, generation int64) {
	if ready := meta.FindStatusCondition(*conditions, v1alpha1.ConditionReady); o.Quiet && ready != nil && ready.ObservedGeneration == generation {
		return
	}
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		SetCondition(conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation,
		})
	}
	accepted, programmed := o.accepted(), o.programmed(meta.FindStatusCondition(*conditions, v1alpha1.ConditionProgrammed))
	set(v1alpha1.ConditionAccepted, accepted.Status, accepted.Reason, accepted.Message)
	set(v1alpha1.ConditionProgrammed, programmed.Status, programmed.Reason, programmed.Message)
	switch {
	case accepted.Status != metav1.ConditionTrue:
		set(v1alpha1.ConditionReady, accepted.Status, accepted.Reason, accepted.Message)
	case programmed.Status != metav1.ConditionTrue:
		set(v1alpha1.ConditionReady, programmed.Status, programmed.Reason, programmed.Message)
	default:
		set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Served as asked for")
	}

	stands := func(kind string, holds bool) {
		if holds {
			set(kind, metav1.ConditionTrue, o.Reason, o.Message)
		} else {
			meta.RemoveStatusCondition(conditions, kind)
		}
	}
	stands(v1alpha1.ConditionReconciling, o.Kind == KindWaiting || o.Kind == KindRetry)
	stands(v1alpha1.ConditionStalled, o.Kind == KindInvalid || o.Kind == KindBlocked)
}

// SetCondition sets a condition, whose message is cut to what can be written: it is
// the only way to set one. A status with one that is too long could never be written
// again.
func SetCondition(conditions *[]metav1.Condition, condition metav1.Condition) {
	condition.Message = brief.Cut(condition.Message, brief.Condition)
	meta.SetStatusCondition(conditions, condition)
}

func (o Outcome) accepted() metav1.Condition {
	if o.NotAccepted {
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: o.Reason, Message: o.Message}
	}
	return metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, Message: "The spec is valid, and what it refers to is there"}
}

// programmed tells what is known of the cloud. Where a fault keeps us from
// looking, an object that was programmed most likely still is: Unknown, not
// False, so that an outage of the API doesn't read as an outage of traffic.
func (o Outcome) programmed(before *metav1.Condition) metav1.Condition {
	switch {
	case o.Kind == KindDone:
		return metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonProgrammed, Message: "Exoscale holds what the spec asks for"}
	case o.cannotLook() && before != nil && before.Status != metav1.ConditionFalse:
		return metav1.Condition{Status: metav1.ConditionUnknown, Reason: o.Reason, Message: o.Message}
	default:
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: o.Reason, Message: o.Message}
	}
}

func (o Outcome) cannotLook() bool {
	return o.Kind == KindRetry || o.Reason == v1alpha1.ReasonInvalidCredentials || o.Reason == v1alpha1.ReasonForbidden || o.Reason == v1alpha1.ReasonManyVanished
}
