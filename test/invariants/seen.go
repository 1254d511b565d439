package invariants

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// World is where to look.
type World struct {
	Client     client.Client
	Cloud      *exosim.Cloud
	Namespaces []string
	// ClusterID is what the operator calls the cluster in its labels.
	ClusterID string
}

// Seen is what there is.
type Seen struct {
	ClusterID     string
	LoadBalancers []v1alpha1.NetworkLoadBalancer
	NLBServices   []v1alpha1.NLBService
	Services      []corev1.Service
	Cloud         []exosim.LoadBalancer
	// Pending are the operations that the cloud hasn't ended.
	Pending []exosim.Operation
}

// Look reads the objects of the namespaces, and the NLBs of all zones. The
// errors are the API server's.
func (w World) Look(ctx context.Context) (Seen, error) {
	seen := Seen{ClusterID: w.ClusterID, Pending: w.Cloud.PendingOperations()}
	for _, zone := range w.Cloud.Zones() {
		seen.Cloud = append(seen.Cloud, w.Cloud.LoadBalancers(zone)...)
	}
	for _, namespace := range w.Namespaces {
		var balancers v1alpha1.NetworkLoadBalancerList
		if err := w.Client.List(ctx, &balancers, client.InNamespace(namespace)); err != nil {
			return seen, err
		}
		var nlbServices v1alpha1.NLBServiceList
		if err := w.Client.List(ctx, &nlbServices, client.InNamespace(namespace)); err != nil {
			return seen, err
		}
		var services corev1.ServiceList
		if err := w.Client.List(ctx, &services, client.InNamespace(namespace)); err != nil {
			return seen, err
		}
		seen.LoadBalancers = slices.Concat(seen.LoadBalancers, balancers.Items)
		seen.NLBServices = slices.Concat(seen.NLBServices, nlbServices.Items)
		seen.Services = slices.Concat(seen.Services, services.Items)
	}
	return seen, nil
}
