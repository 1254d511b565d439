package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// apply makes the objects of a Service what the plan says. What the API server
// refuses becomes a problem of the plan; the other ports go on.
func (r *Reconciler) apply(ctx context.Context, round *round) error {
	plan, own := &round.plan, round.own
	if plan.Discard && own.loadBalancer != nil {
		return r.remove(ctx, own.loadBalancer) // once it is gone, the next round goes on
	}
	if plan.AttachTo.Name == "" {
		return nil
	}
	if got := own.loadBalancer; plan.LoadBalancer != nil && (got == nil || got.DeletionTimestamp.IsZero() && !sameLoadBalancer(plan.LoadBalancer, got)) {
		err := r.write(ctx, plan.LoadBalancer, v1alpha1.GroupVersion.WithKind("NetworkLoadBalancer"), describable(plan.LoadBalancer))
		if problem := refusal(err); problem != nil {
			plan.Problems = append(plan.Problems, *problem)
			return nil
		}
		if err != nil {
			return err
		}
	}
	errs := []error{r.applyCompanion(ctx, round)}
	for _, want := range plan.Services {
		errs = append(errs, r.applyService(ctx, round, want))
	}
	loadBalancer, services := superfluous(round.Before, *plan, own)
	for i := range services {
		errs = append(errs, r.remove(ctx, &services[i]))
	}
	if loadBalancer != nil {
		errs = append(errs, r.setPolicyToLeave(ctx, round.Now, loadBalancer), r.remove(ctx, loadBalancer))
	}
	return together(errs)
}

// together joins errors of the API server. Of several, apierrors looks at the first
// only: one that merely says that the cache was behind must not hide the others.
func together(errs []error) error {
	behind := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsNotFound(err) }
	var faults, waits []error
	for _, err := range errs {
		if behind(err) {
			waits = append(waits, err)
		} else {
			faults = append(faults, err)
		}
	}
	return errors.Join(append(faults, waits...)...)
}

// refusal is the problem that the API server has with an object: it isn't valid,
// or a quota, an admission webhook or the operator's rights don't let it in. nil
// if err is anything else, such as a fault that passes.
func refusal(err error) *projection.Problem {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	switch status.Status().Code {
	case http.StatusForbidden:
		return &projection.Problem{Reason: v1alpha1.ReasonForbidden, Message: err.Error()}
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return &projection.Problem{Reason: v1alpha1.ReasonInvalid, Message: err.Error()}
	default:
		return nil
	}
}

func (r *Reconciler) applyService(ctx context.Context, round *round, want *v1alpha1.NLBService) error {
	got := round.own.service(want.Name)
	if got != nil && (!got.DeletionTimestamp.IsZero() || sameService(want, got)) {
		return nil // one that is being deleted has to be gone first
	}
	err := r.write(ctx, want, v1alpha1.GroupVersion.WithKind("NLBService"), noDescription)
	if problem := refusal(err); problem != nil {
		round.plan.PortProblems = append(round.plan.PortProblems, projection.PortProblem{
			Port: want.Spec.Port, Protocol: corev1.Protocol(want.Spec.Protocol), Problem: *problem,
		})
		return nil
	}
	return err
}

func (c children) service(name string) *v1alpha1.NLBService {
	for i := range c.services {
		if c.services[i].Name == name {
			return &c.services[i]
		}
	}
	return nil
}

// sameLoadBalancer tells whether the fields that we own are as wanted. The
// others, such as allowedNamespaces, are the users'.
func sameLoadBalancer(want, got *v1alpha1.NetworkLoadBalancer) bool {
	w, g := want.Spec, got.Spec
	if w.ManagementPolicy != g.ManagementPolicy || w.Zone != g.Zone || w.ID != g.ID || !sameMeta(want, got) {
		return false
	}
	if w.ManagementPolicy == v1alpha1.External {
		return w.Name == "" || w.Name == g.Name
	}
	return w.Name == g.Name && w.Description == g.Description && w.DeletionPolicy == g.DeletionPolicy
}

func sameService(want, got *v1alpha1.NLBService) bool {
	spec := *got.Spec.DeepCopy()
	spec.HealthCheck.TLSServerName = "" // the users': no annotation says it
	return sameMeta(want, got) && equality.Semantic.DeepEqual(want.Spec, spec) &&
		got.Annotations[v1alpha1.AnnotationHealthCheckChoice] == want.Annotations[v1alpha1.AnnotationHealthCheckChoice] &&
		got.Annotations[v1alpha1.AnnotationPoolChoice] == want.Annotations[v1alpha1.AnnotationPoolChoice]
}

