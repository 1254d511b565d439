package service

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// A Service whose annotation names another NetworkLoadBalancer than before moves
// there: both serve its ports until all work on the new one and its address is
// published, and only then does the old one go.

// moving tells whether ports of a Service are still served by another
// NetworkLoadBalancer than the one that it is to be served by.
func moving(service *corev1.Service, own children) bool {
	to, _ := projection.LoadBalancerOf(service, own.services)
	return slices.ContainsFunc(own.services, func(s v1alpha1.NLBService) bool { return index.LoadBalancerRef(&s) != to })
}

// arrived tells whether all that the plan has on the new NetworkLoadBalancer works.
func arrived(plan projection.Plan, own children) bool {
	for _, want := range plan.Services {
		got := own.service(want.Name)
		if got == nil || stateOf(got).stage != programmed {
			return false
		}
	}
	return len(plan.Services) > 0 && own.serving != nil && own.serving.Status.Address != ""
}

// superfluous are the objects of a Service that have to go now.
//
//	NLBService │ port wanted        │ on                         │ goes
//	───────────┼────────────────────┼────────────────────────────┼──────────────────────────
//	planned    │                    │ any                        │ never
//	other      │ no                 │ any                        │ at once
//	other      │ yes                │ the same NLB in the cloud  │ at once: it holds the port
//	other      │ yes                │ the NLB before             │ once the address is moved
//
// The Service's own NetworkLoadBalancer goes with the latter. Where no address
// is published there is nothing to wait for.
func superfluous(service *corev1.Service, plan projection.Plan, own children) (loadBalancer *v1alpha1.NetworkLoadBalancer, services []v1alpha1.NLBService) {
	planned, ports := map[string]bool{}, map[corev1.ServicePort]bool{}
	for _, name := range plan.Kept {
		planned[name] = true
	}
	for _, want := range plan.Services {
		planned[want.Name] = true
	}
	for _, port := range service.Spec.Ports {
		ports[portOf(port.Port, string(projection.ProtocolOf(port)))] = true
	}
	moved := addressOf(service) == "" || arrived(plan, own) && addressOf(service) == own.serving.Status.Address
	for _, child := range own.services {
		port := portOf(child.Spec.Port, string(child.Spec.Protocol))
		inTheWay := own.serving != nil && own.serving.Status.ID != "" && child.Status.LoadBalancerID == own.serving.Status.ID
		if !planned[child.Name] && (!ports[port] || inTheWay || moved) {
			services = append(services, child)
		}
	}
	if plan.LoadBalancer == nil && moved {
		loadBalancer = own.loadBalancer
	}
	return loadBalancer, services
}

func portOf(port int32, protocol string) corev1.ServicePort {
	return corev1.ServicePort{Port: port, Protocol: corev1.Protocol(protocol)}
}
