package ccm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// services are those of an NLB after a sync: what a port of the Service has is
// changed under its id, and what isn't asked for goes, unless the NLB is external.
func services(service *corev1.Service, got []exosim.Service) []exosim.Service {
	all := []exosim.Service{}
	for _, port := range service.Spec.Ports {
		want := wanted(service, port)
		if i := slices.IndexFunc(got, func(has exosim.Service) bool { return serves(has, port) }); i >= 0 {
			want.ID, want.State, want.HealthStatus = got[i].ID, got[i].State, got[i].HealthStatus
		}
		all = append(all, want)
	}
	if External(service) {
		all = append(all, foreign(service, got)...)
	}
	return all
}

// foreign are the services at other ports than the Service's.
func foreign(service *corev1.Service, got []exosim.Service) []exosim.Service {
	return slices.DeleteFunc(slices.Clone(got), func(has exosim.Service) bool {
		return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool { return serves(has, port) })
	})
}

func serves(has exosim.Service, port corev1.ServicePort) bool {
	return has.Port == int64(port.Port) && strings.EqualFold(has.Protocol, string(port.Protocol))
}

// wanted is what the CCM makes of a port. With externalTrafficPolicy Local it
// probes healthCheckNodePort, but by TCP, which every node answers; of a UDP port
// it probes the NodePort by TCP, where most likely nothing listens.
func wanted(service *corev1.Service, port corev1.ServicePort) exosim.Service {
	annotation := func(name, otherwise string) string { return cmp.Or(service.Annotations[name], otherwise) }
	name := fmt.Sprintf("%s-%d", service.UID, port.Port)
	if port.Protocol != corev1.ProtocolTCP {
		name += "-" + strings.ToLower(string(port.Protocol))
	}
	made := exosim.Service{
		Name: name, Port: int64(port.Port), TargetPort: int64(port.NodePort), Protocol: strings.ToLower(string(port.Protocol)),
		Strategy:     annotation(v1alpha1.AnnotationStrategy, "round-robin"),
		InstancePool: exosim.PoolRef{ID: service.Annotations[v1alpha1.AnnotationInstancePoolID]},
		HealthCheck: exosim.HealthCheck{
			Mode: annotation(v1alpha1.AnnotationHealthCheckMode, "tcp"), URI: service.Annotations[v1alpha1.AnnotationHealthCheckURI],
			Port: probed(service, port), Interval: 10, Timeout: 5, Retries: 1,
		},
	}
	if len(service.Spec.Ports) == 1 {
		made.Name = annotation(v1alpha1.AnnotationServiceName, made.Name)
		made.Description = service.Annotations[v1alpha1.AnnotationServiceDescription]
	}
	return made
}

func probed(service *corev1.Service, port corev1.ServicePort) int64 {
	at := int64(port.NodePort)
	if service.Spec.HealthCheckNodePort > 0 {
		at = int64(service.Spec.HealthCheckNodePort)
	}
	if given := service.Annotations[v1alpha1.AnnotationHealthCheckPort]; given != "" {
		_, _ = fmt.Sscan(given, &at) // what is no number is left out
	}
	return at
}
