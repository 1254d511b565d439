package v1alpha1

// Prefix begins every label, annotation and finalizer of the operator.
const Prefix = Group + "/"

// Labels that the operator writes on an Exoscale NLB: the proof of ownership.
// An NLB is ours when cluster and UID match a live object. Values are written
// as Exoscale's rule for them allows: see nlb.LabelValue.
const (
	// CloudLabelCluster holds the id of the cluster that made the NLB:
	// the UID of the kube-system namespace unless --cluster-id says otherwise.
	CloudLabelCluster = Prefix + "owned-by-cluster"
	// CloudLabelOwner holds namespace/name of the NetworkLoadBalancer.
	CloudLabelOwner = Prefix + "owned-by"
	// CloudLabelOwnerUID holds the UID of the NetworkLoadBalancer, or
	// OwnerUIDRetained once that was deleted with deletionPolicy Retain.
	CloudLabelOwnerUID = Prefix + "owned-by-uid"
	// CloudLabelAdopt is set on an NLB by whoever holds the Exoscale account,
	// to consent to its adoption. Value: <cluster>/<namespace>/<name>, written as
	// the other values are, or as it stands.
	// With -<port>-tcp or -<port>-udp appended it hands over the service on that
	// port to an NLBService; then namespace and name are that one's.
	CloudLabelAdopt = Prefix + "adopt"
	// CloudLabelMarks stands on an NLB on which every service of the operator bears
	// its mark in its description; the value is the version of the mark.
	CloudLabelMarks = Prefix + "marks"
	// MarksVersion is the value of CloudLabelMarks.
	MarksVersion = "v1"

	// OwnerUIDRetained is the value of CloudLabelOwnerUID on an NLB whose
	// NetworkLoadBalancer is gone and that was kept.
	OwnerUIDRetained = "retained"
)

// Earlier operators wrote what CloudLabelCluster, CloudLabelOwner and CloudLabelOwnerUID
// hold under these keys, without encoding it. The keys differ because of a way back:
// an earlier operator would refuse an NLB whose labels it can't read. It finds none
// under its own keys, and recognizes the NLB by the id in the status.
const (
	FormerCloudLabelCluster  = Prefix + "cluster"
	FormerCloudLabelOwner    = Prefix + "owner"
	FormerCloudLabelOwnerUID = Prefix + "owner-uid"
)

// Finalizers. Each leaves only after the cloud reported the object's absence.
const (
	// LoadBalancerFinalizer holds a NetworkLoadBalancer until its NLB is gone or released.
	LoadBalancerFinalizer = Prefix + "load-balancer"
	// NLBServiceFinalizer holds an NLBService until its cloud service is gone.
	NLBServiceFinalizer = Prefix + "nlb-service"
	// ServiceFinalizer holds a Service until the objects projected from it are gone.
	ServiceFinalizer = Prefix + "service"
	// GuardFinalizer holds the ConfigMap that has to go before the operator does, as long
	// as one of the others holds anything.
	GuardFinalizer = Prefix + "uninstall-guard"
)

// LoadBalancerClass is the spec.loadBalancerClass of the Services that the operator serves.
const LoadBalancerClass = "exoscale.com/nlb"

// LabelService stands on every object that was projected from a Service and
// holds that Service's name (it is in the same namespace).
const LabelService = Prefix + "service"

// LabelRefused stands on a NodeIdentity of a Node that isn't the instance which it
// says to be.
const LabelRefused = Prefix + "refused"

// AnnotationPinnedAddresses on a NodeIdentity is for administrators: the addresses in
// private networks that the Node has, separated by commas, at most one of each family,
// in place of those in status.pinnedAddresses. They stay pinned when it is taken off.
const AnnotationPinnedAddresses = Prefix + "pinned-addresses"

// LabelManagedBy, a label of Kubernetes' recommended ones, tells the
// NodeIdentities that the operator made, which it removes again, from others.
const LabelManagedBy = "app.kubernetes.io/managed-by"

// AnnotationConfirmVanished, on a NetworkLoadBalancer, confirms that the NLB of this
// id was deleted at Exoscale, where so many have vanished at once that the operator
// takes it for a mistake (reason ManyVanished). Where no id is recorded, its value is
// the zone in which an NLB may be made or given up though the cluster's pools are gone
// there. On an NLBService whose NetworkLoadBalancer is gone it confirms the same of the NLB that
// holds its service; its value is status.loadBalancerID.
const AnnotationConfirmVanished = Prefix + "confirm-vanished"

