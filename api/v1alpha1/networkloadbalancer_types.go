package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ManagementPolicy says whether the operator owns the NLB or only attaches to it.
// +kubebuilder:validation:Enum=Managed;External
type ManagementPolicy string

const (
	// Managed: the operator creates (or adopts), updates and deletes the NLB.
	Managed ManagementPolicy = "Managed"
	// External: the NLB is made elsewhere; the operator only adds services to it.
	External ManagementPolicy = "External"
)

// DeletionPolicy says what becomes of the NLB when the object is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type DeletionPolicy string

const (
	// DeletionDelete: the NLB is deleted, its address is lost.
	DeletionDelete DeletionPolicy = "Delete"
	// DeletionRetain: the NLB stays, with its address.
	DeletionRetain DeletionPolicy = "Retain"
)

// NamespacesFrom says which namespaces are meant.
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

const (
	// NamespacesFromSame: only the namespace of the object itself.
	NamespacesFromSame NamespacesFrom = "Same"
	// NamespacesFromAll: every namespace.
	NamespacesFromAll NamespacesFrom = "All"
	// NamespacesFromSelector: the namespaces whose labels the selector matches.
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// Eviction says what becomes of the services of a namespace that is admitted no
// longer.
// +kubebuilder:validation:Enum=Never;OnRevoke
type Eviction string

const (
	// EvictionNever: what is on the NLB stays there.
	EvictionNever Eviction = "Never"
	// EvictionOnRevoke: it is removed from the NLB.
	EvictionOnRevoke Eviction = "OnRevoke"
)

// AllowedNamespaces says from which namespaces NLBServices may attach.
// +kubebuilder:validation:XValidation:rule="self.from != 'Selector' || has(self.selector)",message="from: Selector needs the selector of the namespaces that may attach",reason=FieldValueRequired,fieldPath=".selector"
// +kubebuilder:validation:XValidation:rule="self.from == 'Selector' || !has(self.selector)",message="selector is allowed only with from: Selector",reason=FieldValueForbidden,fieldPath=".selector"
type AllowedNamespaces struct {
	// from is Same (only the namespace of this object), All, or Selector (the
	// namespaces that selector matches). Default: Same.
	// +kubebuilder:default=Same
	// +optional
	From NamespacesFrom `json:"from,omitempty"`
	// selector matches the labels of the namespaces that may attach. Needed with
	// from: Selector, and allowed only there; {} matches every namespace.
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))",message="the operator of a matchExpression must be In or NotIn, with values, or Exists or DoesNotExist, without"
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// eviction is Never (services of a namespace that is admitted no longer stay on
	// the NLB as they are; only new ones are refused) or OnRevoke (they are removed
	// from it, their ports are free, and they come back once the namespace is
	// admitted again). Default: Never.
	// +kubebuilder:default=Never
	// +optional
	Eviction Eviction `json:"eviction,omitempty"`
}

