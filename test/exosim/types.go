package exosim

import "time"

// The states of load balancers, their services, pools and instances that the
// simulation uses, as the API spells them.
const (
	StateCreating    = "creating"
	StateRunning     = "running"
	StateUpdating    = "updating"
	StateDeleting    = "deleting"
	StateError       = "error"
	StateScalingUp   = "scaling-up"
	StateScalingDown = "scaling-down"
	StateScaling     = "scaling" // a nodepool
	StateDestroying  = "destroying"
	StateStarting    = "starting"
	StateStopping    = "stopping"
	StateStopped     = "stopped"
)

// The states of an Operation.
const (
	OperationPending = "pending"
	OperationSuccess = "success"
	OperationFailure = "failure"
	OperationTimeout = "timeout"
)

// The results of health checks.
const (
	HealthSuccess = "success"
	HealthFailure = "failure"
)

// Ref names another object by its id.
type Ref struct {
	ID string `json:"id"`
}

// LoadBalancer is an NLB as the API shows it.
type LoadBalancer struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	// IP is the IPv4 address; absent until the NLB has been created.
	IP        string    `json:"ip,omitempty"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created-at"`
	Services  []Service `json:"services"`
}

// Service is a service of an NLB.
type Service struct {
	ID           string      `json:"id"`
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	InstancePool PoolRef     `json:"instance-pool"`
	Protocol     string      `json:"protocol"`
	Strategy     string      `json:"strategy"`
	Port         int64       `json:"port"`
	TargetPort   int64       `json:"target-port"`
	HealthCheck  HealthCheck `json:"healthcheck"`
	// HealthStatus is worked out whenever the service is shown; what is stored
	// there means nothing.
	HealthStatus []HealthStatus `json:"healthcheck-status"`
	State        string         `json:"state"`
}

// PoolRef is the pool of a service. Name and Size are only shown with
// Options.VerboseReferences.
type PoolRef struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Size int64  `json:"size,omitempty"`
}

// HealthCheck of a service; Interval and Timeout in seconds.
type HealthCheck struct {
	Mode     string `json:"mode"`
	Port     int64  `json:"port"`
	URI      string `json:"uri,omitempty"`
	Interval int64  `json:"interval"`
	Timeout  int64  `json:"timeout"`
	Retries  int64  `json:"retries"`
	TLSSNI   string `json:"tls-sni,omitempty"`
}

// HealthStatus is the result of the last health checks of one backend.
type HealthStatus struct {
	PublicIP string `json:"public-ip"`
	// Status is success or failure.
	Status string `json:"status"`
}

// Operation is what a mutation is answered with.
type Operation struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"`
	Reference Reference `json:"reference"`
}

// Reference tells what an operation is about. For all operations on services it
// is the NLB.
type Reference struct {
	ID      string `json:"id"`
	Link    string `json:"link"`
	Command string `json:"command"`
}

// Manager of an instance or pool.
type Manager struct {
	ID string `json:"id"`
	// Type is instance-pool or sks-nodepool.
	Type string `json:"type"`
}

// InstancePool as the API shows it.
type InstancePool struct {
	ID                 string            `json:"id"`
	Name               string            `json:"name"`
	Description        string            `json:"description,omitempty"`
	Size               int64             `json:"size"`
	State              string            `json:"state"`
	InstancePrefix     string            `json:"instance-prefix"`
	Instances          []Ref             `json:"instances"`
	Manager            *Manager          `json:"manager,omitempty"`
	Labels             map[string]string `json:"labels,omitempty"`
	SecurityGroups     []Ref             `json:"security-groups,omitempty"`
	PrivateNetworks    []Ref             `json:"private-networks,omitempty"`
	InstanceType       Ref               `json:"instance-type"`
	Template           Ref               `json:"template"`
	DiskSize           int64             `json:"disk-size"`
	PublicIPAssignment string            `json:"public-ip-assignment,omitempty"`
}

// Instance as the API shows it. Its id is the systemUUID of the machine.
type Instance struct {
	ID                 string                   `json:"id"`
	Name               string                   `json:"name"`
	State              string                   `json:"state"`
	PublicIP           string                   `json:"public-ip,omitempty"`
	PublicIPAssignment string                   `json:"public-ip-assignment,omitempty"`
	IPv6Address        string                   `json:"ipv6-address,omitempty"`
	Labels             map[string]string        `json:"labels,omitempty"`
	Manager            *Manager                 `json:"manager,omitempty"`
	InstanceType       InstanceType             `json:"instance-type"`
	Template           Ref                      `json:"template"`
	SecurityGroups     []Ref                    `json:"security-groups,omitempty"`
	PrivateNetworks    []InstancePrivateNetwork `json:"private-networks,omitempty"`
	CreatedAt          time.Time                `json:"created-at"`
	// The rest is left out of lists. SecureBoot and TPM are always shown
	// otherwise: the exo CLI relies on it.
	UserData   string `json:"user-data,omitempty"`
	DiskSize   int64  `json:"disk-size,omitempty"`
	SecureBoot *bool  `json:"secureboot-enabled,omitempty"`
	TPM        *bool  `json:"tpm-enabled,omitempty"`
}

