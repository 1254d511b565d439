package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Verdict is what the comparison of a Node with its instance came to.
type Verdict struct {
	// Verified is true if they agree.
	Verified bool
	// Reason and Message say why, for people.
	Reason, Message string
}

// refused tells whether a NodeIdentity stands for a Node that isn't the instance
// which it says to be.
func refused(known *v1alpha1.NodeIdentity) bool {
	_, labelled := known.Labels[v1alpha1.LabelRefused]
	return labelled
}

func isVerified(known *v1alpha1.NodeIdentity) bool {
	return meta.IsStatusConditionTrue(known.Status.Conditions, v1alpha1.ConditionVerified)
}

// wasVerified tells whether a NodeIdentity is verified, or was when its Node began
// to say that it is another instance: that is kept in mind as long as it does.
func wasVerified(known *v1alpha1.NodeIdentity) bool {
	verified := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	return isVerified(known) || verified != nil && verified.Reason == v1alpha1.ReasonInstanceMismatch &&
		meta.IsStatusConditionFalse(known.Status.Conditions, v1alpha1.ConditionJoined)
}

// madeSince tells whether a Node was made after a NodeIdentity that names it was
// verified: whoever deletes a Node lets another instance take its name.
func madeSince(node *corev1.Node, known *v1alpha1.NodeIdentity) bool {
	verified := meta.FindStatusCondition(known.Status.Conditions, v1alpha1.ConditionVerified)
	return verified != nil && node.CreationTimestamp.After(verified.LastTransitionTime.Time)
}

// saysExoscale tells whether a Node calls itself an Exoscale instance. A
// systemUUID alone says nothing: machines elsewhere have one, too.
func saysExoscale(node *corev1.Node) bool {
	return strings.HasPrefix(node.Spec.ProviderID, ProviderPrefix)
}

// verify compares a Node with the instance that it says to be. Nothing that the
// Node says of itself counts as proof but what the instance confirms.
func (b binder) verify(bound Binding) Verdict {
	node, instance := bound.Node, bound.Instance
	no := func(reason, format string, args ...any) Verdict {
		return Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case node == nil && bound.Former != nil:
		return no(v1alpha1.ReasonInstanceMismatch, "Node %s was verified as instance %q (%s) and says to be %s now", bound.Former.Name, instance.Name, instance.ID, claim(bound.Former))
	case node == nil && len(b.bearers[strings.ToLower(instance.Name)]) > 1:
		return b.duplicate(node, instance)
	case node == nil:
		return no(v1alpha1.ReasonNotJoined, "No Node says to be instance %q (%s)", instance.Name, instance.ID)
	case instance == nil:
		return no(v1alpha1.ReasonNotFound, "Node %s says to be instance %s, which zone %s doesn't have any more", node.Name, bound.InstanceID, bound.Zone)
	}
	if uuid := strings.ToLower(node.Status.NodeInfo.SystemUUID); instanceID.MatchString(uuid) && uuid != bound.InstanceID {
		return no(v1alpha1.ReasonInstanceMismatch, "Node %s has the providerID of instance %s and the systemUUID of %s; its kubelet runs elsewhere than it says", node.Name, bound.InstanceID, uuid)
	}
	if before := b.was[node.Name]; before != "" {
		return no(v1alpha1.ReasonInstanceMismatch, "Node %s was verified as instance %s, which isn't known to be gone, and says to be %s now; if the Node has moved, delete it and let its kubelet join anew", node.Name, before, bound.InstanceID)
	}
	if !sameName(node.Name, instance.Name) {
		return no(v1alpha1.ReasonNameMismatch, "Node %s is instance %s, whose name is %q; the Node has to bear that name, alone or with a domain: see docs/node-names.md", node.Name, instance.ID, instance.Name)
	}
	held := bound.Known != nil && wasVerified(bound.Known) && bound.Known.Status.NodeName == node.Name
	if len(b.bearers[strings.ToLower(instance.Name)]) > 1 && !held {
		return b.duplicate(node, instance)
	}
	if strange := strangers(node, bound.Addresses); len(strange) > 0 {
		return no(v1alpha1.ReasonAddressMismatch, "Node %s has address %s, which instance %q (%s) doesn't have: it has %s%s",
			node.Name, brief.List(b.withUsers(strange, node, instance)), instance.Name, instance.ID, listed(bound.Addresses), b.pinsAgainst(strange, bound))
	}
	return Verdict{Verified: true, Reason: v1alpha1.ReasonVerified, Message: fmt.Sprintf("Node %s is instance %q (%s)", node.Name, instance.Name, instance.ID)}
}

// duplicate: whoever comes up under the name could be either.
func (b binder) duplicate(node *corev1.Node, instance *nlb.Instance) Verdict {
	bearers := b.bearers[strings.ToLower(instance.Name)]
	message := fmt.Sprintf("%d instances are called %q: %s; rename all but one, see docs/node-names.md", len(bearers), instance.Name, idsOf(bearers))
	if node != nil {
		message = fmt.Sprintf("Node %s says to be instance %s, and %s", node.Name, instance.ID, message)
	}
	return Verdict{Reason: v1alpha1.ReasonDuplicateName, Message: message}
}

// refusal says why a Node isn't the instance that it says to be.
func (b binder) refusal(id string, node, holder *corev1.Node) Verdict {
	if holder == nil {
		return Verdict{Reason: v1alpha1.ReasonNotFound, Message: fmt.Sprintf(
			"Node %s says to be instance %s, and %s of that id: it is another zone's or account's, or gone", node.Name, id, b.noneHas())}
	}
	return Verdict{Reason: v1alpha1.ReasonInUseByOther, Message: fmt.Sprintf(
		"Node %s says to be instance %s, which is Node %s already; delete whichever of the two doesn't run there, and if its kubelet registers it again, correct that one's --provider-id",
		node.Name, id, holder.Name)}
}

// noneHas says, for people, where an instance was looked for in vain.
func (b binder) noneHas() string {
	if len(b.Read) == 1 {
		return fmt.Sprintf("zone %s has none", b.Read[0])
	}
	return fmt.Sprintf("the zones in use (%s) have none", brief.List(b.Read))
}

// claim is the instance that a Node says to be, for people.
func claim(node *corev1.Node) string {
	return cmp.Or(NodeInstanceID(node), "none")
}

// sameName tells whether a Node bears the name of its instance, alone or with a
// domain behind it. Instances may have capitals, Nodes can't.
func sameName(node, instance string) bool {
	instance = strings.ToLower(instance)
	return instance != "" && (node == instance || strings.HasPrefix(node, instance+"."))
}

func idsOf(instances []*nlb.Instance) string {
	ids := make([]string, len(instances))
	for i, instance := range instances {
		ids[i] = instance.ID
	}
	slices.Sort(ids)
	return brief.List(ids)
}
