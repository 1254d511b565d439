package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeIdentitySpec binds a Node to an Exoscale instance.
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
	// hostname that the Node is to have, 1-253 characters: the name of the instance,
	// unique in its pool.
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
	// instancePoolID is the id of the instance pool that the instance is in.
	// +optional
	InstancePoolID string `json:"instancePoolID,omitempty"`
	// instancePoolName is the name of that pool.
	// +optional
	InstancePoolName string `json:"instancePoolName,omitempty"`
	// sksNodepool is the SKS nodepool that the pool belongs to, as <cluster>/<nodepool>.
	// +optional
	SKSNodepool string `json:"sksNodepool,omitempty"`
	// addresses of the instance: public, IPv6, private networks.
	// +listType=atomic
	// +optional
	Addresses []corev1.NodeAddress `json:"addresses,omitempty"`
	// instanceType is <family>.<size>, e.g. standard.medium.
	// +optional
	InstanceType string `json:"instanceType,omitempty"`
	// instanceState as Exoscale reports it, e.g. running.
	// +optional
	InstanceState string `json:"instanceState,omitempty"`
	// nodeName is the Node that the instance is.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// conditions: Ready, from Accepted, Verified and Joined.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// NodeIdentity is the binding of a Node to an Exoscale instance and its instance
// pool, verified against the Exoscale API.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=nodeid,categories=exoscale
// +kubebuilder:printcolumn:name="Instance",type=string,JSONPath=`.spec.instanceID`
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.status.instancePoolName`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.zone`
// +kubebuilder:printcolumn:name="Verified",type=string,JSONPath=`.status.conditions[?(@.type=="Verified")].status`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.nodeName`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
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