func sameMeta(want, got client.Object) bool {
	label := want.GetLabels()[v1alpha1.LabelService]
	return got.GetLabels()[v1alpha1.LabelService] == label &&
		equality.Semantic.DeepEqual(metav1.GetControllerOf(want), metav1.GetControllerOf(got))
}

// empty are fields of a spec that are owned though they are empty, so that what
// somebody else writes there is cleared.
type empty map[string]any

var noDescription = empty{"description": ""}

// describable is what a NetworkLoadBalancer has besides: a description, unless it
// only attaches to its NLB.
func describable(lb *v1alpha1.NetworkLoadBalancer) empty {
	if lb.Spec.ManagementPolicy == v1alpha1.External {
		return nil
	}
	return noDescription
}

// write applies an object. The fields that it sets are ours from then on; those
// that it set before, and doesn't now, are removed.
func (r *Reconciler) write(ctx context.Context, object client.Object, kind schema.GroupVersionKind, besides empty) error {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("writing %s: %w", kind.Kind, err)
	}
	delete(fields, "status")
	patch := &unstructured.Unstructured{Object: fields}
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	patch.SetGroupVersionKind(kind)
	for field, value := range besides {
		if _, set, _ := unstructured.NestedFieldNoCopy(fields, "spec", field); set {
			continue
		}
		if err := unstructured.SetNestedField(fields, value, "spec", field); err != nil {
			return fmt.Errorf("writing %s: %w", kind.Kind, err)
		}
	}
	err = r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(patch), client.FieldOwner(projection.FieldOwner), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", kind.Kind, object.GetName(), err)
	}
	log.FromContext(ctx).Info("Wrote an object of the Service", "kind", kind.Kind, "object", object.GetName())
	return nil
}

// remove deletes the very object that was seen, as it was seen: without the
// version the API server may overlook a finalizer that is set meanwhile, and what
// was just begun in the cloud would be nobody's. A conflict is looked at again.
func (r *Reconciler) remove(ctx context.Context, object client.Object) error {
	if !object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	uid, version := object.GetUID(), object.GetResourceVersion()
	if err := r.Client.Delete(ctx, object, client.Preconditions{UID: &uid, ResourceVersion: &version}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %s: %w", object.GetName(), err)
	}
	log.FromContext(ctx).Info("Deleted an object of the Service", "object", object.GetName())
	return nil
}

// setPolicyToLeave has the NetworkLoadBalancer know, before it is deleted, what
// the Service says last about that.
func (r *Reconciler) setPolicyToLeave(ctx context.Context, service *corev1.Service, lb *v1alpha1.NetworkLoadBalancer) error {
	policy, change := projection.PolicyToLeave(service, lb)
	if !change {
		return nil
	}
	before := lb.DeepCopy()
	lb.Spec.DeletionPolicy = policy
	// Of the very object that was seen.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, lb, patch, client.FieldOwner(projection.FieldOwner)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the deletionPolicy: %w", err)
	}
	return nil
}

// removeAll deletes every object of a Service, and tells what is still there. The
// companion goes last, since it is probed as long as a port is served.
func (r *Reconciler) removeAll(ctx context.Context, own children) (left []string, err error) {
	if own.loadBalancer != nil {
		left = append(left, "NetworkLoadBalancer "+own.loadBalancer.Name)
		if err := r.remove(ctx, own.loadBalancer); err != nil {
			return nil, err
		}
	}
	for i := range own.services {
		left = append(left, "NLBService "+own.services[i].Name)
		if err := r.remove(ctx, &own.services[i]); err != nil {
			return nil, err
		}
	}
	if len(left) == 0 && own.companion != nil {
		left = append(left, "Service "+own.companion.Name)
		if err := r.remove(ctx, own.companion); err != nil {
			return nil, err
		}
	}
	slices.Sort(left)
	return left, nil
}

// writeID keeps the id annotation of the Service what it is to be, unless the
// Service has changed since it was read: what somebody writes at the same moment
// stays, and is looked at next.
func (r *Reconciler) writeID(ctx context.Context, service *corev1.Service, own children) error {
	id, change := projection.IDToWrite(service, own.loadBalancer)
	if !change {
		return nil
	}
	annotations := map[string]any{v1alpha1.AnnotationID: id}
	if id == "" {
		annotations[v1alpha1.AnnotationID] = nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": service.UID, "resourceVersion": service.ResourceVersion, "annotations": annotations,
	}})
	if err != nil {
		return fmt.Errorf("writing the id of the NLB: %w", err)
	}
	bare := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name}}
	err = r.Client.Patch(ctx, bare, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(projection.FieldOwner))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the id of the NLB: %w", err)
	}
	return nil
}
