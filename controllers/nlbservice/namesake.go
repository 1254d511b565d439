package nlbservice

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// namesake finds the object whose service has the name that the object's own is to
// have; empty if there is none. leaves: the name is about to be free, so no user has to
// act.
func (r *Reconciler) namesake(round *round, service nlb.Service) (holder string, leaves bool) {
	for i := range round.others {
		other := &round.others[i]
		if other.Status.ID != service.ID && service.Mark() != r.mark(other) {
			continue
		}
		return client.ObjectKeyFromObject(other).String(), service.State == nlb.StateDeleting ||
			!other.DeletionTimestamp.IsZero() || succeeds(round.object, other) || renames(other, service, round.lb.Services)
	}
	return "", service.State == nlb.StateDeleting
}

// succeeds reports whether two objects are of one Service. It gives a name only to its
// one port, so that the object of another port is about to be deleted.
func succeeds(object, other *v1alpha1.NLBService) bool {
	ours, theirs := metav1.GetControllerOf(object), metav1.GetControllerOf(other)
	return ours != nil && theirs != nil && ours.UID == theirs.UID
}

// renames reports whether an object is about to give its service another name, which is
// free.
func renames(object *v1alpha1.NLBService, service nlb.Service, services []nlb.Service) bool {
	want := nlb.WantedService(object, "").Name
	return want != service.Name && !meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionStalled) &&
		!slices.Contains(nlb.ServiceNames(services), want)
}
