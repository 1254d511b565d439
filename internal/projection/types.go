package projection

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Input is all that the objects of a Service depend on.
type Input struct {
	Service *corev1.Service
	// Pool is where traffic goes if no annotation says it (see NamesPool).
	Pool Pool
	// LoadBalancer and Services are the objects that exist under the names that
	// the Service's would have, whoever made them, and those that it controls.
	LoadBalancer *v1alpha1.NetworkLoadBalancer
	Services     []v1alpha1.NLBService
	// Companion is the Service that exists under the name of the companion (see
	// CompanionName), whoever made it.
	Companion *corev1.Service
	// Zone is for a new NetworkLoadBalancer; empty leaves it to the operator.
	Zone string
	// UDPHealthCheck is how UDP ports are probed that have neither TCP twin nor sidecar.
	UDPHealthCheck UDPHealthCheck
	// SidecarsByNumber: the sidecars' port has to be named by its number, since this
	// Kubernetes doesn't find it by its name.
	SidecarsByNumber bool
	// RestrictedNodeLabels: Nodes may be selected only by labels that no kubelet can set.
	RestrictedNodeLabels bool
}

// Pool is the target of a Service that doesn't name one.
type Pool struct {
	// Target is nil if none could be found.
	Target *v1alpha1.Target
	// Problem tells why none could be found, or why Target is one that had better
	// be another; nil if all is well.
	Problem *Problem
	// Wait tells what has to end before one is found, and does so by itself; nil if
	// nothing is awaited.
	Wait *Problem
	// ByNodes: the operator chose it by the Nodes, and chooses again when they change.
	ByNodes bool
}

// UDPHealthCheck is the operator's --udp-default-healthcheck.
type UDPHealthCheck string

const (
	// UDPHealthCheckKubeProxy probes kube-proxy itself: the node works, whether or
	// not the application does. The default.
	UDPHealthCheckKubeProxy UDPHealthCheck = "kube-proxy"
	// UDPHealthCheckNone asks the user for a choice.
	UDPHealthCheckNone UDPHealthCheck = "none"
)

// Problem is why something can't be served.
type Problem struct {
	// Reason is one of the closed vocabulary of package v1alpha1.
	Reason string
	// Message tells what is wrong and what to do.
	Message string
}

// PortProblem is why one port can't be served, or not as it is now.
type PortProblem struct {
	Port     int32
	Protocol corev1.Protocol
	Problem
}

// String names the port and tells the problem.
func (p PortProblem) String() string {
	return fmt.Sprintf("port %d/%s: %s", p.Port, p.Protocol, p.Message)
}

// Plan is what a Service is to have.
type Plan struct {
	// Problems concern the whole Service: nothing of it is to be touched, and the
	// Plan has no objects.
	Problems []Problem
	// PortProblems concern one port each; the others go on.
	PortProblems []PortProblem
	// Waits are ports that can't be served yet, or not in another way than now; what
	// is awaited comes by itself.
	Waits []PortProblem
	// PoolProblem tells of a target that is kept only for want of a better one.
	PoolProblem *Problem
	// Warnings tell what is not honoured, though the Service is served.
	Warnings []string

	// AttachTo is the NetworkLoadBalancer that the Services refer to; empty in a
	// plan without objects.
	AttachTo types.NamespacedName
	// LoadBalancer and Services are to be applied. Only the fields that are set
	// here are the operator's, and an empty description is one of them.
	// LoadBalancer is nil if the Service shares one.
	LoadBalancer *v1alpha1.NetworkLoadBalancer
	Services     []*v1alpha1.NLBService
	// Discard: the NetworkLoadBalancer that exists goes first. It binds the Service to no
	// NLB, and was made for what the Service doesn't ask for any more.
	Discard bool
	// Companion is to be applied, too: the Service at whose nodePort the sidecars of
	// UDP applications are probed. Nil: none is needed.
	Companion *corev1.Service
	// Kept are the names of existing NLBServices that stay as they are, since
	// their port has a problem, or waits. All others of the Service are to go.
	Kept []string
}

// Refused is the plan of a Service that has a problem which only the cluster or
// the cloud could tell: nothing of it is to be touched.
func (p Plan) Refused(problem Problem) Plan {
	return Plan{Problems: []Problem{problem}, Warnings: p.Warnings}
}

// Awaiting is the plan of a Service of which nothing can be made yet: what is awaited
// comes by itself.
func (p Plan) Awaiting(service *corev1.Service, wait Problem) Plan {
	plan := Plan{Warnings: p.Warnings}
	plan.awaitPool(Input{Service: service, Pool: Pool{Wait: &wait}})
	return plan
}

// FirstProblem is one that keeps the Service from being all that it asks for;
// nil if there is none.
func (p Plan) FirstProblem() *Problem {
	switch {
	case len(p.Problems) > 0:
		return &p.Problems[0]
	case len(p.PortProblems) > 0:
		return &p.PortProblems[0].Problem
	default:
		return p.PoolProblem
	}
}
