package projection

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

// FieldOwner is under whose name the operator writes objects of the API server.
const FieldOwner = "exoscale-nlb-operator"

// WroteID tells whether the id annotation of a Service is what the operator
// wrote back, and nobody changed since. It then only repeats what the
// NetworkLoadBalancer knows, and asks for nothing.
func WroteID(service *corev1.Service) bool {
	for _, entry := range service.ManagedFields {
		if entry.Manager != FieldOwner || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
			continue
		}
		if _, ours := fields.Metadata.Annotations["f:"+v1alpha1.AnnotationID]; ours {
			return true
		}
	}
	return false
}

// IDToWrite is the value that the id annotation of a Service is to have: that
// of the NLB which serves it, so that it survives the loss of the objects here.
// Empty: none. change is false where the annotation stays as it is: the user's
// own, or right.
func IDToWrite(service *corev1.Service, child *v1alpha1.NetworkLoadBalancer) (id string, change bool) {
	annotated, is := service.Annotations[v1alpha1.AnnotationID]
	if child == nil || child.Spec.ManagementPolicy == v1alpha1.External {
		return annotated, false
	}
	made := child.Spec.ID == "" // by the operator, not taken over
	if !child.DeletionTimestamp.IsZero() {
		// The NLB goes: its id would have its successor look for it in vain.
		gone := made && is && annotated == child.Status.ID && child.EffectiveDeletionPolicy() == v1alpha1.DeletionDelete
		return "", gone
	}
	if child.Status.ID == "" || child.Status.Address == "" {
		return annotated, false
	}
	if annotated == "" || made && annotated != child.Status.ID && WroteID(service) {
		return child.Status.ID, true
	}
	return annotated, false
}

// PolicyToLeave is the deletionPolicy that the NetworkLoadBalancer of a Service
// is to have once the Service lets go of it: the annotated one, which nobody may
// have looked at before. Without one that is valid the object keeps what it has.
func PolicyToLeave(service *corev1.Service, child *v1alpha1.NetworkLoadBalancer) (policy v1alpha1.DeletionPolicy, change bool) {
	if child == nil || child.Spec.ManagementPolicy == v1alpha1.External {
		return "", false
	}
	said := annotation.DeletionPolicyOf(service.Annotations)
	if said == "" || said == child.Spec.DeletionPolicy {
		return "", false
	}
	return said, true
}
