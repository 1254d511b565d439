package nodeinit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/identity"
)

// Taint is what a kubelet with --cloud-provider=external registers its Node
// with. Whoever initialises the Node removes it.
const Taint = "node.cloudprovider.kubernetes.io/uninitialized"

// Plan is what to write into a Node. The zero value is nothing.
type Plan struct {
	// Addresses replace status.addresses, before anything else is written; nil:
	// they stay.
	Addresses []corev1.NodeAddress
	// ProviderID for spec.providerID; empty: it stays.
	ProviderID string
	// Labels to set; all others stay.
	Labels map[string]string
	// RemoveTaint ends the initialisation. It goes in the same write as
	// ProviderID and Labels, so that no Node loses the taint without them.
	RemoveTaint bool
	// Problem says why a Node that waits to be initialised is not, for whoever
	// runs the cluster. Nothing is planned then. A Node that is initialised works,
	// and gets what it can get.
	Problem string
	// Awaited is what isn't known yet of a Node that waits to be initialised.
	Awaited string
}

// For tells what a Node lacks, by the NodeIdentity that is the Node's; nil if it
// has none.
//
//	not verified, another instance, another provider   nothing
//	uninitialised                                      all of it, and the taint goes
//	initialised                                        what is missing of providerID and labels;
//	                                                   addresses where a cloud provider keeps them
func For(node *corev1.Node, known *v1alpha1.NodeIdentity) Plan {
	if node.DeletionTimestamp != nil || !standsFor(known, node) {
		return Plan{}
	}
	uninitialised := Uninitialised(node)
	if awaited := unknown(known); awaited != "" && uninitialised {
		return Plan{Awaited: awaited}
	}
	labels, problem := labelsOf(known)
	var addresses []corev1.NodeAddress
	if uninitialised || addressedByCloud(node) {
		var unfit string
		if addresses, unfit = addressesOf(node, known.Status.Addresses); problem == "" {
			problem = unfit
		}
	}
	if problem != "" && uninitialised {
		return Plan{Problem: problem}
	}

	plan := Plan{RemoveTaint: uninitialised, Labels: lacking(node, labels, uninitialised)}
	if addresses != nil && !sameAddresses(node.Status.Addresses, addresses) {
		plan.Addresses = addresses
	}
	if node.Spec.ProviderID == "" {
		plan.ProviderID = identity.ProviderPrefix + known.Spec.InstanceID
	}
	return plan
}

// Uninitialised tells whether a Node still waits for its cloud provider.
func Uninitialised(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, isTaint)
}

func isTaint(taint corev1.Taint) bool { return taint.Key == Taint }

// Empty tells whether the Node has everything.
func (p Plan) Empty() bool { return p.Addresses == nil && !p.ChangesNode() }

// ChangesNode tells whether anything outside the status is to be written.
func (p Plan) ChangesNode() bool {
	return p.ProviderID != "" || len(p.Labels) > 0 || p.RemoveTaint
}

// ChangeNode writes into the Node what is outside its status.
func (p Plan) ChangeNode(node *corev1.Node) {
	if p.ProviderID != "" {
		node.Spec.ProviderID = p.ProviderID
	}
	if len(p.Labels) > 0 && node.Labels == nil {
		node.Labels = map[string]string{}
	}
	maps.Copy(node.Labels, p.Labels)
	if p.RemoveTaint {
		node.Spec.Taints = slices.DeleteFunc(slices.Clone(node.Spec.Taints), isTaint)
	}
}

// standsFor tells whether a NodeIdentity is proof of what the Node is: verified,
// and about the instance that the Node itself says it is. A Node of another
// provider is none of ours, whatever its machine's id.
func standsFor(known *v1alpha1.NodeIdentity, node *corev1.Node) bool {
	if known == nil || known.DeletionTimestamp != nil || known.Status.NodeName != node.Name {
		return false
	}
	if id := node.Spec.ProviderID; id != "" && !strings.HasPrefix(id, identity.ProviderPrefix) {
		return false
	}
	return meta.IsStatusConditionTrue(known.Status.Conditions, v1alpha1.ConditionVerified) &&
		identity.NodeInstanceID(node) == known.Spec.InstanceID
}

// unknown is what a Node needs and the NodeIdentity doesn't tell yet.
func unknown(known *v1alpha1.NodeIdentity) string {
	switch {
	case known.Status.InstanceType == "":
		return fmt.Sprintf("NodeIdentity %s has no instance type yet", known.Name)
	case len(ofType(known.Status.Addresses, corev1.NodeInternalIP))+len(ofType(known.Status.Addresses, corev1.NodeExternalIP)) == 0:
		return fmt.Sprintf("NodeIdentity %s has no addresses yet", known.Name)
	default:
		return ""
	}
}

// labelsOf are the labels of a Node that is this instance. The zone stands for
// the region, too: Exoscale knows no regions, and its own controller has it so.
// The beta labels are those that it writes beside the stable ones.
func labelsOf(known *v1alpha1.NodeIdentity) (labels map[string]string, problem string) {
	zone, instanceType := known.Spec.Zone, known.Status.InstanceType
	if instanceType == "" {
		return nil, ""
	}
	if faults := validation.IsValidLabelValue(instanceType); len(faults) > 0 {
		return nil, fmt.Sprintf("the instance type %q can't be a label: %s", instanceType, brief.Sentences(faults, "; "))
	}
	return map[string]string{
		corev1.LabelTopologyZone:            zone,
		corev1.LabelTopologyRegion:          zone,
		corev1.LabelFailureDomainBetaRegion: zone,
		corev1.LabelInstanceTypeStable:      instanceType,
		corev1.LabelInstanceType:            instanceType,
	}, ""
}

// lacking are the labels to set. Only at its initialisation a Node's own values
// are replaced: later they are somebody's decision.
func lacking(node *corev1.Node, labels map[string]string, replace bool) map[string]string {
	var missing map[string]string
	for key, want := range labels {
		got, has := node.Labels[key]
		if has && (got == want || !replace) {
			continue
		}
		if missing == nil {
			missing = map[string]string{}
		}
		missing[key] = want
	}
	return missing
}
