package index

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// ServiceTells reports whether an object was projected from a Service that tells of
// its state itself: one fact is one Event, on the object that the user can change. A
// Service that the operator doesn't claim any more isn't looked at.
func ServiceTells(ctx context.Context, reader client.Reader, object client.Object) (bool, error) {
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != corev1.SchemeGroupVersion.String() {
		return false, nil
	}
	service := &corev1.Service{}
	err := reader.Get(ctx, types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name}, service)
	if err != nil || service.UID != owner.UID {
		return false, client.IgnoreNotFound(err)
	}
	return controllerutil.ContainsFinalizer(service, v1alpha1.ServiceFinalizer) &&
		!meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ServiceConditionUnclaimed), nil
}
