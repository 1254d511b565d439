package projection

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

const (
	// kube-proxy answers there whether it, and so the node, takes traffic: no
	// longer while the node is being deleted or carries the autoscaler's taint.
	kubeProxyHealthPort = 10256
	// On that port and on the healthCheckNodePort, kube-proxy answers by HTTP.
	kubeProxyHealthPath = "/healthz"
)

// probe is what a health check asks of a node.
type probe struct {
	mode v1alpha1.HealthCheckMode
	port int32
	path string // of mode HTTP or HTTPS
}

// healthCheck is how a port is probed. What is annotated always wins, mode, port
// and path each for itself; the rest is:
//
//	                                              mode  port                 path
//	policy Local                                  HTTP  healthCheckNodePort  /healthz
//	policy Local, another port annotated          TCP   annotated            /
//	TCP                                           TCP   its nodePort         /
//	UDP, a port annotated                         TCP   annotated            /
//	UDP, TCP twin (same port, else same nodePort) TCP   the twin's nodePort  /
//	UDP, no twin, operator says kube-proxy        HTTP  10256                /healthz
//	UDP, no twin, operator says none              a problem that asks for a choice
//
// Local asks kube-proxy by HTTP, since on every node it accepts connections on
// the healthCheckNodePort, and tells only by its answer that the node has no
// endpoint of the Service.
func healthCheck(in Input, annotated annotation.HealthCheck, port corev1.ServicePort) (v1alpha1.HealthCheck, *Problem) {
	ask, problem := defaultProbe(in, annotated.Port, port)
	if problem != nil {
		return v1alpha1.HealthCheck{}, problem
	}
	if annotated.Mode != "" {
		ask.mode = annotated.Mode
	}
	if annotated.Path != "" {
		ask.path = annotated.Path
	}
	if ask.mode == v1alpha1.HealthCheckTCP {
		ask.path = ""
	}
	return v1alpha1.HealthCheck{
		Mode: ask.mode, Port: ask.port, Path: ask.path,
		Interval: &metav1.Duration{Duration: annotated.Interval},
		Timeout:  &metav1.Duration{Duration: annotated.Timeout},
		Retries:  annotated.Retries,
	}, nil
}

func defaultProbe(in Input, annotatedPort int32, port corev1.ServicePort) (probe, *Problem) {
	spec := in.Service.Spec
	local := spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && spec.HealthCheckNodePort != 0
	twin := tcpTwin(in.Service, port)
	switch {
	case local && (annotatedPort == 0 || annotatedPort == spec.HealthCheckNodePort):
		return probe{v1alpha1.HealthCheckHTTP, spec.HealthCheckNodePort, kubeProxyHealthPath}, nil
	case annotatedPort != 0:
		return probe{v1alpha1.HealthCheckTCP, annotatedPort, "/"}, nil
	case ProtocolOf(port) == corev1.ProtocolTCP:
		return probe{v1alpha1.HealthCheckTCP, port.NodePort, "/"}, nil
	case twin != 0:
		return probe{v1alpha1.HealthCheckTCP, twin, "/"}, nil
	case in.UDPHealthCheck == UDPHealthCheckNone:
		return probe{}, &Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"an NLB can't probe UDP, and nothing says what to probe instead; add a TCP port with the same number to this Service, or name a port that answers in %s", v1alpha1.AnnotationHealthCheckPort)}
	default:
		return probe{v1alpha1.HealthCheckHTTP, kubeProxyHealthPort, kubeProxyHealthPath}, nil
	}
}

// tcpTwin is the nodePort of the TCP port that tells whether a UDP port works:
// the same port, else the same nodePort. 0 if there is none.
func tcpTwin(service *corev1.Service, udp corev1.ServicePort) int32 {
	var sameNodePort int32
	for _, port := range service.Spec.Ports {
		switch {
		case ProtocolOf(port) != corev1.ProtocolTCP || port.NodePort == 0:
		case port.Port == udp.Port:
			return port.NodePort
		case port.NodePort == udp.NodePort:
			sameNodePort = port.NodePort
		}
	}
	return sameNodePort
}
