package service_test

import (
	"context"
	"sync/atomic"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// round is one look at a Service at a moment of the test's choice, as its net
// would have it.
func (s *scene) round(name string) ctrl.Result {
	s.t.Helper()
	result, err := s.reconciler.Reconcile(s.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: s.ns, Name: name}})
	s.Expect(err).NotTo(HaveOccurred())
	return result
}

// settles waits until the controller has seen all, and several rounds in a row send
// no write.
func (s *scene) settles(name string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		before := s.versions()
		g.Expect(s.versionsIn(s.writes)).To(Equal(before), "the cache is behind")
		writes := s.writes.count.Load()
		for range 5 {
			s.round(name)
		}
		g.Expect(s.writes.count.Load()).To(Equal(writes))
		g.Expect(s.versions()).To(Equal(before))
	}).Should(Succeed())
}

// counting counts the writes that the controller sends, even those that change nothing.
type counting struct {
	client.Client
	count atomic.Int64
}

func (c *counting) Apply(ctx context.Context, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	c.count.Add(1)
	return c.Client.Apply(ctx, object, opts...)
}

func (c *counting) Patch(ctx context.Context, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
	c.count.Add(1)
	return c.Client.Patch(ctx, object, patch, opts...)
}

func (c *counting) Delete(ctx context.Context, object client.Object, opts ...client.DeleteOption) error {
	c.count.Add(1)
	return c.Client.Delete(ctx, object, opts...)
}

func (c *counting) Status() client.SubResourceWriter {
	return &countingStatus{SubResourceWriter: c.Client.Status(), count: &c.count}
}

type countingStatus struct {
	client.SubResourceWriter
	count *atomic.Int64
}

func (c *countingStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	c.count.Add(1)
	return c.SubResourceWriter.Patch(ctx, object, patch, opts...)
}
