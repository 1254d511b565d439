package v1alpha1

// Condition types. All are positive: True is the good news, except for
// Reconciling and Stalled, which follow kstatus and stand only while true.
const (
	// ConditionReady sums up Accepted and Programmed: the object is served as it was asked for.
	ConditionReady = "Ready"
	// ConditionAccepted: the spec is valid, its references resolve and are allowed.
	ConditionAccepted = "Accepted"
	// ConditionProgrammed: the cloud matches the spec.
	ConditionProgrammed = "Programmed"
	// ConditionBackendsHealthy informs whether any backend passes its health check; outside Ready.
	ConditionBackendsHealthy = "BackendsHealthy"
	// ConditionSidecarsInjected (NLBService of a Service whose Pods are to have the
	// sidecar that watches UDP applications) informs whether they all have it; outside Ready.
	ConditionSidecarsInjected = "SidecarsInjected"
	// ConditionTargetAllowed (NLBService) stands only while it is False: what the
	// service forwards to stays as it was, and would be refused if it began today.
	// It informs; outside Ready.
	ConditionTargetAllowed = "TargetAllowed"
	// ConditionHandedOver (NLBService) stands only while it is False: traffic is to go to
	// another instance pool, chosen by the Nodes, and stays where it is until that one
	// is seen to be better. It informs; outside Ready.
	ConditionHandedOver = "HandedOver"
	// ConditionVerified (NodeIdentity): Node and Exoscale instance agree.
	ConditionVerified = "Verified"
	// ConditionJoined (NodeIdentity): a Node of the hostname has joined the cluster.
	ConditionJoined = "Joined"
	// ConditionReconciling: work is under way; the message says what is awaited.
	ConditionReconciling = "Reconciling"
	// ConditionStalled: no progress without somebody's help; the message says whose.
	ConditionStalled = "Stalled"
)

// Conditions that the operator keeps on a Service (core/v1), prefixed so that
// they never meet another controller's.
const (
	// ServiceConditionAccepted: the Service can be served as it stands.
	ServiceConditionAccepted = Prefix + "Accepted"
	// ServiceConditionProgrammed: every port is served by its NLB.
	ServiceConditionProgrammed = Prefix + "Programmed"
	// ServiceConditionBackendsHealthy informs whether every port has a backend
	// that passes its health check.
	ServiceConditionBackendsHealthy = Prefix + "BackendsHealthy"
	// ServiceConditionHandedOver is there only while it is False: the traffic of a port
	// is to go to another instance pool, and stays where it is until that one is ready.
	ServiceConditionHandedOver = Prefix + "HandedOver"
	// ServiceConditionUnclaimed: the operator holds the Service, but no longer
	// claims it (its class or a flag changed); it stays as it is.
	ServiceConditionUnclaimed = Prefix + "Unclaimed"
	// ServiceConditionAllFieldsHonored: the Service asks for nothing that an NLB
	// can't do; where it does, it is served without that, and the message says what.
	ServiceConditionAllFieldsHonored = Prefix + "AllFieldsHonored"
)

