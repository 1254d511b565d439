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

// probe is what a health check asks of a node, and why that.
type probe struct {
	mode   v1alpha1.HealthCheckMode
	port   int32
	path   string // of mode HTTP or HTTPS
	choice string // one of the choices of package v1alpha1
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
//	UDP, no twin, a sidecar asked for             TCP   the companion's nodePort (see sidecarProbe)
//	UDP, no twin, operator says kube-proxy        HTTP  10256                /healthz
//	UDP, no twin, operator says none              a problem that asks for a choice
//
// Local asks kube-proxy by HTTP, since on every node it accepts connections on
// the healthCheckNodePort, and tells only by its answer that the node has no
// endpoint of the Service.
func healthCheck(in Input, values annotation.Values, port corev1.ServicePort) (check v1alpha1.HealthCheck, choice string, problem *Problem) {
	annotated := values.HealthCheck
	ask, problem := defaultProbe(in, values, port)
	if problem != nil {
		return v1alpha1.HealthCheck{}, "", problem
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
	}, ask.choice, nil
}

func defaultProbe(in Input, values annotation.Values, port corev1.ServicePort) (probe, *Problem) {
	spec, annotatedPort := in.Service.Spec, values.HealthCheck.Port
	twin := tcpTwin(in.Service, port)
	switch {
	case local(in.Service) && (annotatedPort == 0 || annotatedPort == spec.HealthCheckNodePort):
		return probe{v1alpha1.HealthCheckHTTP, spec.HealthCheckNodePort, kubeProxyHealthPath, v1alpha1.ChoiceLocal}, nil
	case annotatedPort != 0:
		return probe{v1alpha1.HealthCheckTCP, annotatedPort, "/", v1alpha1.ChoiceAnnotated}, nil
	case ProtocolOf(port) == corev1.ProtocolTCP:
		return probe{v1alpha1.HealthCheckTCP, port.NodePort, "/", v1alpha1.ChoiceNodePort}, nil
	case twin != 0:
		return probe{v1alpha1.HealthCheckTCP, twin, "/", v1alpha1.ChoiceTCPTwin}, nil
	case values.UDPSidecar:
		return sidecarProbe(in, port)
	default:
		return blindProbe(in)
	}
}

// blindProbe is for a UDP port of which nothing tells whether it works.
func blindProbe(in Input) (probe, *Problem) {
	if in.UDPHealthCheck == UDPHealthCheckNone {
		return probe{}, &Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"an NLB can't probe UDP, and nothing says what to probe instead; set %s to %s, add a TCP port with the same number to this Service, or name a port that answers in %s",
			v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar, v1alpha1.AnnotationHealthCheckPort)}
	}
	return probe{v1alpha1.HealthCheckHTTP, kubeProxyHealthPort, kubeProxyHealthPath, v1alpha1.ChoiceKubeProxy}, nil
}

func local(service *corev1.Service) bool {
	return service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && service.Spec.HealthCheckNodePort != 0
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
