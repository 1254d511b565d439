package identity

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Trust tells which Nodes may be used: for their instances to get traffic, and for
// their names to be shown. Nothing else than a NodeIdentity makes a Node trusted, in
// whatever zone, and only as the instance that the NodeIdentity is of: a Node that
// claims another one since is another claim. The zero Trust trusts none.
type Trust struct {
	levels map[claimed]trustLevel
}

// claimed is a Node that claims to be an instance.
type claimed struct{ node, instanceID string }

// trustLevel is how far a Node is trusted.
type trustLevel int

const (
	undecided  trustLevel = iota // a NodeIdentity is about to tell
	missing                      // no zone in use has had the instance; a newer list may
	distrusted                   // the Node isn't the instance
	trusted
)

// TrustBy reads off the NodeIdentities whom to trust. Of several on one claim the
// one that says most counts.
func TrustBy(known []v1alpha1.NodeIdentity) Trust {
	trust := Trust{levels: make(map[claimed]trustLevel, len(known))}
	for i := range known {
		claim := claimed{known[i].Status.NodeName, known[i].Spec.InstanceID}
		if level := trustOf(&known[i]); claim.node != "" && level > trust.levels[claim] {
			trust.levels[claim] = level
		}
	}
	return trust
}

// trustOf is what a NodeIdentity says of its Node.
func trustOf(known *v1alpha1.NodeIdentity) trustLevel {
	condition := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	switch {
	case condition == nil:
		return undecided
	case condition.Status == metav1.ConditionTrue:
		return trusted
	case condition.Status != metav1.ConditionFalse:
		return undecided
	case condition.Reason == v1alpha1.ReasonNotFound:
		return missing
	default:
		return distrusted
	}
}

func (t Trust) in(node *corev1.Node) trustLevel {
	return t.levels[claimed{node.Name, NodeInstanceID(node)}]
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
	return before.Status.NodeName != after.Status.NodeName || trustOf(before) != trustOf(after)
}
