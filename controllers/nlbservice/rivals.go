package nlbservice

import (
	"cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// rival finds, among the objects on the same NLB, one for the same port that
// goes first; nil if there is none.
func rival(object *v1alpha1.NLBService, others []v1alpha1.NLBService) *v1alpha1.NLBService {
	var first *v1alpha1.NLBService
	for i := range others {
		other := &others[i]
		if other.UID == object.UID || !other.DeletionTimestamp.IsZero() ||
			other.Spec.Port != object.Spec.Port || other.Spec.Protocol != object.Spec.Protocol {
			continue
		}
		if goesFirst(other, object) && (first == nil || goesFirst(other, first)) {
			first = other
		}
	}
	return first
}

// goesFirst tells whether a has the better right to their port: the one that
// holds the service does, then the older, then the one with the smaller UID.
func goesFirst(a, b *v1alpha1.NLBService) bool {
	if holds := a.Status.ID != ""; holds != (b.Status.ID != "") {
		return holds
	}
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID)) < 0
}
