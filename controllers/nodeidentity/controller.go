package nodeidentity

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// Inventory tells of a zone from memory.
type Inventory interface {
	Instances(ctx context.Context, zone string) ([]nlb.Instance, error)
	FreshInstances(ctx context.Context, zone string) ([]nlb.Instance, error)
	InstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	SKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error)
	InstanceTypes(ctx context.Context, zone string) ([]nlb.InstanceType, error)
	PrivateNetworks(ctx context.Context, zone string) ([]nlb.PrivateNetwork, error)
	// InstancesListedAt tells when the read of the instances began that are given out.
	InstancesListedAt(zone string) time.Time
	// Now is by the same clock.
	Now() time.Time
}

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	Client    client.Client
	Inventory Inventory
	Events    events.EventRecorder
	// Wakeups tells that instances or pools have changed, by the key Everything.
	Wakeups source.Source
	// Zone is where the Nodes are; if it is empty, nobody knows, and nothing is done.
	Zone string
	// WatchedPools are ids and names of pools whose members are of concern before
	// their Nodes join, besides the pools that Nodes are in.
	WatchedPools []string
	// Labels are set on every NodeIdentity besides our own; nil: none.
	Labels map[string]string
	// Foreign is told how many Nodes are no Exoscale instance; nil: nobody is.
	Foreign func(count int)
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of NodeIdentities.
type Reconciler struct {
	Options
	// unlisted are the instances that Nodes say to be and that the list lacks, by when
	// that was first noticed. Lists that are older say nothing of them.
	unlisted map[string]time.Time
	// told are the Nodes, by UID, whose exclusion was spoken of.
	told map[types.UID]bool
	// refused is what Exoscale has refused last; empty if nothing is.
	refused string
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	return &Reconciler{Options: options, unlisted: map[string]time.Time{}, told: map[types.UID]bool{}}
}

// Everything is what all changes lead to: there is one round for all Nodes.
var Everything = types.NamespacedName{Name: "all"}

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: Everything}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("nodeidentity").
		Watches(&corev1.Node{}, all, builder.WithPredicates(nodeChanged())).
		Watches(&v1alpha1.NodeIdentity{}, all).
		WatchesRawSource(r.Wakeups).
		WatchesRawSource(source.Func(atStart)).
		WithOptions(pacing.Options(1, r.SkipNameValidation)).
		Complete(r)
}

// atStart asks for a first round: of a watched pool nothing else may tell.
func atStart(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	queue.Add(reconcile.Request{NamespacedName: Everything})
	return nil
}

func nodeChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, is := e.ObjectOld.(*corev1.Node)
		after, still := e.ObjectNew.(*corev1.Node)
		return is && still && identity.IdentityChange(before, after)
	}}
}

// Reconcile does one round for all Nodes and instances.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	fleet, err := r.observe(ctx)
	if exoscale.ClassOf(err) != "" {
		// Nothing is decided on what isn't known; the inventory tries again, tells
		// when it can read, and every NLB says what is wrong.
		log.FromContext(ctx).Info("Leaving the NodeIdentities as they are: Exoscale can't be asked", "error", err.Error())
		r.tellRefused(fleet.Nodes, err)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.refused = ""
	bindings, err := r.bind(ctx, fleet)
	if err != nil {
		return ctrl.Result{}, err
	}
	if r.Foreign != nil {
		r.Foreign(len(bindings.Foreign))
	}
	var failures []error
	behind := false
	for _, err := range append(r.applyAll(ctx, bindings), r.removeAll(ctx, bindings.Vanished)...) {
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			behind = true // the cache was
		} else if client.IgnoreNotFound(err) != nil {
			failures = append(failures, err)
		}
	}
	r.tellExcluded(bindings)
	if err := errors.Join(failures...); err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case behind:
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	case len(bindings.Awaited) > 0:
		return ctrl.Result{RequeueAfter: awaitedNet}, nil
	default:
		return ctrl.Result{}, nil
	}
}

// awaitedNet is how soon to look again for an instance that may be newer than the
// list. The inventory reads no list again that is younger than some seconds.
const awaitedNet = time.Second

// observe reads what there is. Of the cloud only what is needed is asked: without
// Nodes and watched pools nothing, and nodepools and networks only if an instance
// is in one.
func (r *Reconciler) observe(ctx context.Context) (identity.Fleet, error) {
	fleet := identity.Fleet{Zone: r.Zone, WatchedPools: r.WatchedPools}
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes); err != nil {
		return fleet, fmt.Errorf("listing the Nodes: %w", err)
	}
	var known v1alpha1.NodeIdentityList
	if err := r.Client.List(ctx, &known); err != nil {
		return fleet, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	fleet.Nodes, fleet.Known = nodes.Items, known.Items
	if r.Zone == "" || len(fleet.Nodes)+len(fleet.Known)+len(fleet.WatchedPools) == 0 {
		return identity.Fleet{}, nil
	}
	err := r.observeZone(ctx, &fleet)
	return fleet, err
}

func (r *Reconciler) observeZone(ctx context.Context, fleet *identity.Fleet) (err error) {
	if fleet.Pools, err = r.Inventory.InstancePools(ctx, r.Zone); err != nil {
		return err
	}
	if fleet.Instances, err = r.Inventory.Instances(ctx, r.Zone); err != nil {
		return err
	}
	// They only tell how large an instance is: a key that may not list them is no
	// reason to know nothing.
	if fleet.Types, err = r.Inventory.InstanceTypes(ctx, r.Zone); err != nil && exoscale.ClassOf(err) != exoscale.Forbidden {
		return err
	}
	for _, pool := range fleet.Pools {
		if pool.SKSNodepoolID != "" {
			if fleet.Nodepools, err = r.Inventory.SKSNodepools(ctx, r.Zone); err != nil {
				return err
			}
			break
		}
	}
	for _, instance := range fleet.Instances {
		if len(instance.PrivateNetworkIDs) > 0 {
			fleet.Networks, err = r.Inventory.PrivateNetworks(ctx, r.Zone)
			return err
		}
	}
	return nil
}

// bind looks once more for instances that the list lacks: their Nodes may be newer.
// Of those on which the new list says nothing either, since it was read just before,
// nothing is said yet.
func (r *Reconciler) bind(ctx context.Context, fleet identity.Fleet) (identity.Bindings, error) {
	bindings := fleet.Bind()
	r.missed(bindings.Unlisted)
	if len(r.newerThan(r.Inventory.InstancesListedAt(r.Zone))) == 0 {
		return bindings, nil
	}
	if _, err := r.Inventory.FreshInstances(ctx, r.Zone); err != nil {
		return bindings, err
	}
	// Asked in this order, the list is at least as new as that.
	listedAt := r.Inventory.InstancesListedAt(r.Zone)
	var err error
	if fleet.Instances, err = r.Inventory.Instances(ctx, r.Zone); err != nil {
		return bindings, err
	}
	fleet.Awaited = r.newerThan(listedAt)
	return fleet.Bind(), nil
}

// missed notes which instances the list lacks.
func (r *Reconciler) missed(ids []string) {
	now, missed := r.Inventory.Now(), map[string]time.Time{}
	for _, id := range ids {
		if missed[id] = now; !r.unlisted[id].IsZero() {
			missed[id] = r.unlisted[id]
		}
	}
	r.unlisted = missed
}

// newerThan are the missed instances on which a list says nothing that was read from
// a moment on.
func (r *Reconciler) newerThan(listedAt time.Time) map[string]bool {
	newer := map[string]bool{}
	for id, noticed := range r.unlisted {
		if listedAt.Before(noticed) {
			newer[id] = true
		}
	}
	return newer
}
