package sidecar

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

// The limits of how long a sidecar lingers: at least until a Pod that hangs has
// failed its readiness probe and every kube-proxy knows, at most what it takes.
const (
	shortestLinger = 8 * time.Second
	longestLinger  = 10 * time.Minute
)

// linger is how long a sidecar keeps its health port open after its application has
// turned bad, and a Pod that ends stays ready. With externalTrafficPolicy Local
// datagrams come until the NLB has failed its probes; it is taken for the policy of
// a Pod that no Service asks for.
func linger(asking []*corev1.Service) time.Duration {
	longest := shortestLinger
	for _, service := range asking {
		if service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
			longest = max(longest, noticed(service.Annotations, len(service.Spec.Ports)))
		}
	}
	if len(asking) == 0 {
		longest = noticed(nil, 1)
	}
	return min(longest, longestLinger)
}

// noticed is how long an NLB takes to leave a node out. Nothing else of the
// annotations is read: it would be for each Pod.
func noticed(annotations map[string]string, ports int) time.Duration {
	check := map[string]string{}
	for _, key := range []string{v1alpha1.AnnotationHealthCheckInterval, v1alpha1.AnnotationHealthCheckTimeout, v1alpha1.AnnotationHealthCheckRetries} {
		if value, annotated := annotations[key]; annotated {
			check[key] = value
		}
	}
	values, problems, _ := annotation.Parse(check, annotation.Service{Ports: ports})
	if len(problems) > 0 { // the Service isn't served by them
		values, _, _ = annotation.Parse(nil, annotation.Service{Ports: ports})
	}
	is := values.HealthCheck
	return is.Interval*time.Duration(is.Retries) + is.Timeout
}
