package service

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// portState is how far a port of a Service is.
type portState struct {
	port  corev1.ServicePort
	child string // the name of its NLBService
	held  bool   // the NLBService has a service on the NLB, whatever it is like
	stage
	reason, message string
}

type stage int

const (
	programmed stage = iota
	unknown          // most likely programmed: the cloud can't be asked
	pending          // work is under way
	failed           // somebody has to act
)

// String names the port and tells how it is.
func (p portState) String() string {
	return fmt.Sprintf("port %d/%s: %s", p.port.Port, projection.ProtocolOf(p.port), p.message)
}

// portStates tells how far each port is: by its NLBService, and where there is
// none by the problem of the port, or of the Service.
func portStates(service *corev1.Service, plan projection.Plan, own children) []portState {
	ports := projection.Ports(service)
	states := make([]portState, len(ports))
	for i, port := range ports {
		child := childOf(service, port, plan, own)
		of := func(p projection.PortProblem) bool {
			return p.Port == port.Port && p.Protocol == projection.ProtocolOf(port)
		}
		problem, waits := slices.IndexFunc(plan.PortProblems, of), slices.IndexFunc(plan.Waits, of)
		switch {
		case child != nil:
			states[i] = stateOf(child)
		case problem >= 0:
			states[i] = portState{stage: failed, reason: plan.PortProblems[problem].Reason, message: plan.PortProblems[problem].Message}
		case len(plan.Problems) > 0:
			states[i] = portState{stage: failed, reason: plan.Problems[0].Reason, message: plan.Problems[0].Message}
		case waits >= 0:
			states[i] = portState{stage: pending, reason: plan.Waits[waits].Reason, message: plan.Waits[waits].Message}
		default:
			states[i] = portState{stage: pending, reason: v1alpha1.ReasonCreating, message: "it is being set up"}
		}
		if states[i].port, states[i].child = port, projection.ServiceName(service, port, own.services); child != nil {
			states[i].child, states[i].held = child.Name, child.Status.ID != ""
		}
	}
	return states
}

// childOf is the NLBService that tells how a port is; nil if there is none.
func childOf(service *corev1.Service, port corev1.ServicePort, plan projection.Plan, own children) *v1alpha1.NLBService {
	if child := own.service(projection.ServiceName(service, port, own.services)); child != nil || len(plan.Problems) == 0 {
		return child
	}
	// Nothing is touched, whatever the Service asks for: its ports are served as before.
	for i := range own.services {
		if spec := own.services[i].Spec; spec.Port == port.Port && string(spec.Protocol) == string(projection.ProtocolOf(port)) {
			return &own.services[i]
		}
	}
	return nil
}

func stateOf(child *v1alpha1.NLBService) portState {
	conditions := child.Status.Conditions
	done := meta.FindStatusCondition(conditions, v1alpha1.ConditionProgrammed)
	stalled := meta.FindStatusCondition(conditions, v1alpha1.ConditionStalled)
	current := child.Status.ObservedGeneration == child.Generation
	switch {
	case !child.DeletionTimestamp.IsZero():
		return portState{stage: pending, reason: v1alpha1.ReasonDeleting, message: fmt.Sprintf("NLBService %s is being deleted, and is made anew then", child.Name)}
	case done == nil:
		return portState{stage: pending, reason: v1alpha1.ReasonPending, message: fmt.Sprintf("NLBService %s isn't looked at yet", child.Name)}
	case current && done.Status == metav1.ConditionTrue:
		return portState{stage: programmed}
	case current && done.Status == metav1.ConditionUnknown:
		return portState{stage: unknown, reason: done.Reason, message: done.Message}
	case current && stalled != nil && stalled.Status == metav1.ConditionTrue:
		return portState{stage: failed, reason: stalled.Reason, message: stalled.Message}
	case current:
		return portState{stage: pending, reason: done.Reason, message: progress(*done)}
	default:
		return portState{stage: pending, reason: v1alpha1.ReasonUpdating, message: fmt.Sprintf("NLBService %s has changed and isn't looked at yet", child.Name)}
	}
}

// progress is what a Service tells of work under way: not each step of it, which
// the objects tell themselves, so that not each step is a write of the Service.
func progress(c metav1.Condition) string {
	switch c.Reason {
	case v1alpha1.ReasonCreating, v1alpha1.ReasonUpdating, v1alpha1.ReasonDeleting, v1alpha1.ReasonWaitingForOperation:
		return "it is being set up"
	default:
		return c.Message
	}
}

// ingressOf is what the status of the Service tells of its address. It is
// published once every port that can be programmed is, and withdrawn only if it is
// known to be gone (see children.lost).
// While a port is another's, or may be on an NLB that isn't the Service's alone,
// clients inside the cluster have to go to the NLB (Proxy): kube-proxy would take
// that port for itself with VIP.
func ingressOf(before []corev1.LoadBalancerIngress, address string, alone bool, ports []portState) []corev1.LoadBalancerIngress {
	if _, err := netip.ParseAddr(address); err != nil {
		address = "" // the CCM publishes "<nil>" for an NLB without one
	}
	known := len(before) > 0 && before[0].IP != ""
	is := func(wanted stage) func(portState) bool { return func(p portState) bool { return p.stage == wanted } }
	switch {
	case known && address == "":
		address = before[0].IP
	case !known && (address == "" || slices.ContainsFunc(ports, is(pending)) || !slices.ContainsFunc(ports, is(programmed))):
		return before
	}
	ingress := corev1.LoadBalancerIngress{IP: address, IPMode: ptr.To(corev1.LoadBalancerIPModeVIP)}
	if slices.ContainsFunc(ports, func(p portState) bool {
		return !p.held && !alone || p.stage == failed && p.reason == v1alpha1.ReasonPortConflict
	}) {
		ingress.IPMode = ptr.To(corev1.LoadBalancerIPModeProxy)
	}
	if slices.ContainsFunc(ports, is(failed)) { // then every port has to be listed
		for _, state := range ports {
			status := corev1.PortStatus{Port: state.port.Port, Protocol: projection.ProtocolOf(state.port)}
			if state.stage == failed {
				status.Error = ptr.To(v1alpha1.Prefix + state.reason)
			}
			ingress.Ports = append(ingress.Ports, status)
		}
	}
	return []corev1.LoadBalancerIngress{ingress}
}

// lost is the NLB of a published address, if it is known to be gone; nil otherwise. That
// another is being made changes nothing: it gets another address.
func (c children) lost(address string) *v1alpha1.LostLoadBalancer {
	for _, lb := range []*v1alpha1.NetworkLoadBalancer{c.serving, c.loadBalancer} {
		if address != "" && lb != nil && lb.Status.Lost != nil && lb.Status.Lost.Address == address {
			return lb.Status.Lost
		}
	}
	return nil
}

// told joins what is to be said of several ports.
func told(ports []portState) string {
	all := make([]string, len(ports))
	for i, port := range ports {
		all[i] = port.String()
	}
	return brief.Sentences(all, "; ")
}
