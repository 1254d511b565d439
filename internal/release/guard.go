package release

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// ReasonStillHeld is that of the Warning about a guard that is deleted too soon.
const ReasonStillHeld = "StillHeld"

// helmRelease marks what Helm installed; Argo CD, which only renders charts, doesn't
// set it.
const helmRelease = "meta.helm.sh/release-name"

// Guard is a ConfigMap that has to be gone before the operator is removed. It bears a
// finalizer while anything is held, so that who deletes in an order, as Argo CD does,
// waits there, whatever became of its hooks. Helm has no such order, and a hook that it
// obeys: one that Helm installed is left alone.
type Guard struct {
	// Cache is asked what is held, Client for the ConfigMap.
	Cache  client.Reader
	Client client.Client
	Key    types.NamespacedName
	Events events.EventRecorder
	Clock  clock.WithTicker
	Log    logr.Logger
}

const (
	// guardInterval is how often the cache is asked, which costs the API server nothing.
	guardInterval = time.Second
	// guardLook is how often the ConfigMap is looked at while nothing changes.
	guardLook = 15 * time.Second
)

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (g *Guard) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable.
func (g *Guard) Start(ctx context.Context) error {
	ticker := g.Clock.NewTicker(guardInterval)
	defer ticker.Stop()
	was, looked := -1, time.Time{}
	for {
		held, err := List(ctx, g.Cache, nil)
		count := held.Len()
		if err == nil && ((count > 0) != (was > 0) || was < 0 || g.Clock.Since(looked) >= guardLook) {
			if err = g.keep(ctx, count); err == nil {
				was, looked = count, g.Clock.Now()
			}
		}
		if err != nil && ctx.Err() == nil {
			g.Log.Error(err, "the guard of the uninstallation isn't as it should be", "configmap", g.Key)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// keep the finalizer while there are held objects.
func (g *Guard) keep(ctx context.Context, held int) error {
	guard, err := readGuard(ctx, g.Client, g.Key)
	if guard == nil || err != nil {
		return err
	}
	going := !guard.DeletionTimestamp.IsZero()
	if going && held > 0 {
		g.Events.Eventf(guard, nil, corev1.EventTypeWarning, ReasonStillHeld, "Uninstall",
			"%s. Delete the Services, NetworkLoadBalancers and NLBServices, or let go of them by \"manager release\"; then the operator is removed", StillHeld(held))
	}
	if _, helm := guard.Annotations[helmRelease]; helm && !going {
		held = 0
	}
	before := guard.DeepCopy()
	changed := false
	switch {
	case held == 0:
		changed = controllerutil.RemoveFinalizer(guard, v1alpha1.GuardFinalizer)
	case !going:
		changed = controllerutil.AddFinalizer(guard, v1alpha1.GuardFinalizer)
	}
	if !changed {
		return nil
	}
	return client.IgnoreNotFound(g.Client.Patch(ctx, guard, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// readGuard gives nil if there is none.
func readGuard(ctx context.Context, reader client.Reader, key types.NamespacedName) (*corev1.ConfigMap, error) {
	guard := &corev1.ConfigMap{}
	switch err := reader.Get(ctx, key, guard); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	return guard, nil
}

// HelmObeys reports whether Helm installed the operator, so that a hook that fails
// stops its removal. Without a guard nobody can tell, and a failure is what stops most.
func HelmObeys(ctx context.Context, reader client.Reader, key types.NamespacedName) (bool, error) {
	guard, err := readGuard(ctx, reader, key)
	if guard == nil || err != nil {
		return err == nil, err
	}
	_, helm := guard.Annotations[helmRelease]
	return helm, nil
}

// Free the guard, once nothing is held any more in the namespaces.
func (g *Guard) Free(ctx context.Context, namespaces []string) error {
	held, err := List(ctx, g.Cache, namespaces)
	if err != nil || held.Len() > 0 {
		return err
	}
	return g.keep(ctx, 0)
}

// StillHeld is a sentence on how many objects are held.
func StillHeld(count int) string {
	objects := "1 object"
	if count > 1 {
		objects = fmt.Sprintf("%d objects", count)
	}
	return "the operator still holds " + objects + ": without it they could never be deleted"
}
