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
	levels map[string]trustLevel // by the name of the Node
	// byDefault is that of a Node of which nobody has said anything.
	byDefault trustLevel
}

// trustLevel is how far a Node is trusted.
type trustLevel int

const (
	undecided trustLevel = iota // a NodeIdentity is about to tell
	trusted
	distrusted
)

// TrustIn reads off the NodeIdentities whom to trust in a zone. They are kept of the
// operator's zone only (home; empty: of none). In another one nothing can be verified:
// there a Node is trusted unless a NodeIdentity says that it isn't what it says to be.
func TrustIn(zone, home string, known []v1alpha1.NodeIdentity) Trust {
	trust := Trust{levels: map[string]trustLevel{}}
	isHome := zone == home && home != ""
	if !isHome {
		trust.byDefault = trusted
	}
	for i := range known {
		node, level := known[i].Status.NodeName, trustBy(&known[i], isHome)
		if node != "" && level != undecided && trust.levels[node] != trusted {
			trust.levels[node] = level
		}
	}
	return trust
}

// trustBy is what a NodeIdentity says of its Node. That an instance isn't in the
// zone speaks against a Node there only: it may be in another one.
func trustBy(known *v1alpha1.NodeIdentity, isHome bool) trustLevel {
	condition := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	switch {
	case condition == nil:
		return undecided
	case condition.Status == metav1.ConditionTrue:
		return trusted
	case condition.Status == metav1.ConditionFalse && (isHome || condition.Reason != v1alpha1.ReasonNotFound):
		return distrusted
	default:
		return undecided
	}
}

func (t Trust) in(node *corev1.Node) trustLevel {
	if told, is := t.levels[node.Name]; is {
		return told
	}
	return t.byDefault
}

// Trusted gives those of the Nodes that are trusted.
func (t Trust) Trusted(nodes []corev1.Node) []corev1.Node {
	kept := make([]corev1.Node, 0, len(nodes))
	for i := range nodes {
		if t.in(&nodes[i]) == trusted {
			kept = append(kept, nodes[i])
		}
	}
	return kept
}

// TrustChange tells whether a NodeIdentity changed in what a Trust is made of.
func TrustChange(before, after *v1alpha1.NodeIdentity) bool {
	return before.Status.NodeName != after.Status.NodeName ||
		trustBy(before, true) != trustBy(after, true) ||
		trustBy(before, false) != trustBy(after, false)
}
