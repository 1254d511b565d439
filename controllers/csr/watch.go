package csr

import (
	"context"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/kubeletserving"
)

// Cached keeps the requests for other signers out of a manager's cache; for
// cache.Options.ByObject.
func Cached() cache.ByObject {
	return cache.ByObject{Field: fields.OneTermEqualSelector("spec.signerName", certificatesv1.KubeletServingSignerName)}
}

// ofConcern passes requests that may have to be approved, and those that are
// gone, of which nothing more is to be remembered.
var ofConcern = predicate.Funcs{
	CreateFunc:  func(e event.CreateEvent) bool { return isUndecided(e.Object) },
	UpdateFunc:  func(e event.UpdateEvent) bool { return isUndecided(e.ObjectNew) },
	DeleteFunc:  func(event.DeleteEvent) bool { return true },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

func isUndecided(object client.Object) bool {
	csr, is := object.(*certificatesv1.CertificateSigningRequest)
	return is && undecided(csr)
}

// undecided: it is a kubelet's, and nobody has approved or denied it.
func undecided(csr *certificatesv1.CertificateSigningRequest) bool {
	if csr.Spec.SignerName != certificatesv1.KubeletServingSignerName || !csr.DeletionTimestamp.IsZero() || len(csr.Status.Certificate) > 0 {
		return false
	}
	for _, condition := range csr.Status.Conditions {
		switch condition.Type {
		case certificatesv1.CertificateApproved, certificatesv1.CertificateDenied, certificatesv1.CertificateFailed:
			return false
		}
	}
	return true
}

// pendingOfNode lists the undecided requests of the node that a NodeIdentity is.
func (r *Reconciler) pendingOfNode(ctx context.Context, object client.Object) []reconcile.Request {
	identity, is := object.(*v1alpha1.NodeIdentity)
	if !is || identity.Status.NodeName == "" {
		return nil
	}
	var all certificatesv1.CertificateSigningRequestList
	if err := r.Client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		log.FromContext(ctx).Error(err, "Listing the certificate requests of a node", "node", identity.Status.NodeName)
		return nil
	}
	var requests []reconcile.Request
	for i := range all.Items {
		csr := &all.Items[i]
		if undecided(csr) && kubeletserving.NodeName(csr) == identity.Status.NodeName {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(csr)})
		}
	}
	return requests
}
