package projection

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// maxPorts of a Service that are looked at. An NLB holds ten, and what is found out of
// each port is held against all others.
const maxPorts = 500

// Ports are those of a Service that are looked at: nearly always all.
func Ports(service *corev1.Service) []corev1.ServicePort {
	return service.Spec.Ports[:min(len(service.Spec.Ports), maxPorts)]
}

// tooManyPorts is the problem of a Service that has more: nothing of it is touched.
func tooManyPorts(service *corev1.Service) *Problem {
	if len(service.Spec.Ports) <= maxPorts {
		return nil
	}
	return &Problem{v1alpha1.ReasonServiceLimitReached, fmt.Sprintf(
		"this Service has %d ports, an NLB holds %d services at most, and no more than %d ports are looked at; use several Services",
		len(service.Spec.Ports), nlb.MaxServices, maxPorts)}
}

// addPorts plans one NLBService for each port that can be served.
func (p *Plan) addPorts(in Input, values annotation.Values, target v1alpha1.Target) {
	existing := byName(in.Services)
	served := firstPorts(in, existing)
	for i, port := range in.Service.Spec.Ports {
		name := ServiceName(in.Service, port, in.Services)
		child, problem := nlbService(in, values, target, port)
		current, exists := existing[name]
		switch {
		case exists && !metav1.IsControlledBy(current, in.Service):
			p.refuse(port, v1alpha1.ReasonInUseByOther, fmt.Sprintf(
				"NLBService %s/%s exists and doesn't belong to this Service; delete it or rename the Service", current.Namespace, name))
			continue
		case problem != nil && problem.Reason == v1alpha1.ReasonWaitingForNodePort:
			p.Waits = append(p.Waits, PortProblem{Port: port.Port, Protocol: ProtocolOf(port), Problem: *problem})
		case problem != nil:
			p.refuse(port, problem.Reason, problem.Message)
		case !served[i]:
			p.refuse(port, v1alpha1.ReasonServiceLimitReached, fmt.Sprintf(
				"an NLB holds %d services at most, and this Service has %d ports; use a second Service for the others", nlb.MaxServices, len(in.Service.Spec.Ports)))
		default:
			p.Services = append(p.Services, child)
			continue
		}
		if exists {
			p.Kept = append(p.Kept, name)
		}
	}
	p.warnOfUnusedPath(values)
}

// awaitPool tells of each port that it isn't known yet where it leads to. Nothing is
// told beside a problem.
func (p *Plan) awaitPool(in Input) {
	if in.Pool.Wait == nil || len(p.Problems) > 0 {
		return
	}
	for _, port := range in.Service.Spec.Ports {
		p.Waits = append(p.Waits, PortProblem{Port: port.Port, Protocol: ProtocolOf(port), Problem: *in.Pool.Wait})
	}
}

func (p *Plan) refuse(port corev1.ServicePort, reason, message string) {
	p.PortProblems = append(p.PortProblems, PortProblem{
		Port: port.Port, Protocol: ProtocolOf(port), Problem: Problem{Reason: reason, Message: message},
	})
}

func byName(services []v1alpha1.NLBService) map[string]*v1alpha1.NLBService {
	all := make(map[string]*v1alpha1.NLBService, len(services))
	for i := range services {
		all[services[i].Name] = &services[i]
	}
	return all
}

// firstPorts tells which ports are among the first that fit on an NLB: those
// that are served already, then in the order of the spec.
func firstPorts(in Input, existing map[string]*v1alpha1.NLBService) []bool {
	service := in.Service
	served := make([]bool, len(service.Spec.Ports))
	count := 0
	for _, existsNow := range []bool{true, false} {
		for i, port := range service.Spec.Ports {
			child, exists := existing[ServiceName(service, port, in.Services)]
			if exists = exists && metav1.IsControlledBy(child, service); exists != existsNow {
				continue
			}
			if count < nlb.MaxServices && (exists || impossible(port) == nil) {
				served[i] = true
				count++
			}
		}
	}
	return served
}

// impossible tells what keeps a port from being served at all.
func impossible(port corev1.ServicePort) *Problem {
	switch {
	case ProtocolOf(port) != corev1.ProtocolTCP && ProtocolOf(port) != corev1.ProtocolUDP:
		return &Problem{v1alpha1.ReasonNotSupported, fmt.Sprintf(
			"an Exoscale NLB forwards TCP and UDP only, not %s; remove the port from this Service", port.Protocol)}
	case port.NodePort == 0:
		return &Problem{v1alpha1.ReasonInvalid,
			"it has no nodePort for the NLB to forward to; set spec.allocateLoadBalancerNodePorts to true, or the port's nodePort"}
	default:
		return nil
	}
}

func nlbService(in Input, values annotation.Values, target v1alpha1.Target, port corev1.ServicePort) (*v1alpha1.NLBService, *Problem) {
	if problem := impossible(port); problem != nil {
		return nil, problem
	}
	check, choice, problem := healthCheck(in, values, port)
	if problem != nil {
		return nil, problem
	}
	protocol, cloudProtocol := v1alpha1.ProtocolTCP, nlb.TCP
	if ProtocolOf(port) == corev1.ProtocolUDP {
		protocol, cloudProtocol = v1alpha1.ProtocolUDP, nlb.UDP
	}
	cloudName := values.ServiceName
	if cloudName == "" {
		cloudName = nlb.ServiceName(string(in.Service.UID), port.Port, cloudProtocol)
	}
	object := &v1alpha1.NLBService{
		ObjectMeta: childMeta(in.Service, ServiceName(in.Service, port, in.Services)),
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: reference(in),
			Port:            port.Port,
			Protocol:        protocol,
			TargetPort:      port.NodePort,
			Name:            cloudName,
			Description:     values.ServiceDescription,
			Strategy:        values.Strategy,
			Target:          *target.DeepCopy(),
			HealthCheck:     check,
		},
	}
	object.Annotations = map[string]string{v1alpha1.AnnotationHealthCheckChoice: choice}
	return object, nil
}

// reference is how an NLBService of a Service refers to its NetworkLoadBalancer.
func reference(in Input) v1alpha1.LoadBalancerReference {
	to, _ := LoadBalancerOf(in.Service, in.Services)
	ref := v1alpha1.LoadBalancerReference{Name: to.Name}
	if to.Namespace != in.Service.Namespace {
		ref.Namespace = to.Namespace
	}
	return ref
}

// warnOfUnusedPath tells of a path that no probe requests.
func (p *Plan) warnOfUnusedPath(values annotation.Values) {
	unused := !slices.ContainsFunc(p.Services, func(s *v1alpha1.NLBService) bool { return s.Spec.HealthCheck.Path != "" })
	if values.HealthCheck.Path != "" && len(p.Services) > 0 && unused {
		p.Warnings = append(p.Warnings, fmt.Sprintf(
			"annotation %s is %q: it has no effect, since the health check only opens TCP connections; set %s to http or https",
			v1alpha1.AnnotationHealthCheckURI, values.HealthCheck.Path, v1alpha1.AnnotationHealthCheckMode))
	}
}
