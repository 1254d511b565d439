package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Held are the objects that bear a finalizer of the operator.
type Held struct {
	Services      []corev1.Service
	LoadBalancers []v1alpha1.NetworkLoadBalancer
	NLBServices   []v1alpha1.NLBService
}

// List reads what is held in the namespaces, in all if none is named. A cluster
// without our kinds holds none of them.
func List(ctx context.Context, reader client.Reader, namespaces []string) (Held, error) {
	var (
		services      corev1.ServiceList
		loadBalancers v1alpha1.NetworkLoadBalancerList
		nlbServices   v1alpha1.NLBServiceList
	)
	for kind, list := range map[string]client.ObjectList{
		"Services": &services, "NetworkLoadBalancers": &loadBalancers, "NLBServices": &nlbServices,
	} {
		if err := reader.List(ctx, list); err != nil && !meta.IsNoMatchError(err) {
			return Held{}, fmt.Errorf("listing the %s: %w", kind, err)
		}
	}
	in := func(object client.Object, finalizer string) bool {
		return controllerutil.ContainsFinalizer(object, finalizer) &&
			(len(namespaces) == 0 || slices.Contains(namespaces, object.GetNamespace()))
	}
	var held Held
	for _, object := range services.Items {
		if in(&object, v1alpha1.ServiceFinalizer) {
			held.Services = append(held.Services, object)
		}
	}
	for _, object := range loadBalancers.Items {
		if in(&object, v1alpha1.LoadBalancerFinalizer) {
			held.LoadBalancers = append(held.LoadBalancers, object)
		}
	}
	for _, object := range nlbServices.Items {
		if in(&object, v1alpha1.NLBServiceFinalizer) {
			held.NLBServices = append(held.NLBServices, object)
		}
	}
	return held, nil
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
	return strings.Join(ips, ", ")
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
