package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/injection"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// Kubernetes can't limit these to companions. They are given only where sidecars are
// switched on.
//
// +kubebuilder:rbac:groups="",resources=services,verbs=create;delete,roleName=exoscale-nlb-operator-sidecars

// applyCompanion makes the companion what the plan says. One that isn't wanted
// any more goes once no port is probed there.
func (r *Reconciler) applyCompanion(ctx context.Context, round *round) error {
	want, got := round.plan.Companion, round.own.companion
	switch {
	case want == nil && (got == nil || stillProbed(round.own)):
		return nil
	case want == nil:
		err := r.remove(ctx, got)
		if !apierrors.IsForbidden(err) {
			return err
		}
		round.plan.Warnings = append(round.plan.Warnings, fmt.Sprintf("Service %s isn't needed any more: delete it, since the operator may not: %v", got.Name, err))
		return nil
	case got != nil && (!got.DeletionTimestamp.IsZero() || sameCompanion(want, got)):
		return nil
	}
	err := r.write(ctx, want, corev1.SchemeGroupVersion.WithKind("Service"), empty{"publishNotReadyAddresses": false})
	if problem := refusal(err); problem != nil {
		if lacksRight(err) {
			problem.Message = fmt.Sprintf("the operator may not make Service %s, at which the sidecars are to be probed: it lacks %s. Until it has them, remove annotation %s to have the port probed without them",
				want.Name, injection.Rights, v1alpha1.AnnotationUDPHealthCheck)
		}
		round.plan.PortProblems = append(round.plan.PortProblems, withoutCompanion(round.plan, *problem)...)
		round.plan.Waits = nil
		return nil
	}
	return err
}

// lacksRight tells a right that nobody has given from a quota or a webhook that
// refuses this object: only RBAC says it so.
func lacksRight(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot create resource")
}

// leaveCompanion lets go of a companion that may not be deleted: Kubernetes collects
// it once its Service is gone.
func leaveCompanion(round *round, err error) {
	round.notices.Warning(v1alpha1.ReasonForbidden, "RemoveCompanion", "Service %s isn't needed any more, and the operator may not delete it: %v. It goes with this Service; otherwise delete it",
		round.own.companion.Name, err)
	round.own.companion = nil
}

// withoutCompanion is the problem of each port that is to be probed at a companion
// which can't be made.
func withoutCompanion(plan projection.Plan, problem projection.Problem) []projection.PortProblem {
	var all []projection.PortProblem
	for _, port := range plan.Waits {
		port.Problem = problem
		all = append(all, port)
	}
	for _, want := range plan.Services {
		if want.Annotations[v1alpha1.AnnotationHealthCheckChoice] == v1alpha1.ChoiceKubeProxy {
			all = append(all, projection.PortProblem{Port: want.Spec.Port, Protocol: corev1.ProtocolUDP, Problem: problem})
		}
	}
	return all
}

// stillProbed tells whether a health check at Exoscale may be one at the companion:
// only what is programmed is known to be as its object says.
func stillProbed(own children) bool {
	return slices.ContainsFunc(own.services, func(object v1alpha1.NLBService) bool {
		return object.Spec.Protocol == v1alpha1.ProtocolUDP && object.Status.ID != "" &&
			(stateOf(&object).stage != programmed || object.Annotations[v1alpha1.AnnotationHealthCheckChoice] == v1alpha1.ChoiceSidecar)
	})
}

// sameCompanion tells whether the fields that we own are as wanted. The others,
// such as the nodePort, are the API server's or the users'.
func sameCompanion(want, got *corev1.Service) bool {
	w, g := want.Spec, got.Spec
	return sameMeta(want, got) && w.Type == g.Type && w.ExternalTrafficPolicy == g.ExternalTrafficPolicy && !g.PublishNotReadyAddresses &&
		equality.Semantic.DeepEqual(w.Selector, g.Selector) &&
		equality.Semantic.DeepEqual(w.IPFamilies, g.IPFamilies) && equality.Semantic.DeepEqual(w.IPFamilyPolicy, g.IPFamilyPolicy) &&
		slices.ContainsFunc(g.Ports, func(p corev1.ServicePort) bool {
			p.NodePort = 0
			return equality.Semantic.DeepEqual(w.Ports[0], p)
		})
}
