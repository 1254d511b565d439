package release

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Held are the objects that bear a finalizer of the operator.
type Held struct {
	Services      []corev1.Service
	LoadBalancers []v1alpha1.NetworkLoadBalancer
	NLBServices   []v1alpha1.NLBService
}

// List reads what is held in the namespaces, in all if none is named; it needs
// rights in these only. A cluster without our kinds holds none of them.
func List(ctx context.Context, reader client.Reader, namespaces []string) (Held, error) {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	var held Held
	for _, namespace := range namespaces {
		if err := held.add(ctx, reader, namespace); err != nil {
			return Held{}, err
		}
	}
	return held, nil
}

// add what is held in a namespace.
func (h *Held) add(ctx context.Context, reader client.Reader, namespace string) error {
	var (
		services      corev1.ServiceList
		loadBalancers v1alpha1.NetworkLoadBalancerList
		nlbServices   v1alpha1.NLBServiceList
	)
	for kind, list := range map[string]client.ObjectList{
		"Services": &services, "NetworkLoadBalancers": &loadBalancers, "NLBServices": &nlbServices,
	} {
		if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("listing the %s: %w", kind, err)
		}
	}
	for i := range services.Items {
		if controllerutil.ContainsFinalizer(&services.Items[i], v1alpha1.ServiceFinalizer) {
			h.Services = append(h.Services, services.Items[i])
		}
	}
	for i := range loadBalancers.Items {
		if controllerutil.ContainsFinalizer(&loadBalancers.Items[i], v1alpha1.LoadBalancerFinalizer) {
			h.LoadBalancers = append(h.LoadBalancers, loadBalancers.Items[i])
		}
	}
	for i := range nlbServices.Items {
		if controllerutil.ContainsFinalizer(&nlbServices.Items[i], v1alpha1.NLBServiceFinalizer) {
			h.NLBServices = append(h.NLBServices, nlbServices.Items[i])
		}
	}
	return nil
}

// Len is how many there are.
func (h Held) Len() int { return len(h.Services) + len(h.LoadBalancers) + len(h.NLBServices) }

// Lines tell of each object, with what its status says of Exoscale.
func (h Held) Lines() []string {
	lines := make([]string, 0, h.Len())
	for i := range h.Services {
		lines = append(lines, named("Service", &h.Services[i])+": "+addresses(&h.Services[i])+going(&h.Services[i]))
	}
	for i := range h.LoadBalancers {
		lines = append(lines, named("NetworkLoadBalancer", &h.LoadBalancers[i])+": "+loadBalancerText(&h.LoadBalancers[i])+going(&h.LoadBalancers[i]))
	}
	for i := range h.NLBServices {
		lines = append(lines, named("NLBService", &h.NLBServices[i])+": "+portText(&h.NLBServices[i])+going(&h.NLBServices[i]))
	}
	return lines
}

func named(kind string, object client.Object) string {
	return kind + " " + client.ObjectKeyFromObject(object).String()
}

func going(object client.Object) string {
	if object.GetDeletionTimestamp().IsZero() {
		return ""
	}
	return ", being deleted"
}

func addresses(service *corev1.Service) string {
	var ips []string
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		ips = append(ips, ingress.IP)
	}
	if len(ips) == 0 {
		return "no address"
	}
	return brief.List(ips)
}

func loadBalancerText(object *v1alpha1.NetworkLoadBalancer) string {
	status := object.Status
	if status.ID == "" {
		return "no NLB is recorded"
	}
	text := "NLB " + status.ID
	if status.Address != "" {
		text += " (" + status.Address + ")"
	}
	if status.Zone != "" {
		text += " in zone " + status.Zone
	}
	if object.Spec.ManagementPolicy == v1alpha1.External {
		text += ", External"
	}
	return text
}

func portText(object *v1alpha1.NLBService) string {
	port := nlb.PortText(object.Spec.Port, nlb.Protocol(object.Spec.Protocol))
	if object.Status.LoadBalancerID == "" {
		return "port " + port + ", no NLB is recorded"
	}
	return "port " + port + " on NLB " + object.Status.LoadBalancerID
}
