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
	// startedAt is when the intent was recorded.
	StartedAt metav1.Time `json:"startedAt"`
}
