package webhookcert

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/cert"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// apply does the one write of a step, under the version that was looked at: whoever
// else writes first is left to have written. What was written wakes the next round.
func (r *Reconciler) apply(ctx context.Context, next step, h held, secret *corev1.Secret, webhooks *admissionregistrationv1.MutatingWebhookConfiguration) (ctrl.Result, error) {
	var err error
	if next == stepAnnounce {
		err = r.announce(ctx, h, webhooks)
	} else {
		err = r.keep(ctx, next, h, secret)
	}
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("webhook certificate, step %s: %w", next, err)
	}
	log.FromContext(ctx).Info("Webhook certificate", "step", next, "secret", r.Name)
	return ctrl.Result{}, nil
}

// announce gives every webhook the authorities.
func (r *Reconciler) announce(ctx context.Context, h held, webhooks *admissionregistrationv1.MutatingWebhookConfiguration) error {
	before := webhooks.DeepCopy()
	bundle := h.bundle()
	for i := range webhooks.Webhooks {
		webhooks.Webhooks[i].ClientConfig.CABundle = bundle
	}
	return r.Writer.Patch(ctx, webhooks, client.StrategicMergeFrom(before, client.MergeFromWithOptimisticLock{}))
}

// keep writes into the Secret what a step makes of what is held.
func (r *Reconciler) keep(ctx context.Context, next step, h held, secret *corev1.Secret) error {
	switch next {
	case stepBegin, stepPrepare:
		made, err := r.make()
		if err != nil {
			return err
		}
		if next == stepBegin {
			h = held{current: made, former: h.authorities()}
		} else {
			h.next = made
		}
	case stepPromote:
		h = held{current: h.next, former: h.authorities()}
	case stepForget, stepAnnounce, stepRest:
		// What is held has no former authorities that have expired.
	}
	secret.Data = h.data()
	return r.Writer.Update(ctx, secret)
}

func (r *Reconciler) make() (*served, error) {
	names := names(r.Name, r.Namespace)
	made, err := makePair(names, r.Lifetime)
	if err != nil {
		return nil, err
	}
	return judge(made, names, r.Clock.Now())
}

// believed tells whether every webhook has the authorities that are held, in any
// order, and no others.
func believed(webhooks *admissionregistrationv1.MutatingWebhookConfiguration, h held) bool {
	want := sorted(h.bundle())
	return !slices.ContainsFunc(webhooks.Webhooks, func(webhook admissionregistrationv1.MutatingWebhook) bool {
		return !slices.EqualFunc(sorted(webhook.ClientConfig.CABundle), want, bytes.Equal)
	})
}

// sorted are the certificates of a bundle, as they are signed.
func sorted(bundle []byte) [][]byte {
	certificates, err := cert.ParseCertsPEM(bundle)
	if err != nil {
		return nil
	}
	var all [][]byte
	for _, certificate := range certificates {
		all = append(all, certificate.Raw)
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}
