// Package index names the ways in which the cached objects are looked up other
// than by name, so that no round goes through all of them.
package index

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// The indexes. Each holds for the kinds that Setup lists.
const (
	// ByUID finds NLBServices and Services by their UID.
	ByUID = "uid"
	// ByLoadBalancerID finds NetworkLoadBalancers and NLBServices by the id of
	// the NLB at Exoscale that their status records.
	ByLoadBalancerID = "loadBalancerID"
	// ByLoadBalancerRef finds NLBServices by the NetworkLoadBalancer that they
	// refer to, as namespace/name.
	ByLoadBalancerRef = "loadBalancerRef"
	// ByService finds NLBServices by the UID of the Service that controls them.
	ByService = "service"
	// ByMarkOwner finds NLBServices by the part of a mark that names them.
	ByMarkOwner = "markOwner"
	// ByZone finds NetworkLoadBalancers and NLBServices by the zone that their
	// status records; those that record none are found by "".
	ByZone = "zone"
)

// Setup adds the indexes to a cache; once per manager, before it starts.
func Setup(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		field  string
		value  func(client.Object) []string
	}{
		{&corev1.Service{}, ByUID, uid},
		{&v1alpha1.NLBService{}, ByUID, uid},
		{&v1alpha1.NetworkLoadBalancer{}, ByLoadBalancerID, func(o client.Object) []string {
			return known(o.(*v1alpha1.NetworkLoadBalancer).Status.ID)
		}},
		{&v1alpha1.NLBService{}, ByLoadBalancerID, func(o client.Object) []string {
			return known(o.(*v1alpha1.NLBService).Status.LoadBalancerID)
		}},
		{&v1alpha1.NLBService{}, ByLoadBalancerRef, func(o client.Object) []string {
			return []string{LoadBalancerRef(o.(*v1alpha1.NLBService)).String()}
		}},
		{&v1alpha1.NLBService{}, ByService, controllingService},
		{&v1alpha1.NLBService{}, ByMarkOwner, func(o client.Object) []string {
			return []string{nlb.MarkOwner(o.GetNamespace(), o.GetName())}
		}},
		{&v1alpha1.NetworkLoadBalancer{}, ByZone, func(o client.Object) []string {
			return []string{o.(*v1alpha1.NetworkLoadBalancer).Status.Zone}
		}},
		{&v1alpha1.NLBService{}, ByZone, func(o client.Object) []string {
			return []string{o.(*v1alpha1.NLBService).Status.Zone}
		}},
	} {
		if err := indexer.IndexField(ctx, index.object, index.field, index.value); err != nil {
			return err
		}
	}
	return nil
}

// LoadBalancerRef is the NetworkLoadBalancer that an NLBService refers to.
func LoadBalancerRef(s *v1alpha1.NLBService) types.NamespacedName {
	return types.NamespacedName{Namespace: s.LoadBalancerNamespace(), Name: s.Spec.LoadBalancerRef.Name}
}

func controllingService(o client.Object) []string {
	owner := metav1.GetControllerOf(o)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return nil
	}
	return []string{string(owner.UID)}
}

func uid(o client.Object) []string { return []string{string(o.GetUID())} }

func known(id string) []string {
	if id == "" {
		return nil
	}
	return []string{id}
}
