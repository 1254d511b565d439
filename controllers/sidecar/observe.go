package sidecar

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

// observe reads what is known of a namespace.
func (h *Handler) observe(ctx context.Context, namespace string) (sidecar.Input, error) {
	in := sidecar.Input{Image: h.Image, Namespace: &corev1.Namespace{}}
	// A namespace that was made a moment ago may be known a moment later.
	if err := h.Reader.Get(ctx, client.ObjectKey{Name: namespace}, in.Namespace); client.IgnoreNotFound(err) != nil {
		return in, fmt.Errorf("reading namespace %s: %w", namespace, err)
	}
	// What is listed is only read, so nothing is copied.
	var services corev1.ServiceList
	if err := h.Reader.List(ctx, &services, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return in, fmt.Errorf("listing the Services of namespace %s: %w", namespace, err)
	}
	var ranges corev1.LimitRangeList
	if err := h.LimitRanges.List(ctx, &ranges, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return in, fmt.Errorf("listing the LimitRanges of namespace %s: %w", namespace, err)
	}
	in.Services, in.LimitRanges = services.Items, ranges.Items
	return in, nil
}

// fill begins to read what requests will ask for, before the first does.
func (h *Handler) fill(ctx context.Context) error {
	var errs []error
	for _, from := range []struct {
		reader client.Reader
		object client.Object
	}{{h.Reader, &corev1.Namespace{}}, {h.Reader, &corev1.Service{}}, {h.LimitRanges, &corev1.LimitRange{}}} {
		if informers, is := from.reader.(cache.Informers); is {
			_, err := informers.GetInformer(ctx, from.object, cache.BlockUntilSynced(false))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
