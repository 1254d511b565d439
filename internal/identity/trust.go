package identity

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Trust tells which Nodes may be used: for their instances to get traffic, and for
// their names to be shown. Nothing else than a NodeIdentity makes a Node trusted.
// The zero Trust trusts none.
type Trust struct {
	verdicts map[string]verdict // by the name of the Node
	// byDefault is the verdict on a Node of which nobody has said anything.
	byDefault verdict
}

type verdict int

const (
	undecided verdict = iota // it is about to be told
	verified
	refuted
)

// TrustIn reads off the NodeIdentities whom to trust in a zone. They are kept of the
// operator's zone only (home; empty: of none). In another one nothing can be verified:
// there a Node is trusted unless a NodeIdentity says that it isn't what it says to be.
func TrustIn(zone, home string, known []v1alpha1.NodeIdentity) Trust {
	trust := Trust{verdicts: map[string]verdict{}}
	isHome := zone == home && home != ""
	if !isHome {
		trust.byDefault = verified
	}
	for i := range known {
		node := known[i].Status.NodeName
		switch on := verdictOf(&known[i], isHome); {
		case node == "" || on == undecided || trust.verdicts[node] == verified:
		default:
			trust.verdicts[node] = on
		}
	}
	return trust
}

// verdictOf is what a NodeIdentity says of its Node. That an instance isn't in the
// zone speaks against a Node there only: it may be in another one.
func verdictOf(known *v1alpha1.NodeIdentity, isHome bool) verdict {
	condition := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	switch {
	case condition == nil:
		return undecided
	case condition.Status == metav1.ConditionTrue:
		return verified
	case condition.Status == metav1.ConditionFalse && (isHome || condition.Reason != v1alpha1.ReasonNotFound):
		return refuted
	default:
		return undecided
	}
}

func (t Trust) on(node *corev1.Node) verdict {
	if told, is := t.verdicts[node.Name]; is {
		return told
	}
	return t.byDefault
}

// Trusted gives those of the Nodes that are trusted.
func (t Trust) Trusted(nodes []corev1.Node) []corev1.Node {
	trusted := make([]corev1.Node, 0, len(nodes))
	for i := range nodes {
		if t.on(&nodes[i]) == verified {
			trusted = append(trusted, nodes[i])
		}
	}
	return trusted
}

// TrustChange tells whether a NodeIdentity changed in what a Trust is made of.
func TrustChange(before, after *v1alpha1.NodeIdentity) bool {
	return before.Status.NodeName != after.Status.NodeName ||
		verdictOf(before, true) != verdictOf(after, true) ||
		verdictOf(before, false) != verdictOf(after, false)
}
