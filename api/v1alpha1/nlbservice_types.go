package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Protocol is the transport protocol of an NLB service.
// +kubebuilder:validation:Enum=TCP;UDP
type Protocol string

const (
	// ProtocolTCP forwards TCP connections.
	ProtocolTCP Protocol = "TCP"
	// ProtocolUDP forwards UDP datagrams.
	ProtocolUDP Protocol = "UDP"
)

// Strategy says how the NLB picks a backend.
// +kubebuilder:validation:Enum=RoundRobin;SourceHash;MaglevHash
type Strategy string

const (
	// StrategyRoundRobin takes the backends in turn.
	StrategyRoundRobin Strategy = "RoundRobin"
	// StrategySourceHash picks by the client's address.
	StrategySourceHash Strategy = "SourceHash"
	// StrategyMaglevHash picks by a Maglev hash of the flow, which moves few flows when backends change.
	StrategyMaglevHash Strategy = "MaglevHash"
)

// HealthCheckMode says how the NLB probes a backend.
// +kubebuilder:validation:Enum=TCP;HTTP;HTTPS
type HealthCheckMode string

const (
	// HealthCheckTCP: a TCP connection can be opened.
	HealthCheckTCP HealthCheckMode = "TCP"
	// HealthCheckHTTP: an HTTP GET answers 2XX.
	HealthCheckHTTP HealthCheckMode = "HTTP"
	// HealthCheckHTTPS: an HTTPS GET answers 2XX.
	HealthCheckHTTPS HealthCheckMode = "HTTPS"
)

// LoadBalancerReference names a NetworkLoadBalancer.
type LoadBalancerReference struct {
	// name of the NetworkLoadBalancer, 1-253 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// namespace of the NetworkLoadBalancer, 1-63 characters. Default: that of this
	// object. In another one, the NetworkLoadBalancer has to admit this object's by
	// its allowedNamespaces.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// SKSNodepoolReference names a nodepool of an Exoscale SKS cluster.
type SKSNodepoolReference struct {
	// cluster is the exact name or the id of the SKS cluster, 1-255 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Cluster string `json:"cluster"`
	// nodepool is the name (in upper or lower case) or the id of the nodepool,
	// 1-255 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Nodepool string `json:"nodepool"`
}

// Target says which instance pool receives the traffic: exactly one of its fields is set.
// +kubebuilder:validation:XValidation:rule="[has(self.instancePoolID), has(self.instancePoolName), has(self.sksNodepool), has(self.nodeSelector)].filter(set, set).size() == 1",message="exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set"
type Target struct {
	// instancePoolID is the id of the instance pool, a UUID in lower case.
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')",message="instancePoolID must be the id of an instance pool at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
	// +optional
	InstancePoolID string `json:"instancePoolID,omitempty"`
	// instancePoolName is the exact name of the instance pool, 1-255 characters; it
	// has to be unique in the zone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	InstancePoolName string `json:"instancePoolName,omitempty"`
	// sksNodepool names a nodepool of an SKS cluster.
	// +optional
	SKSNodepool *SKSNodepoolReference `json:"sksNodepool,omitempty"`
	// nodeSelector selects Nodes of this cluster by their labels; they have to be in
	// one instance pool. {} selects every Node. A kubelet may set most labels on its own
	// Node, and so attract the traffic: the API server keeps from it those whose keys
	// begin with node-restriction.kubernetes.io/. With --require-restricted-node-labels
	// the operator takes no others.
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))",message="the operator of a matchExpression must be In or NotIn, with values, or Exists or DoesNotExist, without"
	// +optional
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
}

// HealthCheck says how the NLB probes each backend. The probes come from
// Exoscale's public security group public-nlb-healthcheck-sources.
// +kubebuilder:validation:XValidation:rule="self.mode != 'TCP' || !has(self.path)",message="path is allowed only with mode HTTP or HTTPS",reason=FieldValueForbidden,fieldPath=".path"
// +kubebuilder:validation:XValidation:rule="self.mode == 'HTTPS' || !has(self.tlsServerName)",message="tlsServerName is allowed only with mode HTTPS",reason=FieldValueForbidden,fieldPath=".tlsServerName"
// +kubebuilder:validation:XValidation:rule="!self.timeout.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') || !self.interval.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') || duration(self.timeout) <= duration(self.interval)",messageExpression="'timeout ' + self.timeout + ' must not be longer than interval ' + self.interval",message="timeout must not be longer than interval",fieldPath=".timeout"
type HealthCheck struct {
	// mode is TCP (a connection can be opened), HTTP or HTTPS (a GET is answered
	// with 2XX). Default: TCP.
	// +kubebuilder:default=TCP
	// +optional
	Mode HealthCheckMode `json:"mode,omitempty"`
	// port to probe on every backend, 1-65535: any, since a probe brings no traffic.
	// Default: the targetPort.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port int32 `json:"port,omitempty"`
	// path to request, 1-255 characters that begin with a slash; only with mode HTTP
	// or HTTPS. Default: /
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/')",message="path must begin with a slash, e.g. /healthz"
	// +optional
	Path string `json:"path,omitempty"`
	// interval between two probes: whole seconds, 5s to 5m (300s). Default: 10s.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('5s') && duration(self) <= duration('300s') && duration(self).getMilliseconds() % 1000 == 0",message="interval must be whole seconds from 5s to 5m, e.g. 10s"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
	// timeout of one probe: whole seconds, 2s to 1m (60s), no longer than interval.
	// Default: 5s.
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('2s') && duration(self) <= duration('60s') && duration(self).getMilliseconds() % 1000 == 0",message="timeout must be whole seconds from 2s to 1m, e.g. 5s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// retries is how many probes must fail before a backend is taken out, 1-20.
	// Default: 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	// +optional
	Retries int32 `json:"retries,omitempty"`
	// tlsServerName is the server name (SNI) to send, 1-255 characters; only with
	// mode HTTPS. Default: none is sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	TLSServerName string `json:"tlsServerName,omitempty"`
}

