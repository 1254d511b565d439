package service

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// handOver leaves a Service to the controller that has taken it: its objects go
// from the cluster, and what they stand for stays at Exoscale as it is, so that
// no connection is lost. The address and the id annotation stay, too: the other
// controller goes on from them.
func (r *Reconciler) handOver(ctx context.Context, round *round) error {
	service := round.Now
	var err error
	if round.own, err = r.ownObjects(ctx, service); err != nil {
		return err
	}
	round.own.companion = nil // the NLB goes on probing there; it goes with the Service
	if err := r.setPolicyToLeave(ctx, service, round.own.loadBalancer); err != nil {
		return err
	}
	for i := range round.own.services {
		if err := r.leaveBehind(ctx, &round.own.services[i]); err != nil {
			return err
		}
	}
	left, err := r.removeAll(ctx, round.own)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		describeReleasing(service, left, round.own)
		return nil
	}
	forget(service)
	return nil
}

// leaveBehind has an NLBService leave its cloud service where it is when it is
// deleted.
func (r *Reconciler) leaveBehind(ctx context.Context, child *v1alpha1.NLBService) error {
	if child.Annotations[v1alpha1.AnnotationDeletionPolicy] == string(v1alpha1.DeletionRetain) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         child.UID, // of the very object that was seen
		"annotations": map[string]any{v1alpha1.AnnotationDeletionPolicy: v1alpha1.DeletionRetain},
	}})
	if err != nil {
		return fmt.Errorf("leaving the service of %s behind: %w", child.Name, err)
	}
	bare := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: child.Namespace, Name: child.Name}}
	err = r.Client.Patch(ctx, bare, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(projection.FieldOwner))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("leaving the service of %s behind: %w", child.Name, err)
	}
	return nil
}
