package projection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

// The companion of a Service is a second one with the same selector, which leads
// to the sidecars of its Pods instead of the application. A sidecar accepts
// connections only while the UDP application is healthy, and Kubernetes leads only
// to Pods that are ready: so a TCP connection to the companion's nodePort tells
// of a UDP port what the NLB can't find out itself.

// CompanionSuffix ends the name of every companion.
const CompanionSuffix = "-" + v1alpha1.SidecarHealthPort

// sidecarPort is the port of a sidecar unless its Pod uses that itself. The
// companion has it inside the cluster, too, where nobody needs it: what is probed
// is the nodePort.
const sidecarPort = 18053

// longestName of a Service, a DNS label.
const longestName = 63

// CompanionName is the name of the companion of a Service of that name: a suffix
// is added. Where this is too long, a hash stands for the end of the Service's name.
func CompanionName(service string) string {
	const most = longestName - len(CompanionSuffix)
	if len(service) > most {
		hash := sha256.Sum256([]byte(service))
		end := "-" + hex.EncodeToString(hash[:4])
		service = service[:most-len(end)] + end
	}
	return service + CompanionSuffix
}

// companion is the companion that a Service is to have; nil if it needs none, or
// can't have one.
func companion(in Input, values annotation.Values) *corev1.Service {
	needed := slices.ContainsFunc(in.Service.Spec.Ports, func(port corev1.ServicePort) bool { return probedAtSidecar(in, values, port) })
	if !needed || companionProblem(in) != nil {
		return nil
	}
	target := intstr.FromString(v1alpha1.SidecarHealthPort)
	if in.SidecarsByNumber {
		target = intstr.FromInt32(sidecarPort)
	}
	return &corev1.Service{
		ObjectMeta: childMeta(in.Service, CompanionName(in.Service.Name)),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeNodePort,
			Selector: in.Service.Spec.Selector,
			Ports: []corev1.ServicePort{{
				Name: v1alpha1.SidecarHealthPort, Protocol: corev1.ProtocolTCP,
				Port: sidecarPort, TargetPort: target,
			}},
			ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster,
			// An NLB, and so what probes, has IPv4 only.
			IPFamilies:     []corev1.IPFamily{corev1.IPv4Protocol},
			IPFamilyPolicy: ptr.To(corev1.IPFamilyPolicySingleStack),
		},
	}
}

// probedAtSidecar tells whether nothing but the sidecar tells of a port.
func probedAtSidecar(in Input, values annotation.Values, port corev1.ServicePort) bool {
	return values.UDPSidecar && ProtocolOf(port) == corev1.ProtocolUDP && impossible(port) == nil &&
		values.HealthCheck.Port == 0 && !local(in.Service) && tcpTwin(in.Service, port) == 0
}

// sidecarInVain are the warnings about a sidecar that can't tell anything.
func sidecarInVain(in Input, values annotation.Values) []string {
	ports := in.Service.Spec.Ports
	is := func(udp corev1.ServicePort) bool { return ProtocolOf(udp) == corev1.ProtocolUDP }
	asked := fmt.Sprintf("annotation %s is %q", v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar)
	switch {
	case !values.UDPSidecar:
		return nil
	case !slices.ContainsFunc(ports, is):
		return []string{asked + ": it has no effect, since this Service has no UDP port"}
	case len(in.Service.Spec.Selector) == 0 && !slices.ContainsFunc(ports, func(port corev1.ServicePort) bool { return probedAtSidecar(in, values, port) }):
		return []string{asked + ": it has no effect, since this Service has no selector, so that no Pod gets the sidecar"}
	default:
		return nil
	}
}

