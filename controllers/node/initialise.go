package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=nodes/status,verbs=patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// initialiseWorkers is how many Nodes are initialised at once: a pool that is
// scaled up brings many, and Pods wait for them.
const initialiseWorkers = 5

// initialiser gives Nodes what a cloud provider gives them.
type initialiser struct{ Options }

// Reconcile does one round for one Node.
func (r *initialiser) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	node := &corev1.Node{}
	if err := r.Client.Get(ctx, req.NamespacedName, node); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	known, err := r.identityOf(ctx, node)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan := nodeinit.For(node, known)
	switch {
	case plan.Awaited != "":
		log.FromContext(ctx).V(1).Info("the Node can't be initialised yet", "awaited", plan.Awaited)
		return ctrl.Result{}, nil
	case plan.Problem != "":
		r.Events.Eventf(node, nil, corev1.EventTypeWarning, ReasonNodeNotInitialised, "Initialise", "The Node isn't initialised, and no Pods come: %s", plan.Problem)
		return ctrl.Result{}, nil
	}
	err = r.carryOut(ctx, node, plan)
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil // the cache was behind
	case err == nil && plan.RemoveTaint:
		log.FromContext(ctx).Info("the Node is initialised", "instance", known.Spec.InstanceID, "zone", known.Spec.Zone)
		r.Events.Eventf(node, nil, corev1.EventTypeNormal, ReasonNodeInitialised, "Initialise", "The Node is instance %s of zone %s", known.Spec.InstanceID, known.Spec.Zone)
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// carryOut writes what is planned, only if nobody has written the Node since it
// was read. The taint goes last, so that what comes to the Node finds it whole
// wherever this ends.
func (r *initialiser) carryOut(ctx context.Context, node *corev1.Node, plan nodeinit.Plan) error {
	if plan.Addresses != nil {
		before := node.DeepCopy()
		node.Status.Addresses = plan.Addresses
		// Not a strategic merge patch: it takes two addresses of one type for one.
		if err := r.Client.Status().Patch(ctx, node, locked(before)); err != nil {
			return fmt.Errorf("writing the addresses: %w", err)
		}
	}
	if plan.ChangesNode() {
		before := node.DeepCopy()
		plan.ChangeNode(node)
		if err := r.Client.Patch(ctx, node, locked(before)); err != nil {
			return fmt.Errorf("writing the Node: %w", err)
		}
	}
	return nil
}

func locked(before *corev1.Node) client.Patch {
	return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
}
