package service_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
)

// beforehand lets another controller set its finalizer on a NetworkLoadBalancer
// just before it is deleted, and tells what came of the first attempt.
type beforehand struct {
	client.Client
	first chan error
}

func (b beforehand) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	lb, is := object.(*v1alpha1.NetworkLoadBalancer)
	if !is || cap(b.first) == len(b.first) {
		return b.Client.Delete(ctx, object, options...)
	}
	held := lb.DeepCopy()
	controllerutil.AddFinalizer(held, v1alpha1.LoadBalancerFinalizer)
	if err := b.Patch(ctx, held, client.MergeFrom(lb)); err != nil {
		return err
	}
	err := b.Client.Delete(ctx, object, options...)
	b.first <- err
	return err
}

// The API server may overlook a finalizer that comes after its own read: what was
// just begun in the cloud would be nobody's.
func TestAnObjectIsDeletedOnlyAsItWasSeen(t *testing.T) {
	first := make(chan error, 1)
	s := newScene(t, func(o *service.Options) { o.Client = beforehand{o.Client, first} })
	web := s.service("web", []int32{80}, nil)
	child := s.loadBalancer("web")
	s.Expect(s.Delete(t.Context(), web)).To(Succeed())
	var err error
	s.Eventually(first).Should(Receive(&err))
	s.Expect(apierrors.IsConflict(err)).To(BeTrue(), "it was deleted: %v", err)
	s.Eventually(func() bool {
		s.Expect(s.Get(t.Context(), client.ObjectKeyFromObject(child), child)).To(Succeed())
		return child.DeletionTimestamp.IsZero()
	}).Should(BeFalse(), "it is looked at again")
	change(s, child, func(lb *v1alpha1.NetworkLoadBalancer) {
		controllerutil.RemoveFinalizer(lb, v1alpha1.LoadBalancerFinalizer)
	})
	s.gone(web)
}
