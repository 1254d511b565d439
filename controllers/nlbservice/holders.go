package nlbservice

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// holders tells which of the other objects on an NLB holds a service: the one
// whose status names it. Where the object's own status does, too, that is only
// one that goes first.
func (r *Reconciler) holders(ctx context.Context, object *v1alpha1.NLBService, others []v1alpha1.NLBService, lb nlb.LoadBalancer) (func(serviceID string) string, error) {
	holder := map[string]string{}
	for i := range others {
		other, id := &others[i], others[i].Status.ID
		if id == "" {
			continue
		}
		if id == object.Status.ID {
			first, err := r.recordsFirst(ctx, other, object, lb)
			if err != nil {
				return nil, err
			}
			if !first {
				continue
			}
		}
		holder[id] = client.ObjectKeyFromObject(other).String()
	}
	return func(id string) string { return holder[id] }, nil
}

// recordsFirst tells whether, of two objects whose status names one service,
// other has the better right.
func (r *Reconciler) recordsFirst(ctx context.Context, other, object *v1alpha1.NLBService, lb nlb.LoadBalancer) (bool, error) {
	theirs, err := r.record(ctx, other, lb)
	if err != nil {
		return false, err
	}
	ours, err := r.record(ctx, object, lb)
	if err != nil {
		return false, err
	}
	for _, service := range lb.Services {
		if service.ID == object.Status.ID {
			return theirs.GoesFirst(ours, service), nil
		}
	}
	return false, nil
}

func (r *Reconciler) record(ctx context.Context, object *v1alpha1.NLBService, lb nlb.LoadBalancer) (nlb.Record, error) {
	through, allowed, err := r.loadBalancer(ctx, object)
	if err != nil {
		return nlb.Record{}, err
	}
	attached := through != nil && allowed && through.Status.ID == lb.ID && nlb.MayStandFor(lb, through, r.ClusterID) == ""
	return nlb.Record{Object: object, Attached: attached}, nil
}
