package nlbservice

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// why tells, as a sentence that follows another, why the port of a Service is
// probed as it is; empty where the port itself is probed, and for objects that
// users write.
func why(object *v1alpha1.NLBService) string {
	check := nlb.WantedService(object, "").HealthCheck
	probed := fmt.Sprintf(". It is probed by %s at port %d", object.Spec.HealthCheck.Mode, check.Port)
	const blind = "since an NLB can't probe UDP"
	switch object.Annotations[v1alpha1.AnnotationHealthCheckChoice] {
	case v1alpha1.ChoiceSidecar:
		return fmt.Sprintf("%s, the nodePort of Service %s, where the sidecar of a Pod that is ready answers as long as the UDP application is healthy", probed, companionOf(object))
	case v1alpha1.ChoiceTCPTwin:
		return fmt.Sprintf("%s, the nodePort of the Service's TCP port of the same number, %s", probed, blind)
	case v1alpha1.ChoiceLocal:
		return probed + ", where kube-proxy answers 2XX on the nodes that have a Pod of the Service which is ready (externalTrafficPolicy Local)"
	case v1alpha1.ChoiceKubeProxy:
		return fmt.Sprintf("%s, kube-proxy's own, %s: that tells of the node, and nobody tells of the UDP application%s", probed, blind, watching(object))
	case v1alpha1.ChoiceAnnotated:
		return probed + ", as the Service is annotated"
	default:
		return ""
	}
}

// watching is how a UDP application comes to be watched.
func watching(object *v1alpha1.NLBService) string {
	if sidecarsAre(object, metav1.ConditionFalse) {
		return " until all its Pods have the sidecar"
	}
	return fmt.Sprintf(". Annotate the Service with %s: %s, and a sidecar does", v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar)
}

// answers is what has to be so for a health check to pass, besides that it gets
// through.
func answers(object *v1alpha1.NLBService) string {
	switch object.Annotations[v1alpha1.AnnotationHealthCheckChoice] {
	case v1alpha1.ChoiceSidecar:
		return fmt.Sprintf("a Pod of the Service is ready: where one isn't, the log of its container %s says why", v1alpha1.SidecarContainer)
	case v1alpha1.ChoiceTCPTwin:
		return "a Pod of the Service is ready and accepts TCP connections"
	case v1alpha1.ChoiceLocal:
		return "a Pod of the Service is ready on one of these nodes"
	case v1alpha1.ChoiceKubeProxy:
		return "kube-proxy runs on the nodes and serves its health at that port"
	default:
		return "something listens there"
	}
}

// companionOf is the name of the Service by which the sidecars are probed.
func companionOf(object *v1alpha1.NLBService) string {
	if owner := metav1.GetControllerOf(object); owner != nil {
		return projection.CompanionName(owner.Name)
	}
	return projection.CompanionName(object.Name)
}
