package service

import (
	"context"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// shows is what the operator tells in the status of a Service, as it stands there.
func shows(service *corev1.Service) string {
	var conditions []metav1.Condition
	for _, condition := range service.Status.Conditions {
		if strings.HasPrefix(condition.Type, v1alpha1.Prefix) {
			conditions = append(conditions, condition)
		}
	}
	text, err := json.Marshal([]any{service.Status.LoadBalancer, conditions})
	if err != nil {
		return ""
	}
	return string(text)
}

// overwriter names the program that has written into the status of a Service that we
// serve; empty if none has. One without an address may have become another type meanwhile.
func (r *Reconciler) overwriter(ctx context.Context, service *corev1.Service) string {
	if claimOf(service, r.ClaimClassless) != serve || addressOf(service) == "" || !r.told.Overwritten(service, shows(service)) {
		return ""
	}
	return persist.WriterOf(ctx, r.APIReader, service, "loadBalancer")
}

// endureOverwriting leaves the status as it is for a while, if it was put right a moment
// ago: two programs that write it by turns would otherwise never rest.
func (r *Reconciler) endureOverwriting(round *round, out outcome.Outcome) (outcome.Outcome, bool) {
	wait := r.told.Correct(round.Now)
	if wait == 0 {
		return out, false
	}
	round.Now.Status, round.notices = *round.Before.Status.DeepCopy(), nil
	if out.After == 0 || out.After > wait {
		out.After = wait
	}
	return out, true
}

// tellOverwritten names who writes what is the operator's to tell.
func tellOverwritten(round *round, writer string) {
	round.notices.Warning(v1alpha1.ReasonStatusOverwritten, "Publish",
		"The status of this Service is the operator's, and %s has written into it. The address is still %s, and the status is put right, each time later than before; stop what writes there",
		writer, addressOf(round.Now))
}
