package csr

import (
	"context"
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/kubeletserving"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// ReasonNodeIdentityVerified is why a request is Approved.
const ReasonNodeIdentityVerified = "NodeIdentityVerified"

// approve writes the condition, under the version that was checked: whoever
// decides meanwhile is left to have decided.
func (r *Reconciler) approve(ctx context.Context, request kubeletserving.Request) (ctrl.Result, error) {
	csr, identity := request.CSR, &request.Identities[0]
	if err := r.remember(ctx, identity, kubeletserving.FirstCertified(request)); apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("recording in NodeIdentity %s which addresses are certified: %w", identity.Name, err)
	}
	now := metav1.NewTime(r.Clock.Now())
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: ReasonNodeIdentityVerified,
		Message:        approval(identity),
		LastUpdateTime: now, LastTransitionTime: now,
	})
	err := r.Client.SubResource("approval").Update(ctx, csr)
	if apierrors.IsConflict(err) {
		// The cache was behind.
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	}
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	log.FromContext(ctx).Info("Approved the serving certificate of a kubelet",
		"node", kubeletserving.NodeName(csr), "instance", identity.Spec.InstanceID, "zone", identity.Spec.Zone)
	return ctrl.Result{}, nil
}

// remember records that addresses were found to be nobody else's, before they are
// certified: the next certificate is approved even if something else has them then. A
// control plane's Node is older than its endpoint of the API server.
func (r *Reconciler) remember(ctx context.Context, identity *v1alpha1.NodeIdentity, addresses []string) error {
	if len(addresses) == 0 {
		return nil
	}
	written := identity.DeepCopy()
	for i := range written.Status.PinnedAddresses {
		pin := &written.Status.PinnedAddresses[i]
		pin.Certified = pin.Certified || slices.Contains(addresses, pin.Address)
	}
	return r.Client.Status().Patch(ctx, written, client.MergeFromWithOptions(identity, client.MergeFromWithOptimisticLock{}))
}

func approval(identity *v1alpha1.NodeIdentity) string {
	return fmt.Sprintf("Node %q is Exoscale instance %s in zone %s, by the verified NodeIdentity %s. Signer, usages, requesting user, "+
		"subject, key and every name and address were checked.", identity.Status.NodeName, identity.Spec.InstanceID, identity.Spec.Zone, identity.Name)
}
