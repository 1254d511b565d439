package nlb

import (
	"net/netip"
	"strings"
	"time"
)

// LoadBalancer is an NLB as Exoscale reports it.
type LoadBalancer struct {
	ID          string
	Zone        string
	Name        string
	Description string
	Labels      map[string]string
	// Address is the public IPv4 address; empty until Exoscale assigned one.
	Address   string
	State     string // creating, running, deleting, error, migrating, migrated
	CreatedAt time.Time
	Services  []Service
	// ServicesUnknown is true if the read left the services out. That isn't the
	// same as none: Services are then those seen last, if any ever were.
	ServicesUnknown bool
}

// Incomplete reports whether it isn't known which services the NLB holds.
func (lb LoadBalancer) Incomplete() bool { return lb.ServicesUnknown }

// Service is a cloud service: one (port, protocol) of an NLB.
type Service struct {
	ID             string
	Name           string
	Description    string
	InstancePoolID string
	Protocol       Protocol
	Port           int32
	TargetPort     int32
	Strategy       Strategy
	HealthCheck    HealthCheck
	State          string // creating, running, updating, deleting, error
	// Health is the last health check result of each backend.
	Health []BackendHealth
	// Incomplete names the attributes that the read left out, as the API spells
	// them ("instance-pool", "healthcheck.port"), sorted; empty if it is whole. They
	// are unknown, not different: here they are as seen last, if they ever were.
	Incomplete []string
}

// ServiceNames are the names of services, in their order.
func ServiceNames(services []Service) []string {
	names := make([]string, 0, len(services))
	for _, service := range services {
		names = append(names, service.Name)
	}
	return names
}

// HealthCheck is how the NLB probes the backends of a service. All of it is
// always sent: Exoscale can't clear its fields one by one.
type HealthCheck struct {
	Mode          HealthCheckMode
	Port          int32
	Path          string // only for http and https
	Interval      time.Duration
	Timeout       time.Duration
	Retries       int32
	TLSServerName string // only for https
}

// BackendHealth is the last health check result of one backend.
type BackendHealth struct {
	PublicIP string
	Healthy  bool
}

// Protocol as the Exoscale API spells it.
type Protocol string

// The protocols of the Exoscale API.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// Strategy as the Exoscale API spells it.
type Strategy string

// The strategies of the Exoscale API.
const (
	RoundRobin Strategy = "round-robin"
	SourceHash Strategy = "source-hash"
	MaglevHash Strategy = "maglev-hash"
)

// HealthCheckMode as the Exoscale API spells it.
type HealthCheckMode string

// The health check modes of the Exoscale API.
const (
	ProbeTCP   HealthCheckMode = "tcp"
	ProbeHTTP  HealthCheckMode = "http"
	ProbeHTTPS HealthCheckMode = "https"
)

// States of NLBs and services that decisions depend on.
const (
	StateCreating = "creating"
	StateRunning  = "running"
	StateDeleting = "deleting"
	StateUpdating = "updating"
	StateError    = "error"
)

// MaxServices is how many services an NLB can hold (Exoscale's documentation;
// the API's schema doesn't say it).
const MaxServices = 10

// LoadBalancerAttributes are the attributes of an NLB that can be written.
type LoadBalancerAttributes struct {
	Name        string
	Description string
	Labels      map[string]string
}

// LoadBalancerChange names the attributes to write; nil ones stay as they are.
// An empty description, or empty labels, clear what was there.
type LoadBalancerChange struct {
	Name        *string
	Description *string
	// Labels replace all labels of the NLB.
	Labels *map[string]string
}

// Fields names the attributes that a change writes, for people to read.
func (c LoadBalancerChange) Fields() string {
	var fields []string
	if c.Name != nil {
		fields = append(fields, "name")
	}
	if c.Description != nil {
		fields = append(fields, "description")
	}
	if c.Labels != nil {
		fields = append(fields, "labels")
	}
	return strings.Join(fields, ", ")
}

// ServiceAttributes are the attributes of a cloud service that can be written;
// InstancePoolID only when the service is added.
type ServiceAttributes struct {
	Name           string
	Description    string
	InstancePoolID string
	Protocol       Protocol
	Port           int32
	TargetPort     int32
	Strategy       Strategy
	HealthCheck    HealthCheck
}

// InstancePool is an instance pool as Exoscale reports it.
type InstancePool struct {
	ID    string
	Name  string
	Zone  string
	State string
	Size  int64
	// InstanceIDs are the members.
	InstanceIDs []string
	// SKSNodepoolID is set if an SKS nodepool manages the pool.
	SKSNodepoolID string
}

// Instance is a compute instance as Exoscale reports it.
type Instance struct {
	ID       string
	Name     string
	Zone     string
	State    string
	PublicIP string
	IPv6     string
	// InstancePoolID is the pool that the instance is a member of; empty if none.
	InstancePoolID string
	// TypeID is the id of the instance type.
	TypeID string
	// PrivateNetworkIDs are the private networks that the instance is attached to,
	// sorted.
	PrivateNetworkIDs []string
	CreatedAt         time.Time
}

// InstanceType is what an instance is made like, e.g. standard and medium.
type InstanceType struct {
	ID     string
	Family string
	Size   string
}

// String is <family>.<size>, e.g. standard.medium.
func (t InstanceType) String() string { return t.Family + "." + t.Size }

// PrivateNetwork is a network between instances.
type PrivateNetwork struct {
	ID   string
	Name string
	// Managed is true if Exoscale leases its addresses; those of an unmanaged one
	// are set by whoever runs the instances, and unknown to Exoscale.
	Managed bool
	// Subnet of a managed network; not valid if it isn't known.
	Subnet netip.Prefix
	// Leases are the addresses of a managed network that Exoscale tells, by
	// instance id.
	Leases map[string]string
}

// SKSNodepool is a nodepool of an SKS cluster.
type SKSNodepool struct {
	ID             string
	Name           string
	ClusterID      string
	ClusterName    string
	InstancePoolID string
}