// AnnotationAbandonOperation, on a NetworkLoadBalancer or an NLBService, names the
// operation of Exoscale that is in flight for it and that the operator is to wait for
// no longer. What became of it is then unknown, as after an answer that was lost.
const AnnotationAbandonOperation = Prefix + "abandon-operation"

// Annotations of the operator on a Service.
const (
	// AnnotationLoadBalancer names a NetworkLoadBalancer ([namespace/]name) that
	// the Service shares, instead of getting an NLB of its own.
	AnnotationLoadBalancer = Prefix + "load-balancer"
	// AnnotationNodeSelector selects, as a label selector, the Nodes whose
	// instance pool receives the traffic.
	AnnotationNodeSelector = Prefix + "node-selector"
	// AnnotationDeletionPolicy is Delete (default) or Retain: what becomes of
	// the NLB when the Service is deleted.
	AnnotationDeletionPolicy = Prefix + "deletion-policy"
	// AnnotationUDPHealthCheck is "sidecar": the Service's UDP ports are probed at a
	// sidecar of its Pods, which knows whether the UDP application answers.
	AnnotationUDPHealthCheck = Prefix + "udp-healthcheck"
	// AnnotationUDPHealthCheckProbe tells that sidecar how to find out; on a Pod, too,
	// where it goes before the Service's.
	AnnotationUDPHealthCheckProbe = Prefix + "udp-healthcheck-probe"
)

// AnnotationUDPHealthCheckHostNetwork is "true" on a Pod on its node's network that
// is to get the sidecar all the same, whose ports are then the node's.
const AnnotationUDPHealthCheckHostNetwork = Prefix + "udp-healthcheck-host-network"

// What asks for the sidecar that watches UDP applications.
const (
	// LabelUDPHealthCheck is "true" on a Pod that is to get the sidecar.
	LabelUDPHealthCheck = Prefix + "udp-healthcheck"
	// LabelUDPHealthCheckInjection is "enabled" on a Namespace in which every Pod that
	// a Service with AnnotationUDPHealthCheck selects gets the sidecar.
	LabelUDPHealthCheckInjection = Prefix + "udp-healthcheck-injection"
	// UDPHealthCheckSidecar is the only value of AnnotationUDPHealthCheck.
	UDPHealthCheckSidecar = "sidecar"
	// SidecarContainer is the name of the sidecar's container.
	SidecarContainer = "udp-healthcheck"
	// SidecarHealthPort is the name of its port that is open only while the UDP
	// application is healthy; what probes it resolves the number by this name.
	SidecarHealthPort = "udp-health"
	// SidecarInfoPort is the name of its port that is always open: /healthz, /metrics.
	SidecarInfoPort = "udp-health-info"
)

// AnnotationPoolChoice stands on every NLBService that was projected from a Service
// whose instance pool the operator chose by the Nodes: such a pool is left only for one
// that is seen to be healthy.
const AnnotationPoolChoice = Prefix + "pool-choice"

// ChoiceNodes is the only value of AnnotationPoolChoice.
const ChoiceNodes = "Nodes"

// AnnotationHealthCheckChoice stands on every NLBService that was projected from a
// Service: why the port is probed the way it is, one of those below.
const AnnotationHealthCheckChoice = Prefix + "health-check-choice"

// The ways in which the health check of a port of a Service is chosen.
const (
	// ChoiceNodePort: the port itself is probed, at its nodePort.
	ChoiceNodePort = "NodePort"
	// ChoiceLocal: kube-proxy tells at the healthCheckNodePort of a Service with
	// externalTrafficPolicy Local which nodes have a Pod of it that is ready.
	ChoiceLocal = "HealthCheckNodePort"
	// ChoiceTCPTwin: a UDP port is probed at the Service's TCP port of the same number.
	ChoiceTCPTwin = "TCPTwin"
	// ChoiceSidecar: a UDP port is probed at the sidecar of the Service's Pods.
	ChoiceSidecar = "Sidecar"
	// ChoiceKubeProxy: a UDP port that has none of these is probed at kube-proxy.
	ChoiceKubeProxy = "KubeProxy"
	// ChoiceAnnotated: an annotation of the Service names the port to probe.
	ChoiceAnnotated = "Annotation"
)