// Reasons of conditions and Events: a closed vocabulary.
const (
	// ReasonAccepted: the spec is valid.
	ReasonAccepted = "Accepted"
	// ReasonProgrammed: the cloud matches the spec.
	ReasonProgrammed = "Programmed"
	// ReasonReady: served as asked for.
	ReasonReady = "Ready"
	// ReasonPending: not looked at yet.
	ReasonPending = "Pending"

	// ReasonCreating: the create was started and is not done.
	ReasonCreating = "Creating"
	// ReasonUpdating: a change was started and is not done.
	ReasonUpdating = "Updating"
	// ReasonDeleting: the delete was started and is not done.
	ReasonDeleting = "Deleting"
	// ReasonWaitingForLoadBalancer: the NLB referred to is not ready yet.
	ReasonWaitingForLoadBalancer = "WaitingForLoadBalancer"
	// ReasonWaitingForOperation: another change on the same NLB has to end first.
	ReasonWaitingForOperation = "WaitingForOperation"
	// ReasonWaitingForAddress: the NLB has no address yet.
	ReasonWaitingForAddress = "WaitingForAddress"
	// ReasonWaitingForServices: services have to be removed first.
	ReasonWaitingForServices = "WaitingForServices"
	// ReasonWaitingForNodePort: what is to be probed has no nodePort yet.
	ReasonWaitingForNodePort = "WaitingForNodePort"
	// ReasonWaitingForVerification: it is about to be told which instances the Nodes
	// are, and by that which instance pool gets the traffic.
	ReasonWaitingForVerification = "WaitingForVerification"

	// ReasonInvalid: a value isn't allowed; the message names it and what is.
	ReasonInvalid = "Invalid"
	// ReasonNotSupported: an Exoscale NLB can't do what a field asks for.
	ReasonNotSupported = "NotSupported"
	// ReasonInUseByOther: the NLB belongs to another object, cluster or person; another
	// NLB or service has the name; the instance is another Node.
	ReasonInUseByOther = "InUseByOther"
	// ReasonPortConflict: the port is held by a service that isn't this object's.
	ReasonPortConflict = "PortConflict"
	// ReasonNotFound: what the spec refers to doesn't exist.
	ReasonNotFound = "NotFound"
	// ReasonManyVanished: so many of the cluster's NLBs in a zone are gone at once that
	// nothing is made, forgotten or removed there until they are back or somebody
	// confirms it (annotation nlb.exoscale.com/confirm-vanished).
	ReasonManyVanished = "ManyVanished"
	// ReasonUnknownZone: Exoscale knows no such zone.
	ReasonUnknownZone = "UnknownZone"
	// ReasonQuotaExceeded: the Exoscale organisation's quota is used up.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonInvalidCredentials: Exoscale doesn't accept the API key (401).
	ReasonInvalidCredentials = "InvalidCredentials"
	// ReasonForbidden: the key's IAM role lacks the operation named in the message
	// (403), or the Kubernetes API server refuses an object (rights, quota, admission).
	ReasonForbidden = "Forbidden"
	// ReasonForeignServices: services that aren't ours stand on the NLB.
	ReasonForeignServices = "ForeignServices"
	// ReasonLoadBalancerDeleting: the NetworkLoadBalancer is being deleted.
	ReasonLoadBalancerDeleting = "LoadBalancerDeleting"
	// ReasonUnclaimed: held, but no longer claimed.
	ReasonUnclaimed = "Unclaimed"
	// ReasonNotAllowedNamespace: the NetworkLoadBalancer's allowedNamespaces doesn't admit the namespace.
	ReasonNotAllowedNamespace = "NotAllowedNamespace"
	// ReasonNotAllowedInstancePool: no Node of the cluster is in the instance pool, and
	// the operator's --allowed-pools doesn't name it.
	ReasonNotAllowedInstancePool = "NotAllowedInstancePool"
	// ReasonNotAllowedTargetPort: the API server hasn't given the port to the Service
	// that the object was made for, and the operator's --allowed-target-ports doesn't
	// name it.
	ReasonNotAllowedTargetPort = "NotAllowedTargetPort"
	// ReasonAmbiguousInstancePool: several pools fit; the message lists them.
	ReasonAmbiguousInstancePool = "AmbiguousInstancePool"
	// ReasonNoEligibleNodes: no Node fits, or none that is an Exoscale instance of a pool.
	ReasonNoEligibleNodes = "NoEligibleNodes"
	// ReasonServiceLimitReached: the NLB holds as many services as Exoscale allows.
	ReasonServiceLimitReached = "ServiceLimitReached"
	// ReasonCloudError: the Exoscale API refused or failed; the message has its words.
	ReasonCloudError = "CloudError"
	// ReasonRetrying: a passing fault of the cloud; tried again by itself.
	ReasonRetrying = "Retrying"

	// ReasonVerified: the Node and its instance agree in id, name and addresses.
	ReasonVerified = "Verified"
	// ReasonJoined: the instance's Node has joined the cluster.
	ReasonJoined = "Joined"
	// ReasonNotJoined: no Node says to be the instance.
	ReasonNotJoined = "NotJoined"
	// ReasonNameMismatch: the Node has another name than its instance.
	ReasonNameMismatch = "NameMismatch"
	// ReasonDuplicateName: two instances bear the name of the Node.
	ReasonDuplicateName = "DuplicateName"
	// ReasonAddressMismatch: the Node has an address that its instance doesn't have.
	ReasonAddressMismatch = "AddressMismatch"
	// ReasonInstanceMismatch: the Node says to be two instances, or another one than
	// it was verified as.
	ReasonInstanceMismatch = "InstanceMismatch"

	// ReasonBackendsHealthy: at least one backend passes its health check.
	ReasonBackendsHealthy = "BackendsHealthy"
	// ReasonNoHealthyBackends: no backend passes its health check.
	ReasonNoHealthyBackends = "NoHealthyBackends"
	// ReasonHealthUnknown: the cloud has not reported a health check yet.
	ReasonHealthUnknown = "HealthUnknown"

	// ReasonWaitingForPods: traffic stays with an instance pool because of the Pods there,
	// or because the other one has none.
	ReasonWaitingForPods = "WaitingForPods"
	// ReasonProbingInstancePool: a probe service tells whether another instance pool is
	// healthy.
	ReasonProbingInstancePool = "ProbingInstancePool"

	// ReasonSidecarsInjected: every endpoint has the sidecar.
	ReasonSidecarsInjected = "SidecarsInjected"
	// ReasonSidecarsMissing: endpoints lack the sidecar; the message counts them and
	// tells how they get it.
	ReasonSidecarsMissing = "SidecarsMissing"
	// ReasonNobodyInjects: endpoints lack the sidecar, and the operator has no image
	// of it to inject.
	ReasonNobodyInjects = "NobodyInjects"
	// ReasonNoEndpoints: no Pod is there that could have the sidecar.
	ReasonNoEndpoints = "NoEndpoints"
)

