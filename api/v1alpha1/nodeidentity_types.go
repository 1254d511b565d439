package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// NodeIdentitySpec binds a Node to an Exoscale instance. The operator writes it.
// +kubebuilder:validation:XValidation:rule="self.instanceID == oldSelf.instanceID",message="instanceID can't be changed; the operator makes a new NodeIdentity for another instance",reason=FieldValueForbidden,fieldPath=".instanceID"
// +kubebuilder:validation:XValidation:rule="self.zone == oldSelf.zone",message="zone can't be changed, since an instance stays in its zone",reason=FieldValueForbidden,fieldPath=".zone"
type NodeIdentitySpec struct {
	// instanceID is the id of the Exoscale instance, a UUID in lower case. Can't be
	// changed.
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')",message="instanceID must be the id of an instance at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
	InstanceID string `json:"instanceID"`
	// zone is the Exoscale zone of the instance, e.g. ch-gva-2, up to 63 characters.
	// Can't be changed.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="zone must be the name of an Exoscale zone in lower case, e.g. ch-gva-2"
	Zone string `json:"zone"`
	// hostname that the Node is to have, alone or with a domain behind it, 1-253
	// characters: the name of the instance, which no other instance of the pools in
	// use may bear. It follows when the instance is renamed, and stays when the
	// instance is gone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Hostname string `json:"hostname"`
}

// NodeIdentityStatus is what Exoscale and the cluster say of the instance.
type NodeIdentityStatus struct {
	// observedGeneration is the generation of the spec that this status is about;
	// -1 until the operator has looked at the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// instanceName is the name of the instance at Exoscale.
	// +optional
	InstanceName string `json:"instanceName,omitempty"`
	// instancePoolID is the id of the instance pool that the instance is in; empty if
	// it is in none. Such a Node verifies, but no NLB can forward to it.
	// +optional
	InstancePoolID string `json:"instancePoolID,omitempty"`
	// instancePoolName is the name of that pool.
	// +optional
	InstancePoolName string `json:"instancePoolName,omitempty"`
	// sksNodepool is the SKS nodepool that the pool belongs to, as <cluster>/<nodepool>,
	// by their names; empty if it belongs to none.
	// +optional
	SKSNodepool string `json:"sksNodepool,omitempty"`
	// addresses of the instance: Hostname is its name; InternalIP its addresses in
	// private networks or, if it is in none, its public one; ExternalIP its public
	// IPv4 and IPv6. A Node with any other address isn't verified.
	// +listType=atomic
	// +optional
	Addresses []corev1.NodeAddress `json:"addresses,omitempty"`
	// leasedAddresses are those of them that Exoscale shows as leases of the instance in
	// its private networks.
	// +listType=atomic
	// +optional
	LeasedAddresses []string `json:"leasedAddresses,omitempty"`
	// pinnedAddresses are the addresses in private networks that the instance was first
	// verified with and of which Exoscale shows no lease: only the Node itself says
	// that it has them. It can have no other ones there, nor can another Node have
	// these, even if the Node is deleted and joins anew. They change only by the
	// annotation nlb.exoscale.com/pinned-addresses on this object, or by its deletion.
	// +listType=atomic
	// +optional
	PinnedAddresses []PinnedAddress `json:"pinnedAddresses,omitempty"`
	// instanceType is <family>.<size>, e.g. standard.medium; empty if the API key may
	// not list the types.
	// +optional
	InstanceType string `json:"instanceType,omitempty"`
	// instanceState as Exoscale reports it, e.g. starting, running or stopped; gone if
	// the zone has no such instance any more.
	// +optional
	InstanceState string `json:"instanceState,omitempty"`
	// nodeName is the Node that says to be the instance; whether it is, the condition
	// Verified tells. Empty until one has joined.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// nodeUID is the UID of that Node: another one of the same name is another Node.
	// Empty if there is none, or if the status is that of an operator which pinned no
	// addresses yet.
	// +optional
	NodeUID types.UID `json:"nodeUID,omitempty"`
	// conditions: Joined (a Node says to be the instance), Verified (the two agree in
	// id, name and addresses; only such Nodes are used), Accepted (the spec is valid),
	// and Ready, which is all of these. Until a Node has joined there is Reconciling,
	// and while one is refused Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PinSource tells why an address is taken as that of an instance.
// +kubebuilder:validation:Enum=FirstUse;Upgrade;Administrator
type PinSource string

// The sources of pinned addresses.
const (
	// PinnedAtFirstUse: the Node was first verified with it. A certificate for it is
	// approved only if it is in one of the operator's --node-cidrs.
	PinnedAtFirstUse PinSource = "FirstUse"
	// PinnedAtUpgrade: the Node was verified with it, and certified, before addresses
	// were pinned. Certificates for it go on to be approved.
	PinnedAtUpgrade PinSource = "Upgrade"
	// PinnedByAdministrator: AnnotationPinnedAddresses names it. Certificates for it are
	// approved.
	PinnedByAdministrator PinSource = "Administrator"
)

// PinnedAddress is an address of a Node that Exoscale can't confirm.
type PinnedAddress struct {
	// address, IPv4 or IPv6, up to 64 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Address string `json:"address"`
	// source is FirstUse (the Node was first verified with it), Upgrade (it was before
	// addresses were pinned) or Administrator (the annotation names it).
	Source PinSource `json:"source"`
	// certified is true once a certificate for the address was approved. It was in
	// --node-cidrs then, and nothing else in the cluster had it: what gets the same
	// address afterwards, as a control plane's Node gets that of the API server, speaks
	// against it no more.
	// +optional
	Certified bool `json:"certified,omitempty"`
}

// NodeIdentity tells which Exoscale instance a Node is and which instance pool that
// is in, verified against the Exoscale API. The operator makes one for every Node
// that is an instance, and for every member of their pools before its Node has
// joined; it is there to be read, and comes back when it is deleted, without the
// addresses that were pinned.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=nodeid,categories=exoscale
// +kubebuilder:printcolumn:name="Instance",type=string,JSONPath=`.spec.instanceID`
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.status.instancePoolName`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.zone`
// +kubebuilder:printcolumn:name="Verified",type=string,JSONPath=`.status.conditions[?(@.type=="Verified")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Verified")].reason`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.nodeName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.instanceState`,priority=1
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.status.instanceType`,priority=1
// +kubebuilder:printcolumn:name="SKS-Nodepool",type=string,JSONPath=`.status.sksNodepool`,priority=1
type NodeIdentity struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the binding.
	Spec NodeIdentitySpec `json:"spec"`
	// status is what Exoscale and the cluster say of the instance.
	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status NodeIdentityStatus `json:"status,omitempty"`
}

// NodeIdentityList is a list of NodeIdentities.
// +kubebuilder:object:root=true
type NodeIdentityList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NodeIdentity `json:"items"`
}
