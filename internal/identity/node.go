package identity

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// ProviderPrefix begins the spec.providerID of a Node that is an Exoscale instance.
const ProviderPrefix = "exoscale://"

var instanceID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// NodeInstanceID is the id of the Exoscale instance that a Node says it is:
// from spec.providerID (exoscale://<id>), else from status.nodeInfo.systemUUID,
// which on Exoscale equals the instance's id. Empty if it says nothing that
// could be an id. Machines elsewhere have a systemUUID too: only an instance of
// that id proves that the Node is one.
func NodeInstanceID(node *corev1.Node) string {
	if id, found := strings.CutPrefix(node.Spec.ProviderID, ProviderPrefix); found {
		if id = strings.ToLower(id); instanceID.MatchString(id) {
			return id
		}
	}
	if id := strings.ToLower(node.Status.NodeInfo.SystemUUID); instanceID.MatchString(id) {
		return id
	}
	return ""
}

// NodeNames gives the name of the Node that each instance is, by instance id.
// Of several Nodes that say they are one instance, the oldest is it.
func NodeNames(nodes []corev1.Node) map[string]string {
	byAge := make([]*corev1.Node, len(nodes))
	for i := range nodes {
		byAge[i] = &nodes[i]
	}
	slices.SortFunc(byAge, func(a, b *corev1.Node) int {
		if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	names := make(map[string]string, len(nodes))
	for _, node := range byAge {
		id := NodeInstanceID(node)
		if _, known := names[id]; id != "" && !known {
			names[id] = node.Name
		}
	}
	return names
}

// SelectNodes gives the Nodes whose labels the selector matches.
func SelectNodes(nodes []corev1.Node, selector labels.Selector) []corev1.Node {
	var selected []corev1.Node
	for i := range nodes {
		if selector.Matches(labels.Set(nodes[i].Labels)) {
			selected = append(selected, nodes[i])
		}
	}
	return selected
}

// excluded: somebody keeps load balancers away from the Node, as kubeadm does
// with those of the control plane.
func excluded(node *corev1.Node) bool {
	_, labelled := node.Labels[corev1.LabelNodeExcludeBalancers]
	return labelled
}

func leaving(node *corev1.Node) bool { return node.DeletionTimestamp != nil }

func cordoned(node *corev1.Node) bool { return node.Spec.Unschedulable }

func ready(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// RelevantChange tells whether a Node changed in anything that InferPool looks
// at; heartbeats don't count.
func RelevantChange(before, after *corev1.Node) bool {
	return NodeInstanceID(before) != NodeInstanceID(after) ||
		excluded(before) != excluded(after) ||
		leaving(before) != leaving(after) ||
		cordoned(before) != cordoned(after) ||
		ready(before) != ready(after) ||
		!labels.Equals(before.Labels, after.Labels)
}

// IdentityChange tells whether a Node changed in anything that Bind looks at.
func IdentityChange(before, after *corev1.Node) bool {
	return NodeInstanceID(before) != NodeInstanceID(after) ||
		before.Status.NodeInfo.SystemUUID != after.Status.NodeInfo.SystemUUID ||
		before.UID != after.UID ||
		excluded(before) != excluded(after) ||
		before.Annotations[ProvidedNodeIP] != after.Annotations[ProvidedNodeIP] ||
		!slices.Equal(before.Status.Addresses, after.Status.Addresses)
}
