package identity

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Trusted gives the Nodes that no NodeIdentity speaks against: without those that
// say to be the instance of another Node, or that don't agree with their own. A
// Node of which nothing is known yet, or which is of another zone, stays: whether
// it is an instance is told by the list of the zone.
func Trusted(nodes []corev1.Node, known []v1alpha1.NodeIdentity) []corev1.Node {
	verified, distrusted := map[string]bool{}, map[string]bool{}
	for i := range known {
		switch node := known[i].Status.NodeName; {
		case node == "":
		case isVerified(&known[i]):
			verified[node] = true
		case speaksAgainst(&known[i]):
			distrusted[node] = true
		}
	}
	trusted := make([]corev1.Node, 0, len(nodes))
	for i := range nodes {
		if name := nodes[i].Name; verified[name] || !distrusted[name] {
			trusted = append(trusted, nodes[i])
		}
	}
	return trusted
}

// speaksAgainst tells whether a NodeIdentity says that its Node isn't what it says
// to be. That its instance isn't in the zone doesn't: it may be in another one.
func speaksAgainst(known *v1alpha1.NodeIdentity) bool {
	verified := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	return verified != nil && verified.Status == metav1.ConditionFalse && verified.Reason != v1alpha1.ReasonNotFound
}

// TrustChange tells whether a NodeIdentity changed in what Trusted looks at.
func TrustChange(before, after *v1alpha1.NodeIdentity) bool {
	return before.Status.NodeName != after.Status.NodeName ||
		isVerified(before) != isVerified(after) ||
		speaksAgainst(before) != speaksAgainst(after)
}
