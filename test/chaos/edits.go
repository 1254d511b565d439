package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// create makes an object, unless the one before is still going.
func (r *run) create(ctx context.Context, object client.Object, what string) (made bool, err error) {
	attempts := 0
	err = insist(func() error {
		attempts++
		wanted := object.DeepCopyObject().(client.Object)
		err := r.client.Create(ctx, wanted)
		if apierrors.IsAlreadyExists(err) && attempts > 1 { // an attempt that wasn't answered had its effect
			if gone := r.client.Get(ctx, client.ObjectKeyFromObject(object), wanted); gone != nil {
				return gone
			}
			if wanted.GetDeletionTimestamp().IsZero() {
				err = nil
			}
		}
		object.SetUID(wanted.GetUID())
		return err
	})
	switch {
	case apierrors.IsAlreadyExists(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("creating %T %s: %w", object, object.GetName(), err)
	}
	r.tell("create %T %s (%s) %s", object, object.GetName(), object.GetUID(), what)
	return true, nil
}

// insist tries again while the API server is too busy to answer.
func insist(try func() error) error {
	return retry.OnError(persistent, func(err error) bool {
		return apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err)
	}, try)
}

// persistent is a user who tries again until it works.
var persistent = wait.Backoff{Steps: 500, Duration: 20 * time.Millisecond, Factor: 1, Jitter: 1}

// change edits an object as a user would who is told of conflicts.
func (r *run) change(ctx context.Context, object client.Object, what string, edit func(client.Object)) error {
	r.tell("%T %s %s", object, object.GetName(), what)
	err := retry.RetryOnConflict(persistent, func() error {
		return insist(func() error {
			if err := r.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
				return err
			}
			edit(object)
			return r.client.Update(ctx, object)
		})
	})
	if err != nil {
		return fmt.Errorf("changing %T %s: %w", object, object.GetName(), err)
	}
	return nil
}

// remove deletes an object as it was last seen. Without a resource version the
// API server may pass over a finalizer that is set in that very moment.
func (r *run) remove(ctx context.Context, object client.Object) error {
	r.tell("delete %T %s", object, object.GetName())
	err := retry.RetryOnConflict(persistent, func() error {
		return insist(func() error {
			if err := r.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
				return err
			}
			uid, version := object.GetUID(), object.GetResourceVersion()
			return r.client.Delete(ctx, object, client.Preconditions{UID: &uid, ResourceVersion: &version})
		})
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %T %s: %w", object, object.GetName(), err)
	}
	return nil
}

// removeAll has the users delete all that they made, while foreign services go
// from NLBs of ours before or after.
func (r *run) removeAll(ctx context.Context) error {
	var objects []client.Object
	for _, name := range slices.Sorted(maps.Keys(r.wishes.services)) {
		objects = append(objects, &corev1.Service{ObjectMeta: meta(r.ns, name)})
	}
	for _, name := range slices.Sorted(maps.Keys(r.wishes.loadBalancers)) {
		objects = append(objects, &v1alpha1.NetworkLoadBalancer{ObjectMeta: meta(r.ns, name)})
	}
	for _, name := range slices.Sorted(maps.Keys(r.wishes.nlbServices)) {
		objects = append(objects, &v1alpha1.NLBService{ObjectMeta: meta(r.ns, name)})
	}
	r.chance.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	mayStay := r.wishes.mayStay
	r.wishes = newWishes()
	r.wishes.mayStay = mayStay
	before := r.chance.IntN(2) == 0
	if before {
		r.clean()
	}
	for _, object := range objects {
		if err := r.remove(ctx, object); err != nil {
			return err
		}
	}
	if !before {
		if err := r.pause(ctx, r.settings.sync); err != nil {
			return err
		}
		r.clean()
	}
	return nil
}
