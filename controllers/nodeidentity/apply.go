package nodeidentity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// managedBy is the value of v1alpha1.LabelManagedBy of what the operator made.
const managedBy = "exoscale-nlb-operator"

// applyAll writes every binding that differs; one that fails stops no other.
func (r *Reconciler) applyAll(ctx context.Context, bindings identity.Bindings) []error {
	var failures []error
	for _, bound := range bindings.All {
		if err := r.apply(ctx, bound); err != nil {
			failures = append(failures, fmt.Errorf("NodeIdentity %s: %w", bound.Name, err))
		}
	}
	return failures
}

func (r *Reconciler) apply(ctx context.Context, bound identity.Binding) error {
	object := bound.Known
	if object == nil {
		object = r.made(bound)
		if err := r.Client.Create(ctx, object); err != nil {
			return err
		}
		log.FromContext(ctx).Info("Made a NodeIdentity", "nodeIdentity", bound.Name, "instance", bound.InstanceID)
	}
	if err := r.rename(ctx, object, bound.Hostname()); err != nil {
		return err
	}
	round := persist.New(r.Client, object)
	var onIdentity, onNode outcome.Notices
	describe(object, bound)
	tell(&onIdentity, &onNode, round.Before, bound)
	if err := round.Status(ctx); err != nil {
		return err
	}
	onIdentity.Send(r.Events, object)
	if bound.Node != nil {
		onNode.Send(r.Events, bound.Node)
	}
	return nil
}

func (r *Reconciler) made(bound identity.Binding) *v1alpha1.NodeIdentity {
	object := &v1alpha1.NodeIdentity{
		ObjectMeta: metav1.ObjectMeta{Name: bound.Name, Labels: map[string]string{v1alpha1.LabelManagedBy: managedBy}},
		Spec:       v1alpha1.NodeIdentitySpec{InstanceID: bound.InstanceID, Zone: bound.Zone, Hostname: bound.Hostname()},
	}
	if bound.Refused {
		object.Labels[v1alpha1.LabelRefused] = ""
	}
	maps.Copy(object.Labels, r.Labels)
	return object
}

// rename follows the name of the instance.
func (r *Reconciler) rename(ctx context.Context, object *v1alpha1.NodeIdentity, hostname string) error {
	if object.Spec.Hostname == hostname {
		return nil
	}
	before := object.DeepCopy()
	object.Spec.Hostname = hostname
	return r.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// removeAll deletes the NodeIdentities that are of no concern any more and that
// the operator made.
func (r *Reconciler) removeAll(ctx context.Context, vanished []v1alpha1.NodeIdentity) []error {
	var failures []error
	for i := range vanished {
		object := &vanished[i]
		if object.Labels[v1alpha1.LabelManagedBy] != managedBy || !object.DeletionTimestamp.IsZero() {
			continue
		}
		preconditions := client.Preconditions{UID: &object.UID, ResourceVersion: &object.ResourceVersion}
		if err := r.Client.Delete(ctx, object, preconditions); client.IgnoreNotFound(err) != nil {
			failures = append(failures, fmt.Errorf("removing NodeIdentity %s: %w", object.Name, err))
			continue
		}
		log.FromContext(ctx).Info("Removed a NodeIdentity: neither its Node nor its instance is there", "nodeIdentity", object.Name)
	}
	return failures
}

// tellTrouble logs why zones can't be read, of which nothing new can be said. If it
// takes somebody who mends the API key or the zone, it says so, once, of every Node
// that is concerned: that is, or may be, an instance there.
func (r *Reconciler) tellTrouble(ctx context.Context, seen observed, bindings identity.Bindings) {
	for _, zone := range seen.zones {
		if zone.trouble == nil {
			delete(r.refused, zone.name)
			continue
		}
		log.FromContext(ctx).Info("Leaving the NodeIdentities of the zone as they are: Exoscale can't be asked", "zone", zone.name, "error", zone.trouble.Error())
		switch exoscale.ClassOf(zone.trouble) {
		case exoscale.InvalidCredentials, exoscale.Forbidden, exoscale.Blocked, exoscale.UnknownZone:
		default:
			continue
		}
		out := outcome.FromCloud("Looking its instance up", zone.trouble)
		if r.refused[zone.name] == out.Message {
			continue
		}
		r.refused[zone.name] = out.Message
		for i := range seen.nodes {
			if slices.Contains(bindings.Awaited, identity.NodeInstanceID(&seen.nodes[i])) {
				r.Events.Eventf(&seen.nodes[i], nil, corev1.EventTypeWarning, out.Reason, "Verify", "Which instance this Node is can't be told. %s", out.Message)
			}
		}
	}
}

// tellExcluded says once of every Node that is excluded from load balancers, and
// in a pool with others that aren't: an NLB can't leave it out.
func (r *Reconciler) tellExcluded(bindings identity.Bindings) {
	excluded := bindings.ExcludedAmongOthers()
	for _, node := range excluded {
		if r.told[node.UID] {
			continue
		}
		r.told[node.UID] = true
		r.Events.Eventf(node, nil, corev1.EventTypeWarning, v1alpha1.ReasonNotSupported, "Exclude",
			"The label %s has no effect on NLBs that forward to the instance pool of this Node: an NLB can't leave out a single instance. Its health checks do that once nothing listens; or move the Node to a pool of its own",
			corev1.LabelNodeExcludeBalancers)
	}
	for uid := range r.told {
		if _, still := excluded[uid]; !still {
			delete(r.told, uid)
		}
	}
}
