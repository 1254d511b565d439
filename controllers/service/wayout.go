package service

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// wayOut says what the owner of a Service can do about its own NetworkLoadBalancer if
// that is refused, besides what its message says. Empty: nothing that isn't said.
func wayOut(own children) string {
	lb := own.loadBalancer
	if lb == nil || !meta.IsStatusConditionFalse(lb.Status.Conditions, v1alpha1.ConditionAccepted) || !nlb.Unbound(lb, own.services) {
		return ""
	}
	switch {
	case lb.Spec.ManagementPolicy == v1alpha1.External:
		return fmt.Sprintf("; or name another NLB in %s or %s, or remove annotation %s for an NLB of the Service's own",
			v1alpha1.AnnotationID, v1alpha1.AnnotationName, v1alpha1.AnnotationExternal)
	case lb.Spec.ID != "":
		return fmt.Sprintf("; or remove annotation %s for an NLB of the Service's own", v1alpha1.AnnotationID)
	default:
		return ""
	}
}
