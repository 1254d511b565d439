package sidecar

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// asking are the Services that send to the Pod and ask for a sidecar of what they
// send to, by name.
func asking(in Input) []*corev1.Service {
	var all []*corev1.Service
	for i := range in.Services {
		if service := &in.Services[i]; asks(service) && selects(service, in.Pod) {
			all = append(all, service)
		}
	}
	slices.SortFunc(all, func(a, b *corev1.Service) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func asks(service *corev1.Service) bool {
	return service.Annotations[v1alpha1.AnnotationUDPHealthCheck] == v1alpha1.UDPHealthCheckSidecar && service.DeletionTimestamp.IsZero()
}

// selects: a Service without a selector has endpoints that somebody else makes,
// and one of type ExternalName has none.
func selects(service *corev1.Service, pod *corev1.Pod) bool {
	if len(service.Spec.Selector) == 0 || service.Spec.Type == corev1.ServiceTypeExternalName {
		return false
	}
	for key, value := range service.Spec.Selector {
		if has, is := pod.Labels[key]; !is || has != value {
			return false
		}
	}
	return true
}
