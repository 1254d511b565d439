package annotation

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// Values are the annotations of a Service, parsed. The zero value of a field
// means that it isn't annotated, unless its comment names a default.
type Values struct {
	// ID is the id of the NLB, in lower case.
	ID          string
	Name        string
	Description string
	// External: the NLB is made elsewhere; there is an ID or a Name of it, or the
	// Service is attached to it already.
	External bool

	// ServiceName and ServiceDescription are set only for a Service of one port.
	ServiceName        string
	ServiceDescription string
	// Strategy defaults to RoundRobin.
	Strategy    v1alpha1.Strategy
	HealthCheck HealthCheck

	// InstancePoolID is in lower case.
	InstancePoolID string
	SKSNodepool    *v1alpha1.SKSNodepoolReference
	NodeSelector   *metav1.LabelSelector
	// TargetStays: the traffic goes where it went, since what says where became empty.
	TargetStays bool

	DeletionPolicy v1alpha1.DeletionPolicy
	LoadBalancer   *v1alpha1.LoadBalancerReference

	// UDPSidecar: a sidecar of the Pods tells whether UDP is answered.
	UDPSidecar bool
	// UDPProbe tells the sidecar how to find out; empty leaves it to the sidecar.
	UDPProbe []udpprobe.Spec
}

// HealthCheck holds the annotations about health checks. What Mode, Port and
// Path default to depends on the Service.
type HealthCheck struct {
	Mode v1alpha1.HealthCheckMode
	Port int32
	// Path begins with a slash.
	Path string
	// Interval defaults to 10 s, Timeout to 5 s or a shorter interval, Retries to 1.
	Interval time.Duration
	Timeout  time.Duration
	Retries  int32
}

// The defaults of the CCM.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 5 * time.Second
	defaultRetries  = 1
)
