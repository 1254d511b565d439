package csr

import (
	"context"
	"fmt"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/kubeletserving"
)

// Occupants is what a cache for Options.Cluster keeps, for cache.Options.ByObject: of
// Services and NetworkLoadBalancers their addresses only, and the endpoints of the API
// server.
func Occupants() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&corev1.Service{}: {Transform: func(object any) (any, error) {
			if service, is := object.(*corev1.Service); is {
				return addressesOf(service), nil
			}
			return object, nil
		}},
		&v1alpha1.NetworkLoadBalancer{}: {Transform: func(object any) (any, error) {
			if lb, is := object.(*v1alpha1.NetworkLoadBalancer); is {
				return &v1alpha1.NetworkLoadBalancer{ObjectMeta: named(lb), Status: v1alpha1.NetworkLoadBalancerStatus{Address: lb.Status.Address}}, nil
			}
			return object, nil
		}},
		&discoveryv1.EndpointSlice{}: {
			Namespaces: map[string]cache.Config{metav1.NamespaceDefault: {
				LabelSelector: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: "kubernetes"}),
			}},
		},
	}
}

func addressesOf(service *corev1.Service) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: named(service),
		Spec:       corev1.ServiceSpec{ClusterIPs: service.Spec.ClusterIPs, ExternalIPs: service.Spec.ExternalIPs},
		Status:     corev1.ServiceStatus{LoadBalancer: service.Status.LoadBalancer},
	}
}

func named(object client.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: object.GetName(), UID: object.GetUID(), ResourceVersion: object.GetResourceVersion()}
}

// unread is how long a cache may take that isn't filled yet, or never will be since a
// right is missing, before that is an error.
const unread = 10 * time.Second

// occupants reads what in the cluster has addresses.
func (r *Reconciler) occupants(ctx context.Context) (kubeletserving.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, unread)
	defer cancel()
	var services corev1.ServiceList
	var endpoints discoveryv1.EndpointSliceList
	var loadBalancers v1alpha1.NetworkLoadBalancerList
	var nodes corev1.NodeList
	for _, from := range []struct {
		client.Reader
		list client.ObjectList
		what string
	}{
		{r.Cluster, &services, "Services"},
		{r.Cluster, &endpoints, "EndpointSlices of Service default/kubernetes"},
		{r.Cluster, &loadBalancers, "NetworkLoadBalancers"},
		{r.Client, &nodes, "Nodes"},
	} {
		if err := from.List(ctx, from.list, client.UnsafeDisableDeepCopy); err != nil {
			return kubeletserving.Cluster{}, fmt.Errorf("listing the %s, whose addresses are no node's: %w", from.what, err)
		}
	}
	return kubeletserving.Cluster{Services: services.Items, APIServer: endpoints.Items, LoadBalancers: loadBalancers.Items, Nodes: nodes.Items}, nil
}

// requestingNode is the Node as which a request was made; empty: there is none yet, or
// it is no Node's.
func (r *Reconciler) requestingNode(ctx context.Context, csr *certificatesv1.CertificateSigningRequest) (*corev1.Node, error) {
	node := &corev1.Node{}
	name := kubeletserving.NodeName(csr)
	if name == "" {
		return node, nil
	}
	return node, client.IgnoreNotFound(r.Client.Get(ctx, client.ObjectKey{Name: name}, node))
}
