// Package persist writes what a reconcile round knows of an object to the API
// server: the finalizer before anything is made in the cloud, intents under a
// lock, and the status at the end, only where it differs.
package persist

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Object is an object in the hands of one round, next to what the API server
// has of it. The round changes Now; the methods write the difference.
type Object[T client.Object] struct {
	// Now is the object as the round sees it.
	Now T
	// Before is the object as the round found it; it stays.
	Before T

	client client.Client
	stored T       // as the API server has it
	writes func(T) // is called with each status that is written; nil: nothing is
}

// New begins with an object as it was read.
func New[T client.Object](c client.Client, object T) *Object[T] {
	return &Object[T]{Now: object, Before: clone(object), client: c, stored: clone(object)}
}

func clone[T client.Object](object T) T {
	return object.DeepCopyObject().(T)
}

// Hold sets a finalizer, and returns once the API server has it.
func (o *Object[T]) Hold(ctx context.Context, finalizer string) error {
	if !o.Now.GetDeletionTimestamp().IsZero() || !controllerutil.AddFinalizer(o.Now, finalizer) {
		return nil
	}
	return o.metadata(ctx)
}

// Cleared is the proof that nothing is left of what a finalizer stands for.
type Cleared interface {
	// Cleared is nil if that is proven.
	Cleared() error
}

// InKubernetes is the proof for a finalizer that stands for other objects of the
// API server: the caller has seen that they are gone.
type InKubernetes struct{}

// Cleared implements Cleared.
func (InKubernetes) Cleared() error { return nil }

// Release takes the finalizer off, once what it stands for is proven to be gone.
// That the object is gone already is fine.
func (o *Object[T]) Release(ctx context.Context, finalizer string, cleared Cleared) error {
	if err := cleared.Cleared(); err != nil {
		return fmt.Errorf("removing finalizer %s: %w", finalizer, err)
	}
	if !controllerutil.RemoveFinalizer(o.Now, finalizer) {
		return nil
	}
	return client.IgnoreNotFound(o.metadata(ctx))
}

// metadata writes the metadata only, under the lock of the resource version.
func (o *Object[T]) metadata(ctx context.Context) error {
	written := clone(o.stored)
	written.SetFinalizers(o.Now.GetFinalizers())
	if err := o.client.Patch(ctx, written, o.locked()); err != nil {
		return fmt.Errorf("writing the finalizers: %w", err)
	}
	o.written(written)
	return nil
}

// Status writes the status if it differs, and only if nobody has written the
// object since it was read: what was decided on stale knowledge isn't begun.
func (o *Object[T]) Status(ctx context.Context) error {
	return o.status(ctx, o.locked())
}

// Intent writes the status of what is about to be begun. Unlike Status it asks
// the API server even if nothing differs: only who knows the latest may begin.
func (o *Object[T]) Intent(ctx context.Context) error {
	return o.write(ctx, o.locked())
}

// StatusAnyway writes what the round changed in the status, whatever else was
// written meanwhile: the id of an operation that was started must not get lost.
func (o *Object[T]) StatusAnyway(ctx context.Context) error {
	return o.status(ctx, client.MergeFrom(o.stored))
}

func (o *Object[T]) status(ctx context.Context, patch client.Patch) error {
	if differs, err := o.differs(o.Now); err != nil || !differs {
		return err
	}
	return o.write(ctx, patch)
}

// differs reports whether an object isn't as the API server has it.
func (o *Object[T]) differs(object T) (bool, error) {
	difference, err := client.MergeFrom(o.stored).Data(object)
	if err != nil {
		return false, fmt.Errorf("comparing the status: %w", err)
	}
	return string(difference) != "{}", nil
}

func (o *Object[T]) write(ctx context.Context, patch client.Patch) error {
	written := clone(o.Now)
	o.noteWrite(written) // it may arrive though no answer comes
	if err := o.client.Status().Patch(ctx, written, patch); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	o.noteWrite(written)
	o.written(written)
	return nil
}

func (o *Object[T]) noteWrite(object T) {
	if o.writes != nil {
		o.writes(object)
	}
}

func (o *Object[T]) locked() client.Patch {
	return client.MergeFromWithOptions(o.stored, client.MergeFromWithOptimisticLock{})
}

func (o *Object[T]) written(object T) {
	o.Now.SetResourceVersion(object.GetResourceVersion())
	o.Now.SetManagedFields(object.GetManagedFields())
	o.stored = object
}