// NetworkLoadBalancerSpec describes one Exoscale Network Load Balancer (NLB).
//
// Managed without id: an NLB is created. Managed with id: that NLB is adopted,
// which needs consent in the cloud (see id). External: an NLB made elsewhere is
// found by id or name; only services are added to it.
// +kubebuilder:validation:XValidation:rule="has(self.zone) == has(oldSelf.zone) && (!has(self.zone) || self.zone == oldSelf.zone)",message="zone can't be changed, set later or removed, since an NLB stays in its zone; create a new NetworkLoadBalancer instead",reason=FieldValueForbidden,fieldPath=".zone"
// +kubebuilder:validation:XValidation:rule="self.managementPolicy == oldSelf.managementPolicy",message="managementPolicy can't be changed; create a new NetworkLoadBalancer instead",reason=FieldValueForbidden,fieldPath=".managementPolicy"
// +kubebuilder:validation:XValidation:rule="self.managementPolicy != 'External' || has(self.id) || has(self.name)",message="managementPolicy External needs the id or the name of an existing NLB",reason=FieldValueRequired,fieldPath=".id"
// +kubebuilder:validation:XValidation:rule="self.managementPolicy != 'External' || !has(self.deletionPolicy) || self.deletionPolicy == 'Retain'",message="an External NLB is never deleted: leave deletionPolicy out or set it to Retain",reason=FieldValueForbidden,fieldPath=".deletionPolicy"
// +kubebuilder:validation:XValidation:rule="self.managementPolicy != 'External' || !has(self.description)",message="the description of an External NLB is never written: leave it out",reason=FieldValueForbidden,fieldPath=".description"
// +kubebuilder:validation:XValidation:rule="self.managementPolicy != 'External' || !has(self.labels)",message="the labels of an External NLB are never written: leave them out",reason=FieldValueForbidden,fieldPath=".labels"
type NetworkLoadBalancerSpec struct {
	// zone is the Exoscale zone, e.g. ch-gva-2, up to 63 characters. Default: the
	// operator's --zone. Can't be changed, set later or removed.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="zone must be the name of an Exoscale zone in lower case, e.g. ch-gva-2"
	// +optional
	Zone string `json:"zone,omitempty"`

	// name of the NLB at Exoscale, 1-255 characters, unique in its zone. With
	// managementPolicy External and no id: the NLB to look up. Default:
	// <namespace>-<name>-<UID of this object>.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Name string `json:"name,omitempty"`

	// description of the NLB at Exoscale, up to 255 characters.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Description string `json:"description,omitempty"`

	// labels of the NLB at Exoscale, up to 50; a key has 1-255 characters. A value
	// has up to 128 letters, digits and * + ! - _ ?, and begins with no digit: other
	// values make the object Invalid, unless they are on the NLB already. Keys that
	// begin with nlb.exoscale.com/ are the operator's. Labels that others put on the
	// NLB are left alone.
	// +kubebuilder:validation:MaxProperties=50
	// +kubebuilder:validation:XValidation:rule="self.all(key, !key.startsWith('nlb.exoscale.com/'))",message="labels that begin with nlb.exoscale.com/ are reserved for the operator"
	// +kubebuilder:validation:XValidation:rule="self.all(key, size(key) > 0 && size(key) <= 255 && size(self[key]) <= 255)",message="a label's key has 1-255 characters, its value up to 255"
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// id of an existing NLB. Managed: the NLB is adopted; whoever holds the
	// Exoscale account consents by setting the label nlb.exoscale.com/adopt on it,
	// with the value for <cluster id>/<namespace>/<name> of this object that the
	// condition tells. External: the NLB to attach to. A UUID in lower case. Can be
	// set later; can be changed or removed only while status.id is another or empty:
	// that NLB is gone, or was never this object's.
	// +kubebuilder:validation:MaxLength=36
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')",message="id must be the id of an NLB at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
	// +optional
	ID string `json:"id,omitempty"`

	// managementPolicy is Managed (the operator creates, updates and deletes the
	// NLB) or External (it never does; it only adds services). Default: Managed. Can't be changed.
	// +kubebuilder:default=Managed
	// +optional
	ManagementPolicy ManagementPolicy `json:"managementPolicy,omitempty"`

	// deletionPolicy says what becomes of the NLB when this object is deleted:
	// Delete, or Retain (it stays with its address, and an object of the same
	// namespace and name claims it again). Default: Delete for an NLB that the
	// operator created, Retain for one that it adopted.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// allowedNamespaces says from which namespaces NLBServices and Services may
	// attach to this NLB. Default: only from this object's own.
	// +kubebuilder:default={from: Same}
	// +optional
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`
}

// LostLoadBalancer is an NLB that is gone from Exoscale, though no object asked for that.
type LostLoadBalancer struct {
	// id of the NLB.
	// +optional
	ID string `json:"id,omitempty"`
	// address that the NLB had: no client reaches it there any more.
	// +optional
	Address string `json:"address,omitempty"`
}

// NetworkLoadBalancerStatus is what is true of the NLB.
type NetworkLoadBalancerStatus struct {
	// observedGeneration is the generation of the spec that this status is about;
	// -1 until the operator has looked at the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// id of the NLB at Exoscale.
	// +optional
	ID string `json:"id,omitempty"`
	// address is the public IPv4 address of the NLB.
	// +optional
	Address string `json:"address,omitempty"`
	// lost is the NLB that this object had and that is gone from Exoscale, until it
	// has another.
	// +optional
	Lost *LostLoadBalancer `json:"lost,omitempty"`
	// zone in which the NLB is, recorded before it is created.
	// +optional
	Zone string `json:"zone,omitempty"`
	// name of the NLB at Exoscale.
	// +optional
	Name string `json:"name,omitempty"`
	// state of the NLB as Exoscale reports it, e.g. creating, running, deleting, error.
	// +optional
	State string `json:"state,omitempty"`
	// operation is the change in flight, if any.
	// +optional
	Operation *Operation `json:"operation,omitempty"`
	// serviceCount is the number of services on the NLB, whoever made them (Exoscale allows 10).
	// +optional
	ServiceCount int32 `json:"serviceCount"`
	// foreignServices is the number of those services that aren't the operator's.
	// +optional
	ForeignServices int32 `json:"foreignServices,omitempty"`
	// adopted is true if the NLB was made by somebody else and taken over.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// appliedLabelKeys are the keys of the labels that the operator wrote on the
	// NLB. Only these are ever removed again; labels of others stay.
	// +listType=set
	// +optional
	AppliedLabelKeys []string `json:"appliedLabelKeys,omitempty"`
	// conditions: Ready, from Accepted and Programmed; Reconciling and Stalled while they apply.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// NetworkLoadBalancer is one Exoscale Network Load Balancer: created, adopted, or
// external (only attached to). NLBServices give it ports.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.spec.id) || has(self.spec.id) && self.spec.id == oldSelf.spec.id || has(oldSelf.status.observedGeneration) && oldSelf.status.observedGeneration > 0 && (!has(oldSelf.status.id) || oldSelf.status.id != oldSelf.spec.id)",message="id can't be changed or removed while that NLB is this object's, or before the operator has looked; create a new NetworkLoadBalancer instead",reason=FieldValueForbidden,fieldPath=".spec.id"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=nlb,categories=exoscale
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.status.address`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Services",type=integer,JSONPath=`.status.serviceCount`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.status.zone`,priority=1
// +kubebuilder:printcolumn:name="ID",type=string,JSONPath=`.status.id`,priority=1
type NetworkLoadBalancer struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// The API server judges a default by the rules of its type before it fills in
	// the defaults inside: so it names what the rules read.

	// spec is what the NLB is to be. Managed without id: it is created. Managed with
	// id: that NLB is adopted, with consent in the cloud. External: an NLB made
	// elsewhere is found by id or name, and only services are added to it.
	// +kubebuilder:default={managementPolicy: Managed}
	// +optional
	Spec NetworkLoadBalancerSpec `json:"spec,omitempty"`
	// status is what is true of the NLB.
	// +kubebuilder:default:={"observedGeneration":-1,"serviceCount":0}
	// +optional
	Status NetworkLoadBalancerStatus `json:"status,omitempty"`
}

// NetworkLoadBalancerList is a list of NetworkLoadBalancers.
// +kubebuilder:object:root=true
type NetworkLoadBalancerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NetworkLoadBalancer `json:"items"`
}

// EffectiveDeletionPolicy is the deletionPolicy with its conditional default:
// what was adopted, or is External, is retained; what was created is deleted.
func (n *NetworkLoadBalancer) EffectiveDeletionPolicy() DeletionPolicy {
	switch {
	case n.Spec.ManagementPolicy == External:
		return DeletionRetain
	case n.Spec.DeletionPolicy != "":
		return n.Spec.DeletionPolicy
	case n.Status.Adopted, n.Spec.ID != "" && (n.Status.ID == "" || n.Status.ID == n.Spec.ID):
		return DeletionRetain
	default:
		return DeletionDelete
	}
}
