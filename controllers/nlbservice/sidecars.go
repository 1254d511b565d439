package nlbservice

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/injection"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// These are given only where sidecars are switched on.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs=list,roleName=exoscale-nlb-operator-sidecars
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch,roleName=exoscale-nlb-operator-sidecars

// podsAtOnce bounds what a list of Pods takes in memory.
const podsAtOnce = 500

// describeSidecars tells whether the endpoints of a Service that asks for sidecars
// have them. What can't be read now leaves the condition as it was.
func (r *Reconciler) describeSidecars(ctx context.Context, round *round) {
	conditions := &round.object.Status.Conditions
	service, err := r.accompanied(ctx, round.object)
	if err == nil && service == nil {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionSidecarsInjected)
		return
	}
	var condition metav1.Condition
	if err == nil {
		condition, err = r.sidecarsOf(ctx, service)
	}
	switch {
	case err == nil:
	case apierrors.IsForbidden(err):
		condition = unknown(v1alpha1.ReasonForbidden, fmt.Sprintf("The operator may not count which Pods lack the sidecar: it lacks %s (%v)", injection.Rights, err))
	case meta.FindStatusCondition(*conditions, v1alpha1.ConditionSidecarsInjected) != nil:
		log.FromContext(ctx).Error(err, "Counting the Pods that lack the sidecar")
		return
	default:
		condition = unknown(v1alpha1.ReasonRetrying, err.Error())
	}
	condition.ObservedGeneration = round.object.Generation
	outcome.SetCondition(conditions, condition)
}

func unknown(reason, message string) metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionSidecarsInjected, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
}

// accompanied is the Service of an object if its Pods are to have the sidecar, and
// the object is about UDP; else nil.
func (r *Reconciler) accompanied(ctx context.Context, object *v1alpha1.NLBService) (*corev1.Service, error) {
	owner := metav1.GetControllerOf(object)
	if object.Spec.Protocol != v1alpha1.ProtocolUDP || owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return nil, nil
	}
	service := &corev1.Service{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service)
	if err != nil || service.UID != owner.UID || !wantsSidecars(service) {
		return nil, client.IgnoreNotFound(err)
	}
	return service, nil
}

func wantsSidecars(service *corev1.Service) bool {
	return service.Annotations[v1alpha1.AnnotationUDPHealthCheck] == v1alpha1.UDPHealthCheckSidecar && len(service.Spec.Selector) > 0
}

// sidecarsOf counts the endpoints of a Service, from memory unless they have
// changed since.
func (r *Reconciler) sidecarsOf(ctx context.Context, service *corev1.Service) (metav1.Condition, error) {
	if err := r.followEndpoints(ctx, service.Namespace); err != nil {
		return metav1.Condition{}, fmt.Errorf("following the endpoints: %w", err)
	}
	selector := labels.FormatLabels(service.Spec.Selector)
	coverage, known, at := r.endpoints.of(service.UID, selector)
	if !known {
		var err error
		if coverage, err = r.count(ctx, service); err != nil {
			return metav1.Condition{}, err
		}
		r.endpoints.remember(service.UID, selector, coverage, at)
	}
	namespace := &corev1.Namespace{}
	if err := r.Client.Get(ctx, types.NamespacedName{Name: service.Namespace}, namespace); err != nil {
		return metav1.Condition{}, fmt.Errorf("reading Namespace %s: %w", service.Namespace, err)
	}
	return coverage.Condition(injection.Situation{
		Namespace: service.Namespace, Service: service.Name,
		Injects: r.InjectsSidecars, Enabled: namespace.Labels[v1alpha1.LabelUDPHealthCheckInjection] == "enabled",
	}), nil
}

// count reads the Pods of a Service from the API server, some at a time.
func (r *Reconciler) count(ctx context.Context, service *corev1.Service) (injection.Coverage, error) {
	var coverage injection.Coverage
	pods := &corev1.PodList{}
	for {
		err := r.APIReader.List(ctx, pods, client.InNamespace(service.Namespace), client.MatchingLabels(service.Spec.Selector),
			client.Limit(podsAtOnce), client.Continue(pods.Continue))
		if err != nil {
			return coverage, fmt.Errorf("listing the Pods of Service %s/%s: %w", service.Namespace, service.Name, err)
		}
		for i := range pods.Items {
			coverage.Add(&pods.Items[i])
		}
		if pods.Continue == "" {
			return coverage, nil
		}
	}
}

// sidecarsAre tells whether the condition about the sidecars has a status.
func sidecarsAre(object *v1alpha1.NLBService, status metav1.ConditionStatus) bool {
	return meta.IsStatusConditionPresentAndEqual(object.Status.Conditions, v1alpha1.ConditionSidecarsInjected, status)
}

// noteSidecars tells when endpoints begin to lack the sidecar, and when all come to
// have it; not of each that comes and goes meanwhile. There may be none in between:
// a Deployment of strategy Recreate makes the new Pods when the old ones are gone.
func noteSidecars(round *round) {
	was := meta.FindStatusCondition(round.foreign.Said.Status.Conditions, v1alpha1.ConditionSidecarsInjected)
	now := meta.FindStatusCondition(round.object.Status.Conditions, v1alpha1.ConditionSidecarsInjected)
	switch {
	case now == nil || was != nil && was.Status == now.Status:
	case now.Status == metav1.ConditionFalse:
		round.notices.Warning(now.Reason, "CheckSidecars", "%s", now.Message)
	case now.Status == metav1.ConditionTrue && was != nil:
		round.notices.Normal(now.Reason, "CheckSidecars", "%s", now.Message)
	}
}
