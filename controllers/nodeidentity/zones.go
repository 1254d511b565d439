package nodeidentity

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// mostZones are looked at, in the order of zonesInUse: anybody can name any number
// of zones that don't exist. Exoscale has eight.
const mostZones = 16

// zonesInUse are those in which instances of this cluster may be, the surest first:
//
//	the operator's own
//	where a Node was found           as long as there is a Node that claims the instance,
//	                                 or an address that is pinned to it
//	where an object records its NLB  as long as the object is there
//	what a NetworkLoadBalancer names
//
// So a zone whose last NLB is gone is left once its last Node is gone, too.
func (r *Reconciler) zonesInUse(ctx context.Context, known []v1alpha1.NodeIdentity) ([]string, error) {
	var balancers v1alpha1.NetworkLoadBalancerList
	if err := r.Client.List(ctx, &balancers, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the NetworkLoadBalancers: %w", err)
	}
	var services v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &services, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the NLBServices: %w", err)
	}
	zones := []string{r.Zone}
	var found, recorded, named []string
	for i := range known {
		joined := known[i].Status.NodeName != "" || len(known[i].Status.PinnedAddresses) > 0
		if _, refused := known[i].Labels[v1alpha1.LabelRefused]; joined && !refused {
			found = append(found, known[i].Spec.Zone)
		}
	}
	for i := range balancers.Items {
		recorded = append(recorded, balancers.Items[i].Status.Zone)
		named = append(named, balancers.Items[i].Spec.Zone)
	}
	for i := range services.Items {
		recorded = append(recorded, services.Items[i].Status.Zone)
	}
	for _, more := range [][]string{found, recorded, named} {
		slices.Sort(more)
		for _, zone := range more {
			if !slices.Contains(zones, zone) {
				zones = append(zones, zone)
			}
		}
	}
	zones = slices.DeleteFunc(zones, func(zone string) bool { return zone == "" })
	return zones[:min(len(zones), mostZones)], nil
}

// otherZone passes NetworkLoadBalancers that begin or cease to use another zone than
// the operator's own, which is looked at in any case.
func (r *Reconciler) otherZone() predicate.Predicate {
	other := func(object client.Object) bool {
		lb, is := object.(*v1alpha1.NetworkLoadBalancer)
		return is && slices.ContainsFunc(zonesOf(lb), func(zone string) bool { return zone != "" && zone != r.Zone })
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return other(e.Object) },
		DeleteFunc: func(e event.DeleteEvent) bool { return other(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, was := e.ObjectOld.(*v1alpha1.NetworkLoadBalancer)
			after, is := e.ObjectNew.(*v1alpha1.NetworkLoadBalancer)
			return was && is && !slices.Equal(zonesOf(before), zonesOf(after)) && (other(before) || other(after))
		},
	}
}

func zonesOf(lb *v1alpha1.NetworkLoadBalancer) []string {
	return []string{lb.Spec.Zone, lb.Status.Zone}
}
