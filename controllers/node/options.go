package node

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// Reasons of the Events about Nodes.
const (
	// ReasonNodeInitialised: the Node has all that a cloud provider gives it.
	ReasonNodeInitialised = "NodeInitialised"
	// ReasonNodeNotInitialised: something is wrong with the Node; the message says what.
	ReasonNodeNotInitialised = "NodeNotInitialised"
	// ReasonDeletingNode: the Node is removed, since its instance is gone.
	ReasonDeletingNode = "DeletingNode"
	// ReasonNodeDeletionHalted: the instance seems to be gone, but the Node stays;
	// the message says what speaks against a removal.
	ReasonNodeDeletionHalted = "NodeDeletionHalted"
)

// Cloud reads one instance, now.
type Cloud interface {
	Instance(ctx context.Context, zone, id string) (nlb.Instance, error)
}

// Inventory tells of the instances of a zone from memory.
type Inventory interface {
	Instances(ctx context.Context, zone string) ([]nlb.Instance, error)
	// InstancesListedAt is when the list that Instances gives out was read; zero
	// if none was.
	InstancesListedAt(zone string) time.Time
}

// Options of the controllers of Nodes; all are required unless they say otherwise.
type Options struct {
	Client client.Client
	// Cloud and Inventory are for Delete only.
	Cloud     Cloud
	Inventory Inventory
	Events    events.EventRecorder
	Clock     clock.PassiveClock
	// Initialise initialises Nodes that are verified.
	Initialise bool
	// Delete removes Nodes whose instance is gone, within Limits.
	Delete bool
	Limits nodegone.Limits
	// Recheck is how soon a Node that looks gone is looked at again; default 30 s.
	Recheck time.Duration
	// Removed is told of each Node that was removed; nil: nobody is.
	Removed func()
	// Halted is told what speaks against the removal of a Node whose instance seems
	// to be gone, in one word; none once nothing does. Nil: nobody is.
	Halted func(node, cause string)
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// recheckDefault is half of the usual time between two lists, so that the second
// one is seen soon.
const recheckDefault = 30 * time.Second

// Setup adds to a manager those controllers that are switched on.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if !options.Initialise && !options.Delete {
		return nil
	}
	if options.Recheck <= 0 {
		options.Recheck = recheckDefault
	}
	options.Limits = options.Limits.WithDefaults()
	if options.Removed == nil {
		options.Removed = func() {}
	}
	if options.Halted == nil {
		options.Halted = func(string, string) {}
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.NodeIdentity{}, byNode, nodeNamesOf); err != nil {
		return fmt.Errorf("indexing NodeIdentities: %w", err)
	}
	if options.Initialise {
		if err := options.watch(mgr, "node-initialisation", initialiseWorkers, &initialiser{options}, initialising); err != nil {
			return err
		}
	}
	if options.Delete {
		return options.watch(mgr, "node-deletion", 1, newRemover(options), removing)
	}
	return nil
}

func (o Options) watch(mgr ctrl.Manager, name string, workers int, r reconcile.Reconciler, changes func(before, after *corev1.Node) bool) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(&corev1.Node{}, builder.WithPredicates(predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
			before, wasNode := e.ObjectOld.(*corev1.Node)
			after, isNode := e.ObjectNew.(*corev1.Node)
			return wasNode && isNode && (before.UID != after.UID || changes(before, after))
		}})).
		Watches(&v1alpha1.NodeIdentity{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
			var requests []reconcile.Request
			for _, node := range nodeNamesOf(object) {
				requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: node}})
			}
			return requests
		})).
		WithOptions(pacing.Options(workers, o.SkipNameValidation)).
		Complete(r)
}

// byNode is the index of NodeIdentities by the name of the Node that they are about.
const byNode = "nodeOfNodeIdentity"

func nodeNamesOf(object client.Object) []string {
	known, is := object.(*v1alpha1.NodeIdentity)
	if !is || known.Status.NodeName == "" {
		return nil
	}
	return []string{known.Status.NodeName}
}

// identityOf is the NodeIdentity of a Node: of those about it the one of the
// instance that the Node says it is; nil if there is none, or more than one.
func (o Options) identityOf(ctx context.Context, node *corev1.Node) (*v1alpha1.NodeIdentity, error) {
	var about v1alpha1.NodeIdentityList
	if err := o.Client.List(ctx, &about, client.MatchingFields{byNode: node.Name}); err != nil {
		return nil, fmt.Errorf("listing the NodeIdentities of Node %s: %w", node.Name, err)
	}
	var known *v1alpha1.NodeIdentity
	for i := range about.Items {
		if about.Items[i].Spec.InstanceID != identity.NodeInstanceID(node) {
			continue
		}
		if known != nil {
			return nil, nil
		}
		known = &about.Items[i]
	}
	return known, nil
}

// initialising passes changes of what the initialisation looks at, or writes.
func initialising(before, after *corev1.Node) bool {
	return identity.NodeInstanceID(before) != identity.NodeInstanceID(after) ||
		before.Spec.ProviderID != after.Spec.ProviderID ||
		nodeinit.Uninitialised(before) != nodeinit.Uninitialised(after) ||
		before.Annotations[nodeinit.ProvidedNodeIP] != after.Annotations[nodeinit.ProvidedNodeIP] ||
		!equality.Semantic.DeepEqual(before.Labels, after.Labels) ||
		!equality.Semantic.DeepEqual(before.Status.Addresses, after.Status.Addresses)
}

// removing passes changes of what makes a Node look gone; heartbeats don't count.
func removing(before, after *corev1.Node) bool {
	return identity.NodeInstanceID(before) != identity.NodeInstanceID(after) ||
		nodegone.Suspicious(before, true) != nodegone.Suspicious(after, true)
}