// AnnotationCCMPrefix begins the annotations that the operator shares with the
// Exoscale cloud controller manager (CCM).
const AnnotationCCMPrefix = "service.beta.kubernetes.io/exoscale-loadbalancer-"

// Annotations shared with the CCM; each means here what it means there.
const (
	// AnnotationID is the id of the NLB; the operator writes it back after the create.
	AnnotationID = AnnotationCCMPrefix + "id"
	// AnnotationName is the name of the NLB, 1-255 characters; default k8s-<UID of the Service>.
	AnnotationName = AnnotationCCMPrefix + "name"
	// AnnotationDescription is the description of the NLB, up to 255 characters.
	AnnotationDescription = AnnotationCCMPrefix + "description"
	// AnnotationExternal, if "true", attaches to an NLB made elsewhere (by id,
	// else by name) and never creates, updates or deletes the NLB itself.
	AnnotationExternal = AnnotationCCMPrefix + "external"
	// AnnotationServiceName is the name of the cloud service; only with exactly one port.
	AnnotationServiceName = AnnotationCCMPrefix + "service-name"
	// AnnotationServiceDescription is the description of the cloud service, as spec.description
	// of an NLBService; only with exactly one port.
	AnnotationServiceDescription = AnnotationCCMPrefix + "service-description"
	// AnnotationInstancePoolID is the id of the instance pool to forward to.
	AnnotationInstancePoolID = AnnotationCCMPrefix + "service-instancepool-id"
	// AnnotationSKSClusterName is the SKS cluster (name or id) of the nodepool
	// in AnnotationSKSNodepoolName; both or none.
	AnnotationSKSClusterName = AnnotationCCMPrefix + "sks-cluster-name"
	// AnnotationSKSNodepoolName is the SKS nodepool (name, in any case) to forward to.
	AnnotationSKSNodepoolName = AnnotationCCMPrefix + "service-sks-nodepool-name"
	// AnnotationStrategy is round-robin (default), source-hash or maglev-hash.
	AnnotationStrategy = AnnotationCCMPrefix + "service-strategy"
	// AnnotationHealthCheckMode is tcp, http or https; default tcp, but http for
	// externalTrafficPolicy Local.
	AnnotationHealthCheckMode = AnnotationCCMPrefix + "service-healthcheck-mode"
	// AnnotationHealthCheckPort is the port to probe on every node, 1-65535;
	// default the healthCheckNodePort for Local, else the port's own NodePort.
	AnnotationHealthCheckPort = AnnotationCCMPrefix + "service-healthcheck-port"
	// AnnotationHealthCheckURI is the path to request in mode http or https, up to 255 characters.
	AnnotationHealthCheckURI = AnnotationCCMPrefix + "service-healthcheck-uri"
	// AnnotationHealthCheckInterval is the time between probes, a Go duration of whole seconds, 5s-5m; default 10s.
	AnnotationHealthCheckInterval = AnnotationCCMPrefix + "service-healthcheck-interval"
	// AnnotationHealthCheckTimeout is the time a probe may take, a Go duration of whole seconds, 2s-1m, no longer than the interval; default 5s.
	AnnotationHealthCheckTimeout = AnnotationCCMPrefix + "service-healthcheck-timeout"
	// AnnotationHealthCheckRetries is the number of failed probes that take a backend out, 1-20; default 1.
	AnnotationHealthCheckRetries = AnnotationCCMPrefix + "service-healthcheck-retries"
)

// Annotations of former versions of the CCM, and of what was before it, that manifests
// still have.
const (
	// AnnotationOldZone is the zone of the NLB, of the CCM before 0.6.
	AnnotationOldZone = AnnotationCCMPrefix + "zone"
	// AnnotationOldKeep is "true" if the NLB is to stay when the Service is deleted.
	AnnotationOldKeep = AnnotationCCMPrefix + "keep"
	// AnnotationOldServiceID is the id of the service on the NLB, of the CCM before 0.3.
	AnnotationOldServiceID = AnnotationCCMPrefix + "service-id"
	// AnnotationOldHTTPHealthCheckURI is the path to request, before the CCM's first version.
	AnnotationOldHTTPHealthCheckURI = AnnotationCCMPrefix + "service-http-healthcheck-uri"
	// AnnotationOldServiceProtocol is the protocol of the service, before the CCM's first version.
	AnnotationOldServiceProtocol = AnnotationCCMPrefix + "service-protocol"
)
