package nlbservice

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// Removal tells what the deletion of an object would do next in the cloud, as
// Reconcile would do it, and does nothing: for whoever lets go of objects once the
// operator is gone. Nobody is waited for who would look at the NetworkLoadBalancer
// first: an object that knows no NLB is looked for on all that are known. retain leaves
// the service where it is, without the operator's mark.
func (r *Reconciler) Removal(ctx context.Context, object *v1alpha1.NLBService, retain bool) (nlb.ServiceRemoval, error) {
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
	round := &round{Object: persist.New(r.Client, object), object: object, place: place(object, through, allowed), handedBack: retain || leftBehind(object)}
	round.claim.OwnUIDs = ownUIDs
	where := &round.place
	if where.absent = true; strayed(round) {
		unknown, err := r.search(ctx, round, ownUIDs)
		if err != nil {
			return removal, err
		}
		if unknown != nil {
			return waitingRemoval(removal, *unknown), nil
		}
	}
	removal.Zone, removal.LoadBalancerID = where.zone, where.loadBalancerID
	if where.loadBalancerID == "" {
		return removal, nil
	}
	return r.removalThere(ctx, round, removal)
}

// removalThere is the removal from the NLB on which the service is. It is read anew:
// what comes of it can't be taken back.
func (r *Reconciler) removalThere(ctx context.Context, round *round, removal nlb.ServiceRemoval) (nlb.ServiceRemoval, error) {
	status := round.object.Status
	seen, err := r.Inventory.Evidence(ctx, round.place.zone, round.place.loadBalancerID)
	switch {
	case exoscale.ClassOf(err) == exoscale.UnknownZone && status.ID == "" && status.Operation == nil && status.Probe == nil:
		return removal, nil
	case err != nil:
		return removal, err
	}
	lb, is := seen.LoadBalancer()
	if !is {
		unbelieved, byPools, err := r.believed(ctx, round)
		if unbelieved == nil && err == nil && byPools {
			seen, err = r.Inventory.Evidence(ctx, round.place.zone, round.place.loadBalancerID)
			if _, is := seen.LoadBalancer(); is {
				unbelieved = thereAgain(round.place.loadBalancerID, nil)
			}
		}
		if unbelieved != nil {
			return waitingRemoval(removal, *unbelieved), err
		}
		return removal, err
	}
	if unknown, err := r.observe(ctx, round, lb); unknown != nil || err != nil {
		return waitingRemoval(removal, deref(unknown)), err
	}
	if probe := status.Probe; round.probe == nil && probe != nil && journal.MayAppear(probe.Operation, r.Clock.Now()) {
		removal.Move = nlb.ServiceMove{Action: nlb.Wait, Reason: v1alpha1.ReasonWaitingForOperation, Message: "A probe service may have been added; waiting whether Exoscale shows it"}
		return removal, nil
	}
	if round.probe != nil {
		removal.Own, removal.Move, removal.Probe = round.probe, nlb.ServiceMove{Action: nlb.Delete}, true
		return removal, nil
	}
	if op := status.Operation; round.got.Own == nil && !round.handedBack && journal.MayAppear(op, r.Clock.Now()) {
		removal.Move = nlb.ServiceMove{Action: nlb.Wait, Reason: v1alpha1.ReasonWaitingForOperation, Message: fmt.Sprintf(
			"An add of service %q may have been begun; waiting whether Exoscale shows it", op.Name)}
		return removal, nil
	}
	if round.got.Own == nil && !round.handedBack {
		_, absence, err := r.Inventory.Without(ctx, round.place.zone, lb.ID, func(s nlb.Service) bool { return nlb.ServiceIsOurs(s, round.claim) })
		if err == nil && absence.Cleared() != nil {
			err = &exoscale.Error{Class: exoscale.Transient, Zone: lb.Zone, Message: "Exoscale shows service and no service in turn"}
		}
		return removal, err
	}
	removal.Own = round.got.Own
	removal.Move = nlb.DiffService(nlb.ServiceWant{Absent: true, HandedBack: round.handedBack}, round.got)
	return removal, nil
}

func waitingRemoval(removal nlb.ServiceRemoval, out outcome.Outcome) nlb.ServiceRemoval {
	removal.Move = nlb.ServiceMove{Action: nlb.Wait, Reason: out.Reason, Message: out.Message}
	return removal
}
