package nodeidentity

import (
	"context"
	"errors"
	"slices"
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
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities/status,verbs=patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers;nlbservices,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// Inventory tells of the zones from memory.
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
	// Zone is the operator's own, which is looked at besides those that objects use;
	// may be empty.
	Zone string
	// WatchedPools are ids and names of pools, in every zone in use, whose members are
	// of concern before their Nodes join, besides the pools that Nodes are in.
	WatchedPools []string
	// Certifies: see identity.Fleet.
	Certifies bool
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
	// refused is what Exoscale has refused last, by zone.
	refused map[string]string
	// slow are the zones that couldn't be read in the last round.
	slow map[string]bool
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	return &Reconciler{Options: options, unlisted: map[string]time.Time{}, told: map[types.UID]bool{}, refused: map[string]string{}}
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
		Watches(&v1alpha1.NetworkLoadBalancer{}, all, builder.WithPredicates(r.otherZone())).
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
	seen, err := r.observe(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	bindings, late := r.bind(ctx, seen)
	r.tellTrouble(ctx, seen, bindings)
	var failures []error
	behind := false
	for _, err := range append(r.applyAll(ctx, bindings), r.removeAll(ctx, bindings.Vanished)...) {
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			behind = true // the cache was
		} else if client.IgnoreNotFound(err) != nil {
			failures = append(failures, err)
		}
	}
	whole := !slices.ContainsFunc(seen.zones, func(zone zoneSeen) bool { return zone.trouble != nil })
	if whole { // otherwise some Nodes are left out
		if r.Foreign != nil {
			r.Foreign(len(bindings.Foreign))
		}
		r.tellExcluded(bindings)
	}
	if err := errors.Join(failures...); err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case behind:
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	case late:
		return ctrl.Result{RequeueAfter: awaitedNet}, nil
	case !whole:
		return ctrl.Result{RequeueAfter: unreadNet}, nil
	default:
		return ctrl.Result{}, nil
	}
}

const (
	// awaitedNet is how soon to look again for an instance that may be newer than
	// the list. The inventory reads no list again that is younger than some seconds.
	awaitedNet = time.Second
	// unreadNet is how soon to look again at a zone that can't be read. It costs no
	// call: the inventory reads when it is due, and tells when it can.
	unreadNet = 5 * time.Second
)
