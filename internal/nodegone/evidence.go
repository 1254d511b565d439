package nodegone

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Evidence is all that a decision about one Node is made from.
type Evidence struct {
	Node *corev1.Node
	// Instance is what was recorded of the Node while its instance was there.
	Instance Recorded
	// Lists are those of the instance's zone, up to the last.
	Lists Lists
	// Trouble is why the last list can't be read; empty if it can.
	Trouble string
	// Sibling is an instance of the same zone that the last list has, and that is
	// another Node of this cluster; zero if there is none.
	Sibling Recorded
	// OfInstance and OfSibling are what reads of these two have said.
	OfInstance, OfSibling Answer
	// Nodes is how many there are now, Removed how many were removed within
	// Limits.Window.
	Nodes, Removed int
	Now            time.Time
}

// Recorded is which instance a Node is, by its NodeIdentity.
type Recorded struct {
	NodeName, InstanceID, Zone string
}

// RecordOf is the instance that a Node was known to be; zero if a Node has no
// such NodeIdentity, one that was refused since the instance is another Node, or
// one whose instance was never seen at Exoscale: what has never been there can't
// be gone.
func RecordOf(node *corev1.Node, known *v1alpha1.NodeIdentity) Recorded {
	if known == nil || refused(known) || known.Status.NodeName != node.Name || known.Status.InstanceName == "" ||
		known.Spec.InstanceID != identity.NodeInstanceID(node) {
		return Recorded{}
	}
	return Recorded{NodeName: node.Name, InstanceID: known.Spec.InstanceID, Zone: known.Spec.Zone}
}

func refused(known *v1alpha1.NodeIdentity) bool {
	_, labelled := known.Labels[v1alpha1.LabelRefused]
	return labelled
}

// SiblingOf finds an instance in a list that is a verified Node of this cluster,
// in the same zone. Any other instance would prove less: credentials of another
// organisation show instances, too, and none of ours.
func SiblingOf(gone Recorded, known []v1alpha1.NodeIdentity, list []nlb.Instance) Recorded {
	var sibling Recorded
	for i := range known {
		other := &known[i]
		if other.Spec.Zone != gone.Zone || other.Spec.InstanceID == gone.InstanceID || other.Status.NodeName == gone.NodeName || other.Status.NodeName == "" ||
			!meta.IsStatusConditionTrue(other.Status.Conditions, v1alpha1.ConditionVerified) || !Has(list, other.Spec.InstanceID) {
			continue
		}
		if sibling.InstanceID == "" || other.Spec.InstanceID < sibling.InstanceID { // the same at each look
			sibling = Recorded{NodeName: other.Status.NodeName, InstanceID: other.Spec.InstanceID, Zone: other.Spec.Zone}
		}
	}
	return sibling
}

// Has tells whether a list has an instance.
func Has(list []nlb.Instance, id string) bool {
	return slices.ContainsFunc(list, func(instance nlb.Instance) bool { return instance.ID == id })
}

// Lists are the lists of a zone as far as they tell of one instance.
type Lists struct {
	// Last is when the last one was read; Empty: it had no instance at all.
	Last  time.Time
	Empty bool
	// Lacking is how many lists in a row, read at different times, have lacked
	// the instance; Since is when the first of them was read. Lists that are empty
	// prove nothing, and don't count.
	Lacking int
	Since   time.Time
	// Missed is when the instance was first missed, be it by an empty list.
	Missed time.Time
}

// Add adds a list that was read at a time. The same list again changes nothing;
// one that has the instance begins anew. One from before the Node was made can't
// tell of it, and counts for nothing.
func (l Lists) Add(node *corev1.Node, instanceID string, list []nlb.Instance, at time.Time) Lists {
	switch {
	case at.IsZero() || !at.After(l.Last) || !at.After(node.CreationTimestamp.Time):
		return l
	case Has(list, instanceID):
		return Lists{Last: at}
	}
	l.Last, l.Empty = at, len(list) == 0
	if l.Missed.IsZero() {
		l.Missed = at
	}
	if l.Empty {
		return l
	}
	if l.Lacking == 0 {
		l.Since = at
	}
	l.Lacking++
	return l
}

// Answer is what a read of one instance has said.
type Answer struct {
	Kind AnswerKind
	// Words of the cloud, for Unreachable and Refused.
	Words string
}

// AnswerKind is what an Answer means.
type AnswerKind string

// The kinds of answers.
const (
	// Unasked: nobody has asked.
	Unasked AnswerKind = ""
	// Present: the instance is there, whatever its state.
	Present AnswerKind = "Present"
	// Absent: Exoscale knows no such instance (404), exactly.
	Absent AnswerKind = "Absent"
	// Unreachable: no answer, or one that passes; asking again helps.
	Unreachable AnswerKind = "Unreachable"
	// Refused: it will be refused again until somebody changes something.
	Refused AnswerKind = "Refused"
)

// kubeletPosts tells whether the kubelet has posted anything since a time, so
// that its instance must have been there. Ready means so whenever it was posted:
// Kubernetes takes it back from a kubelet that is silent.
func kubeletPosts(node *corev1.Node, since time.Time) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		return condition.Status == corev1.ConditionTrue ||
			condition.Status == corev1.ConditionFalse && condition.LastHeartbeatTime.After(since)
	}
	return false
}

// Suspicious tells whether a Node is worth a look: its kubelet doesn't report
// Ready, or its NodeIdentity isn't verified. Of all others nothing is asked.
func Suspicious(node *corev1.Node, verified bool) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status != corev1.ConditionTrue || !verified
		}
	}
	return true
}