// companionProblem is why a Service can't have a companion.
func companionProblem(in Input) *Problem {
	switch {
	case len(in.Service.Spec.Selector) == 0:
		return &Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"annotation %s is %q, and this Service has no selector, so that nobody knows whose sidecar to probe; give it a selector, or name a port that answers in %s instead",
			v1alpha1.AnnotationUDPHealthCheck, in.Service.Annotations[v1alpha1.AnnotationUDPHealthCheck], v1alpha1.AnnotationHealthCheckPort)}
	case in.Companion != nil && !metav1.IsControlledBy(in.Companion, in.Service):
		return &Problem{v1alpha1.ReasonInUseByOther, fmt.Sprintf(
			"Service %s/%s exists and doesn't belong to this Service, and the sidecars are to be probed at a Service of that name; delete it, or rename one of the two",
			in.Companion.Namespace, in.Companion.Name)}
	default:
		return nil
	}
}

// sidecarProbe is how a UDP port is probed at the sidecar. A port that is served
// already changes to that only once it disturbs nothing:
//
//	companion                │ port             │ sidecars      │ probed
//	─────────────────────────┼──────────────────┼───────────────┼──────────────────────
//	can't be made            │ any              │ any           │ as it is; a problem
//	has no nodePort yet      │ not served yet   │ any           │ waits
//	has no nodePort yet      │ served           │ any           │ as without sidecar
//	has a nodePort           │ not served yet   │ any           │ at the sidecar
//	has a nodePort           │ at the sidecar   │ any           │ at the sidecar
//	has a nodePort           │ otherwise        │ some missing  │ as without sidecar
//	has a nodePort           │ otherwise        │ not looked at │ as without sidecar
//	has a nodePort           │ otherwise        │ all there     │ at the sidecar
//
// Where the operator knows no way without sidecar, it waits for the nodePort, and
// for nothing else.
func sidecarProbe(in Input, port corev1.ServicePort) (probe, *Problem) {
	if problem := companionProblem(in); problem != nil {
		return probe{}, problem
	}
	nodePort := companionNodePort(in.Companion)
	if served := servedAs(in, port); served != nil && (nodePort == 0 || !mayChange(served)) {
		if ask, problem := blindProbe(in); problem == nil {
			return ask, nil
		}
	}
	if nodePort == 0 {
		return probe{}, &Problem{v1alpha1.ReasonWaitingForNodePort, fmt.Sprintf(
			"waiting until Service %s has a nodePort, at which the sidecars are probed", CompanionName(in.Service.Name))}
	}
	return probe{v1alpha1.HealthCheckTCP, nodePort, "/", v1alpha1.ChoiceSidecar}, nil
}

// companionNodePort is 0 while there is none to count on.
func companionNodePort(companion *corev1.Service) int32 {
	if companion == nil || !companion.DeletionTimestamp.IsZero() {
		return 0
	}
	for _, port := range companion.Spec.Ports {
		if port.Name == v1alpha1.SidecarHealthPort && ProtocolOf(port) == corev1.ProtocolTCP {
			return port.NodePort
		}
	}
	return 0
}

// servedAs is the NLBService by which a port is served now, on whatever NLB; nil
// if it isn't.
func servedAs(in Input, port corev1.ServicePort) *v1alpha1.NLBService {
	for i := range in.Services {
		object := &in.Services[i]
		if object.Spec.Port == port.Port && string(object.Spec.Protocol) == string(ProtocolOf(port)) && metav1.IsControlledBy(object, in.Service) {
			return object
		}
	}
	return nil
}

// mayChange tells whether a port that is served can be probed at the sidecar: it
// is already, or there is no Pod that lacks it. Otherwise the NLB would find
// nobody healthy.
func mayChange(served *v1alpha1.NLBService) bool {
	if served.Annotations[v1alpha1.AnnotationHealthCheckChoice] == v1alpha1.ChoiceSidecar {
		return true
	}
	injected := meta.FindStatusCondition(served.Status.Conditions, v1alpha1.ConditionSidecarsInjected)
	return injected != nil && (injected.Status == metav1.ConditionTrue || injected.Reason == v1alpha1.ReasonNoEndpoints)
}
