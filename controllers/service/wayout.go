package service

import (
	"fmt"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// sharedWayOut is what the owner of a Service can do that shares an NLB.
const sharedWayOut = "; or name another NetworkLoadBalancer in annotation " + v1alpha1.AnnotationLoadBalancer + ", or remove it"

// wayOut tells what the owner of a Service can do about a NetworkLoadBalancer that is
// refused, besides what its message says, which is for its owner and the account's.
// Empty: nothing that isn't said.
func wayOut(lb *v1alpha1.NetworkLoadBalancer) string {
	if !nlb.NeverStarted(lb) {
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
