package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OperationAction says what an operation does in the cloud.
// +kubebuilder:validation:Enum=Create;Adopt;Update;Delete;Release
type OperationAction string

const (
	// ActionCreate makes the NLB, or adds the service.
	ActionCreate OperationAction = "Create"
	// ActionAdopt writes the ownership labels on an existing NLB.
	ActionAdopt OperationAction = "Adopt"
	// ActionUpdate changes it in place.
	ActionUpdate OperationAction = "Update"
	// ActionDelete removes it.
	ActionDelete OperationAction = "Delete"
	// ActionRelease hands a retained NLB out of the operator's care.
	ActionRelease OperationAction = "Release"
)

// Operation is a change that was started in the cloud and isn't done. It is
// recorded before the change (then without id) and completed with the id of the
// Exoscale operation, so that nothing is done twice after a crash.
type Operation struct {
	// action is what the operation does.
	Action OperationAction `json:"action"`
	// id of the Exoscale operation. Empty: the change is about to be started, or
	// its answer was lost.
	// +optional
	ID string `json:"id,omitempty"`
	// name in the cloud of the NLB or service that the operation is about.
	// +optional
	Name string `json:"name,omitempty"`
	// serviceID is the service that the deletion of an NLB removes first, which no
	// object stands for; empty if the operation is about the NLB itself.
	// +optional
	ServiceID string `json:"serviceID,omitempty"`
	// startedAt is when the intent was recorded.
	StartedAt metav1.Time `json:"startedAt"`
	// lostAt is when an earlier attempt at the same began whose answer was lost, and
	// of which nothing is known yet.
	// +optional
	LostAt *metav1.Time `json:"lostAt,omitempty"`
	// servicesBefore are the ids of the services that the NLB held right before a
	// service was added under a name that the user chose.
	// +listType=set
	// +optional
	ServicesBefore []string `json:"servicesBefore,omitempty"`
	// sent is a fingerprint of the attributes that were sent with such an add.
	// +optional
	Sent string `json:"sent,omitempty"`
}