// Reasons of Events that tell of a change, rather than a state.
const (
	// ReasonCreated: made in the cloud.
	ReasonCreated = "Created"
	// ReasonUpdated: changed in the cloud to match the spec.
	ReasonUpdated = "Updated"
	// ReasonDeleted: removed from the cloud.
	ReasonDeleted = "Deleted"
	// ReasonAdopted: taken over; the address did not change.
	ReasonAdopted = "Adopted"
	// ReasonRetained: left in the cloud, as deletionPolicy Retain asks.
	ReasonRetained = "Retained"
	// ReasonDriftCorrected: somebody changed it in the cloud; put right.
	ReasonDriftCorrected = "DriftCorrected"
	// ReasonRecreated: it had vanished from the cloud and was made anew.
	ReasonRecreated = "Recreated"
	// ReasonAddressChanged: the NLB has another address than before.
	ReasonAddressChanged = "AddressChanged"
	// ReasonAbandoned: the operation is waited for no longer, as the annotation
	// nlb.exoscale.com/abandon-operation asks.
	ReasonAbandoned = "Abandoned"
	// ReasonOrphaned: an NLB at Exoscale bears the labels of an object that doesn't exist.
	ReasonOrphaned = "Orphaned"
	// ReasonDuplicate: an NLB at Exoscale bears the labels of an object that has another.
	ReasonDuplicate = "Duplicate"
	// ReasonAddressWithdrawn: the NLB is gone from Exoscale, so its address isn't
	// published any more.
	ReasonAddressWithdrawn = "AddressWithdrawn"
	// ReasonStatusOverwritten: another program writes what is the operator's to tell;
	// the message names it.
	ReasonStatusOverwritten = "StatusOverwritten"
	// ReasonInstancePoolChanged: traffic goes to another instance pool.
	ReasonInstancePoolChanged = "InstancePoolChanged"
)
