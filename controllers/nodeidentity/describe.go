package nodeidentity

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// instanceGone is the state of an instance that its zone doesn't list any more.
const instanceGone = "gone"

// describe writes what is known of a binding into the status.
func describe(object *v1alpha1.NodeIdentity, bound identity.Binding) {
	status := &object.Status
	status.ObservedGeneration = object.Generation
	status.NodeName, status.NodeUID = nodeOf(bound)
	status.PinnedAddresses = bound.Pins
	if bound.Instance == nil {
		status.InstanceState = instanceGone
	} else {
		status.InstanceName, status.InstanceState, status.InstanceType = bound.Instance.Name, bound.Instance.State, bound.Type
		// An instance says itself which pool it is in, also where the pools, read at
		// another moment, don't show that one.
		if status.InstancePoolID != bound.Instance.InstancePoolID {
			status.InstancePoolName = ""
		}
		status.InstancePoolID, status.SKSNodepool = bound.Instance.InstancePoolID, bound.Nodepool
		status.Addresses, status.LeasedAddresses = bound.Addresses, bound.Leased
	}
	if bound.Instance != nil && bound.Pool != nil {
		status.InstancePoolID, status.InstancePoolName = bound.Pool.ID, bound.Pool.Name
	}
	describeConditions(object, bound)
}

// nodeOf keeps the Node that was the instance while it says to be another one: so the
// next round knows that, too.
func nodeOf(bound identity.Binding) (name string, uid types.UID) {
	switch {
	case bound.Node != nil:
		return bound.Node.Name, bound.Node.UID
	case bound.Former != nil:
		return bound.Former.Name, bound.Former.UID
	default:
		return "", ""
	}
}

func describeConditions(object *v1alpha1.NodeIdentity, bound identity.Binding) {
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		outcome.SetCondition(&object.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: object.Generation,
		})
	}
	verdict := bound.Verdict
	set(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "The spec is valid")
	if bound.Invalid != "" {
		set(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid, bound.Invalid)
	}
	awaited := verdict.Reason == v1alpha1.ReasonNotJoined
	switch {
	case awaited:
		set(v1alpha1.ConditionJoined, metav1.ConditionFalse, v1alpha1.ReasonNotJoined, verdict.Message)
		set(v1alpha1.ConditionVerified, metav1.ConditionUnknown, v1alpha1.ReasonNotJoined, "There is nothing to compare the instance with yet")
	case bound.Node == nil:
		set(v1alpha1.ConditionJoined, metav1.ConditionFalse, verdict.Reason, verdict.Message)
		set(v1alpha1.ConditionVerified, metav1.ConditionFalse, verdict.Reason, verdict.Message)
	case verdict.Verified:
		set(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonJoined, "Node "+bound.Node.Name+" has joined")
		set(v1alpha1.ConditionVerified, metav1.ConditionTrue, verdict.Reason, verdict.Message)
	default:
		set(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonJoined, "Node "+bound.Node.Name+" has joined")
		set(v1alpha1.ConditionVerified, metav1.ConditionFalse, verdict.Reason, verdict.Message)
	}
	ready, reason := metav1.ConditionFalse, verdict.Reason
	if verdict.Verified {
		ready, reason = metav1.ConditionTrue, v1alpha1.ReasonReady
	}
	set(v1alpha1.ConditionReady, ready, reason, verdict.Message)
	stands := func(kind string, holds bool) {
		if holds {
			set(kind, metav1.ConditionTrue, verdict.Reason, verdict.Message)
		} else {
			meta.RemoveStatusCondition(&object.Status.Conditions, kind)
		}
	}
	stands(v1alpha1.ConditionReconciling, awaited)
	stands(v1alpha1.ConditionStalled, !awaited && !verdict.Verified)
}

// tell makes the Events of a change: of the NodeIdentity, and of the Node that it
// is about.
func tell(onIdentity, onNode *outcome.Notices, before *v1alpha1.NodeIdentity, bound identity.Binding) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionVerified)
	accepted := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionAccepted)
	if bound.Invalid != "" && (accepted == nil || accepted.Message != bound.Invalid) {
		onIdentity.Warning(v1alpha1.ReasonInvalid, "Pin", "%s. What was pinned stays so", bound.Invalid)
	}
	changed := was == nil || was.Reason != bound.Verdict.Reason || was.Message != bound.Verdict.Message
	switch {
	case bound.Verdict.Reason == v1alpha1.ReasonNotJoined, !changed:
	case bound.Verdict.Verified && (was == nil || was.Status != metav1.ConditionTrue):
		onIdentity.Normal(v1alpha1.ReasonVerified, "Verify", "%s", bound.Verdict.Message)
	case !bound.Verdict.Verified:
		onIdentity.Warning(bound.Verdict.Reason, "Verify", "%s", bound.Verdict.Message)
		onNode.Warning(bound.Verdict.Reason, "Verify", "%s. It isn't trusted: no traffic and no certificate because of it", bound.Verdict.Message)
	}
}
