package nlbservice

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Removal tells what the deletion of an object would do next in the cloud, as
// Reconcile would do it, and does nothing: for whoever lets go of objects once the
// operator is gone. Nobody is waited for who would look at the NetworkLoadBalancer
// first: an object that knows no NLB is looked for on all that are known.
func (r *Reconciler) Removal(ctx context.Context, object *v1alpha1.NLBService) (nlb.ServiceRemoval, error) {
	object = object.DeepCopy()
	if object.DeletionTimestamp.IsZero() {
		now := metav1.NewTime(r.Clock.Now())
		object.DeletionTimestamp = &now
	}
	removal := nlb.ServiceRemoval{Move: nlb.ServiceMove{Action: nlb.None}}
	ownUIDs, err := r.ownUIDs(ctx, object)
	if err != nil {
		return removal, err
	}
	through, allowed, err := r.loadBalancer(ctx, object)
	if err != nil {
		return removal, err
	}
	round := &round{object: object, place: place(object, through, allowed)}
	where := &round.place
	if where.absent = true; strayed(round) {
		if where.zone, where.loadBalancerID, err = r.stray(ctx, object, ownUIDs); err != nil {
			return removal, err
		}
	}
	removal.Zone, removal.LoadBalancerID = where.zone, where.loadBalancerID
	if where.loadBalancerID == "" || leftBehind(object) {
		return removal, nil
	}
	lb, err := r.Inventory.LoadBalancer(ctx, where.zone, where.loadBalancerID)
	switch class := exoscale.ClassOf(err); {
	case class == exoscale.NotFound, class == exoscale.UnknownZone && object.Status.ID == "" && object.Status.Operation == nil:
		return removal, nil
	case err != nil:
		return removal, err
	}
	got, err := r.observe(ctx, round, lb, ownUIDs)
	if err != nil {
		return removal, err
	}
	if op := object.Status.Operation; got.Own == nil && journal.MayAppear(op, r.Clock.Now()) {
		removal.Move = nlb.ServiceMove{Action: nlb.Wait, Reason: v1alpha1.ReasonWaitingForOperation, Message: fmt.Sprintf(
			"An add of service %q may have been begun; waiting whether Exoscale shows it", op.Name)}
		return removal, nil
	}
	removal.Own = got.Own
	removal.Move = nlb.DiffService(nlb.ServiceWant{Absent: true}, got)
	return removal, nil
}