// NLBServiceSpec describes one port of an NLB and the instance pool behind it.
// +kubebuilder:validation:XValidation:rule="self.loadBalancerRef == oldSelf.loadBalancerRef",message="loadBalancerRef can't be changed; create a new NLBService instead",reason=FieldValueForbidden,fieldPath=".loadBalancerRef"
// +kubebuilder:validation:XValidation:rule="self.port == oldSelf.port",message="port can't be changed; create a new NLBService instead",reason=FieldValueForbidden,fieldPath=".port"
// +kubebuilder:validation:XValidation:rule="self.protocol == oldSelf.protocol",message="protocol can't be changed; create a new NLBService instead",reason=FieldValueForbidden,fieldPath=".protocol"
type NLBServiceSpec struct {
	// loadBalancerRef names the NetworkLoadBalancer that the port is opened on. Can't be changed.
	LoadBalancerRef LoadBalancerReference `json:"loadBalancerRef"`
	// port that is opened on the NLB's address, 1-65535. Can't be changed.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// protocol is TCP or UDP; one port can have both, by two NLBServices. Default:
	// TCP. Can't be changed.
	// +kubebuilder:default=TCP
	// +optional
	Protocol Protocol `json:"protocol,omitempty"`
	// targetPort is the port on every instance that traffic is forwarded to, 1-65535;
	// for a Kubernetes Service its NodePort. Others than those have to be among the
	// operator's --allowed-target-ports, which are 30000-32767 unless it says otherwise;
	// what is forwarded to already stays.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort"`
	// name of the service at Exoscale, 1-255 characters. Names that begin with k8s-
	// or with another object's UID are reserved. Default: <UID of this object>-<port>,
	// with -udp appended for UDP.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Name string `json:"name,omitempty"`
	// description of the service at Exoscale, up to 255 characters without
	// [nlb.exoscale.com/: so begins the mark that the operator appends, by which it
	// recognizes the service. Up to 206 bytes (a letter with an accent has two) leave
	// room for that. With a longer description the service bears none: should this
	// object lose its status, as by a backup that is restored, a service with a name of
	// your own then counts as foreign, and keeps the port until you hand it over.
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.contains('[nlb.exoscale.com/')",message="description must not contain [nlb.exoscale.com/: so begins the mark that the operator leaves there itself; take it out"
	// +optional
	Description string `json:"description,omitempty"`
	// strategy is how a backend is picked: RoundRobin (in turn), SourceHash (by the
	// client's address) or MaglevHash (by a hash of the flow that moves few flows
	// when backends change). Default: RoundRobin.
	// +kubebuilder:default=RoundRobin
	// +optional
	Strategy Strategy `json:"strategy,omitempty"`
	// target is the instance pool that receives the traffic, told in exactly one of
	// four ways. When it changes to another pool the cloud service is replaced, with
	// a gap of seconds.
	Target Target `json:"target"`
	// The API server judges a default by the rules of its type before it fills in
	// the defaults inside: so it names what the rules read.

	// healthCheck says how each backend is probed. The probes come from Exoscale's
	// public security group public-nlb-healthcheck-sources: the pool's own has to
	// let them in.
	// +kubebuilder:default={mode: TCP, interval: "10s", timeout: "5s"}
	// +optional
	HealthCheck HealthCheck `json:"healthCheck,omitempty"`
}

// Backend is one instance of the target pool as the NLB sees it.
type Backend struct {
	// publicIP of the instance.
	PublicIP string `json:"publicIP"`
	// nodeName is the Node that the instance is, if it is one of this cluster.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// instanceID of the instance.
	// +optional
	InstanceID string `json:"instanceID,omitempty"`
	// healthy tells whether its last health check succeeded.
	Healthy bool `json:"healthy"`
}

// PoolChange is a move from one instance pool to another.
type PoolChange struct {
	// fromInstancePoolID is the pool that received the traffic.
	FromInstancePoolID string `json:"fromInstancePoolID"`
	// because is why it moves, in words.
	Because string `json:"because"`
}

// ProbeService is a service on the NLB that the operator adds for minutes, on a port
// from 64900 to 64999, to see whether an instance pool passes a health check.
type ProbeService struct {
	// port of the probe service.
	Port int32 `json:"port"`
	// instancePoolID is the pool that is looked at.
	// +optional
	InstancePoolID string `json:"instancePoolID,omitempty"`
	// since is when it was decided to add it.
	Since metav1.Time `json:"since"`
	// operation is its addition or removal, if that is in flight.
	// +optional
	Operation *Operation `json:"operation,omitempty"`
}

// NLBServiceStatus is what is true of the cloud service.
type NLBServiceStatus struct {
	// observedGeneration is the generation of the spec that this status is about;
	// -1 until the operator has looked at the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// loadBalancerID is the id of the NLB on which the service is.
	// +optional
	LoadBalancerID string `json:"loadBalancerID,omitempty"`
	// address of the NLB on which the service is.
	// +optional
	Address string `json:"address,omitempty"`
	// zone in which the NLB is.
	// +optional
	Zone string `json:"zone,omitempty"`
	// id of the service at Exoscale.
	// +optional
	ID string `json:"id,omitempty"`
	// name of the service at Exoscale.
	// +optional
	Name string `json:"name,omitempty"`
	// instancePoolID is the instance pool that the service forwards to, or did when it
	// was last there.
	// +optional
	InstancePoolID string `json:"instancePoolID,omitempty"`
	// instancePoolName is the name of that pool.
	// +optional
	InstancePoolName string `json:"instancePoolName,omitempty"`
	// targetPort is the port on every instance that the service forwards to, or did when
	// it was last there.
	// +optional
	TargetPort int32 `json:"targetPort,omitempty"`
	// state of the service as Exoscale reports it: creating, running, updating, deleting, error.
	// +optional
	State string `json:"state,omitempty"`
	// operation is the change in flight, if any.
	// +optional
	Operation *Operation `json:"operation,omitempty"`
	// replacedAt is when the cloud service was removed in order to replace it; the
	// gap in traffic lasts from then until the new one is there.
	// +optional
	ReplacedAt *metav1.Time `json:"replacedAt,omitempty"`
	// replacing says what it was removed for; there while replacedAt is.
	// +optional
	Replacing *PoolChange `json:"replacing,omitempty"`
	// probe is the probe service, if there may be one: a service of the operator on
	// the same NLB that shows whether another instance pool is healthy, before this
	// one moves there.
	// +optional
	Probe *ProbeService `json:"probe,omitempty"`
	// backends are the instances behind the port, with the result of their health
	// checks: 250 at most, of which those that fail are listed first. totalBackends and
	// healthyBackends count them all.
	// +listType=map
	// +listMapKey=publicIP
	// +optional
	Backends []Backend `json:"backends,omitempty"`
	// healthyBackends is the number of backends whose last health check succeeded.
	// +optional
	HealthyBackends int32 `json:"healthyBackends,omitempty"`
	// totalBackends is the number of backends.
	// +optional
	TotalBackends int32 `json:"totalBackends,omitempty"`
	// health sums up the two numbers, e.g. 2/3.
	// +optional
	Health string `json:"health,omitempty"`
	// conditions: Ready, from Accepted and Programmed; BackendsHealthy and, where a
	// Service asks for sidecars, SidecarsInjected inform, and so do TargetAllowed,
	// which is there only while what runs would be refused if it began today, and
	// HandedOver, which is there only while a move to another instance pool is pending;
	// Reconciling and Stalled while they apply.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// NLBService is one port of an NLB that forwards to one instance pool.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=nlbsvc,categories=exoscale
// +kubebuilder:printcolumn:name="LoadBalancer",type=string,JSONPath=`.spec.loadBalancerRef.name`
// +kubebuilder:printcolumn:name="Port",type=integer,JSONPath=`.spec.port`
// +kubebuilder:printcolumn:name="Protocol",type=string,JSONPath=`.spec.protocol`
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.status.instancePoolName`
// +kubebuilder:printcolumn:name="Healthy",type=string,JSONPath=`.status.health`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Target-Port",type=integer,JSONPath=`.spec.targetPort`,priority=1
// +kubebuilder:printcolumn:name="Probed-At",type=string,JSONPath=`.metadata.annotations.nlb\.exoscale\.com/health-check-choice`,priority=1
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.status.address`,priority=1
// +kubebuilder:printcolumn:name="ID",type=string,JSONPath=`.status.id`,priority=1
type NLBService struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the service is to be.
	Spec NLBServiceSpec `json:"spec"`
	// status is what is true of the service.
	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status NLBServiceStatus `json:"status,omitempty"`
}

// NLBServiceList is a list of NLBServices.
// +kubebuilder:object:root=true
type NLBServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NLBService `json:"items"`
}

// LoadBalancerNamespace is the namespace of the NetworkLoadBalancer referred to.
func (s *NLBService) LoadBalancerNamespace() string {
	if s.Spec.LoadBalancerRef.Namespace != "" {
		return s.Spec.LoadBalancerRef.Namespace
	}
	return s.Namespace
}
