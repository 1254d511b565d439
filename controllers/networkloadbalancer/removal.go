package networkloadbalancer

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Removal tells what the deletion of an object would do next in the cloud, as
// Reconcile would do it, and does nothing: for whoever lets go of objects once the
// operator is gone. retain keeps the NLB whatever the object says.
func (r *Reconciler) Removal(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, retain bool) (nlb.LoadBalancerRemoval, error) {
	object = object.DeepCopy()
	if object.DeletionTimestamp.IsZero() {
		now := metav1.NewTime(r.Clock.Now())
		object.DeletionTimestamp = &now
	}
	removal := nlb.LoadBalancerRemoval{Zone: r.zoneOf(object), Move: nlb.LoadBalancerMove{Action: nlb.None}}
	if nlb.NeverStarted(object) {
		return removal, nil
	}
	var unlisted error
	claim, stale, err := r.claim(ctx, object, &unlisted)
	if err != nil {
		return removal, err
	}
	if removal.Got, err = r.observe(ctx, object, claim); err == nil {
		err = unlisted
	}
	switch op := object.Status.Operation; {
	case exoscale.ClassOf(err) == exoscale.UnknownZone && object.Status.ID == "" && op == nil:
		return removal, nil // nothing was ever made there
	case err != nil:
		return removal, err
	case removal.Got.NLB == nil && journal.MayAppear(op, r.Clock.Now()):
		removal.Move = nlb.LoadBalancerMove{Action: nlb.Wait, Reason: v1alpha1.ReasonWaitingForOperation, Message: "A create of NLB " + op.Name + " may have been begun; waiting whether Exoscale shows it"}
		return removal, nil
	}
	if removal.Got.NLB == nil && !claim.External {
		absence, out, _, err := r.gone(ctx, object, claim)
		if out == nil && err == nil && absence.Cleared() != nil {
			err = &exoscale.Error{Class: exoscale.Transient, Zone: removal.Zone, Message: "Exoscale shows the NLB, and doesn't, in turn"}
		}
		if out != nil {
			removal.Move = nlb.LoadBalancerMove{Action: nlb.Wait, Reason: out.Reason, Message: out.Message}
			if out.Reason == v1alpha1.ReasonManyVanished { // for a person to settle
				removal.Move.Action = nlb.Conflict
			}
		}
		if out != nil || err != nil {
			return removal, err
		}
	}
	want := nlb.WantedLoadBalancer(object, claim)
	want.Zone = removal.Zone
	want.Retain = want.Retain || stale || retain
	removal.Move = nlb.DiffLoadBalancer(want, removal.Got)
	return removal, nil
}
