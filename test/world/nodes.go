package world

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// JoinNodes makes a ready Node of each instance, as kubelet and a cloud
// controller manager would: of the same name, with its providerID and address.
func JoinNodes(ctx context.Context, c client.Client, instances []exosim.Instance) error {
	return JoinLabeledNodes(ctx, c, instances, nil)
}

// JoinLabeledNodes is JoinNodes for operators that work with the Nodes of some
// labels only (Options.NodeLabels), so that several share a cluster.
func JoinLabeledNodes(ctx context.Context, c client.Client, instances []exosim.Instance, labels map[string]string) error {
	for _, instance := range instances {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: instance.Name, Labels: map[string]string{corev1.LabelHostname: instance.Name}},
			Spec:       corev1.NodeSpec{ProviderID: identity.ProviderPrefix + instance.ID},
		}
		maps.Copy(node.Labels, labels)
		if err := c.Create(ctx, node); err != nil {
			return fmt.Errorf("joining node %s: %w", instance.Name, err)
		}
		before := node.DeepCopy()
		node.Status.Addresses = []corev1.NodeAddress{
			{Type: corev1.NodeHostName, Address: instance.Name},
			{Type: corev1.NodeExternalIP, Address: instance.PublicIP},
		}
		node.Status.NodeInfo.SystemUUID = instance.ID
		node.Status.Conditions = []corev1.NodeCondition{readiness(true)}
		if err := c.Status().Patch(ctx, node, client.MergeFrom(before)); err != nil {
			return fmt.Errorf("joining node %s: %w", instance.Name, err)
		}
	}
	return nil
}

// SetReady says of a Node whether its kubelet is well.
func SetReady(ctx context.Context, c client.Client, name string, ready bool) error {
	node := &corev1.Node{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
		return err
	}
	before := node.DeepCopy()
	node.Status.Conditions = []corev1.NodeCondition{readiness(ready)}
	return c.Status().Patch(ctx, node, client.MergeFrom(before))
}

func readiness(ready bool) corev1.NodeCondition {
	condition := corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue,
		Reason: "KubeletReady", LastTransitionTime: metav1.Now(), LastHeartbeatTime: metav1.Now(),
	}
	if !ready {
		condition.Status, condition.Reason = corev1.ConditionUnknown, "NodeStatusUnknown"
	}
	return condition
}

// WithoutHeartbeats are flags of kube-controller-manager that let Nodes stay
// ready although no kubelet reports for them.
func WithoutHeartbeats() map[string]string {
	return map[string]string{"controllers": "*,-node-lifecycle-controller,-taint-eviction-controller"}
}
