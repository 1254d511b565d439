package nlbservice

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// rival finds, among the objects on the same NLB, one for the same port that
// goes first; nil if there is none.
func rival(object *v1alpha1.NLBService, others []v1alpha1.NLBService) *v1alpha1.NLBService {
	var first *v1alpha1.NLBService
	for i := range others {
		other := &others[i]
		if other.UID == object.UID || !other.DeletionTimestamp.IsZero() ||
			other.Spec.Port != object.Spec.Port || other.Spec.Protocol != object.Spec.Protocol || !contends(other) {
			continue
		}
		if goesFirst(other, object) && (first == nil || goesFirst(other, first)) {
			first = other
		}
	}
	return first
}

// contends tells whether an object can have the port at all: it holds it, or
// nothing stands against it. One that isn't admitted, or can't be made, keeps
// nobody from a port.
func contends(object *v1alpha1.NLBService) bool {
	accepted := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionAccepted)
	switch {
	case holds(object):
		return true
	case accepted == nil:
		return object.LoadBalancerNamespace() == object.Namespace // others have to be admitted first
	default:
		return accepted.Status == metav1.ConditionTrue
	}
}

// holds tells whether an object has the service of its port, or has taken it away
// only to replace it.
func holds(object *v1alpha1.NLBService) bool {
	return object.Status.ID != "" || object.Status.ReplacedAt != nil
}

// away counts the services that are missing from an NLB only to be replaced:
// their places are taken.
func away(others []v1alpha1.NLBService, services []nlb.Service) int {
	count := 0
	for i := range others {
		there := slices.ContainsFunc(services, func(s nlb.Service) bool { return s.ID == others[i].Status.ID })
		if others[i].Status.ReplacedAt != nil && others[i].DeletionTimestamp.IsZero() && !there {
			count++
		}
	}
	return count
}

// goesFirst tells whether a has the better right to their port: the one that
// holds the service does, then the older, then the one with the smaller UID.
func goesFirst(a, b *v1alpha1.NLBService) bool {
	if holds(a) != holds(b) {
		return holds(a)
	}
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID)) < 0
}