// InstancePrivateNetwork is a private network that an instance is attached to.
type InstancePrivateNetwork struct {
	ID         string `json:"id"`
	MACAddress string `json:"mac-address,omitempty"`
}

// InstanceType as the API shows it; Memory in bytes.
type InstanceType struct {
	ID         string   `json:"id"`
	Family     string   `json:"family"`
	Size       string   `json:"size"`
	CPUs       int64    `json:"cpus"`
	Memory     int64    `json:"memory"`
	Authorized bool     `json:"authorized"`
	Zones      []string `json:"zones,omitempty"`
}

// Template is what the disks of instances are made from.
type Template struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Family      string    `json:"family"`
	Visibility  string    `json:"visibility"`
	DefaultUser string    `json:"default-user"`
	Size        int64     `json:"size"`
	CreatedAt   time.Time `json:"created-at"`
}

// SKSCluster as the API shows it. Addons has exoscale-cloud-controller if
// Exoscale runs its CCM for the cluster.
type SKSCluster struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	State       string `json:"state"`
	Version     string `json:"version"`
	Level       string `json:"level"`
	CNI         string `json:"cni,omitempty"`
	Endpoint    string `json:"endpoint,omitempty"`
	// AutoUpgrade and EnableKubeProxy are always shown: the exo CLI relies on it.
	AutoUpgrade     bool              `json:"auto-upgrade"`
	EnableKubeProxy bool              `json:"enable-kube-proxy"`
	Addons          []string          `json:"addons"`
	Labels          map[string]string `json:"labels,omitempty"`
	Nodepools       []SKSNodepool     `json:"nodepools"`
	CreatedAt       time.Time         `json:"created-at"`
}

// SKSNodepool is a nodepool of an SKS cluster; the instances are those of its
// instance pool, which it manages.
type SKSNodepool struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Description    string            `json:"description,omitempty"`
	State          string            `json:"state"`
	Size           int64             `json:"size"`
	Version        string            `json:"version"`
	InstancePool   Ref               `json:"instance-pool"`
	InstancePrefix string            `json:"instance-prefix"`
	InstanceType   Ref               `json:"instance-type"`
	Template       Ref               `json:"template"`
	DiskSize       int64             `json:"disk-size"`
	Labels         map[string]string `json:"labels,omitempty"`
	CreatedAt      time.Time         `json:"created-at"`
}

// SecurityGroup as the API shows it.
type SecurityGroup struct {
	ID              string              `json:"id"`
	Name            string              `json:"name"`
	Description     string              `json:"description,omitempty"`
	ExternalSources []string            `json:"external-sources,omitempty"`
	Rules           []SecurityGroupRule `json:"rules,omitempty"`
	// Visibility is private or public; the API filters by it but doesn't show it.
	Visibility string `json:"-"`
}

// SecurityGroupRule of a SecurityGroup.
type SecurityGroupRule struct {
	ID            string                 `json:"id"`
	Description   string                 `json:"description,omitempty"`
	FlowDirection string                 `json:"flow-direction"`
	Protocol      string                 `json:"protocol"`
	StartPort     int64                  `json:"start-port,omitempty"`
	EndPort       int64                  `json:"end-port,omitempty"`
	Network       string                 `json:"network,omitempty"`
	SecurityGroup *SecurityGroupResource `json:"security-group,omitempty"`
}

// SecurityGroupResource is the security group that a rule allows.
type SecurityGroupResource struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name,omitempty"`
	Visibility string `json:"visibility,omitempty"`
}

// PrivateNetwork as the API shows it.
type PrivateNetwork struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	StartIP     string            `json:"start-ip,omitempty"`
	EndIP       string            `json:"end-ip,omitempty"`
	Netmask     string            `json:"netmask,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Leases      []Lease           `json:"leases,omitempty"`
}

// Lease of an address of a private network to an instance.
type Lease struct {
	IP         string `json:"ip"`
	InstanceID string `json:"instance-id"`
}

// Quota of a resource; Limit -1 means unlimited.
type Quota struct {
	Resource string `json:"resource"`
	Usage    int64  `json:"usage"`
	Limit    int64  `json:"limit"`
}
