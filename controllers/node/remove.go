package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// net is after how many rechecks a Node that isn't well, but whose instance is
// there, is looked at again if nothing wakes it. That costs no call.
const net = 10

// remover removes Nodes whose instance is gone. It has one worker, so that no two
// decisions count on the same share.
type remover struct {
	Options
	memory
}

func newRemover(options Options) *remover {
	return &remover{Options: options, memory: memory{suspects: map[string]*suspect{}}}
}

// Reconcile does one round for one Node.
func (r *remover) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	node := &corev1.Node{}
	if err := r.Client.Get(ctx, req.NamespacedName, node); err != nil {
		r.acquit(req.Name)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	known, err := r.identityOf(ctx, node)
	if err != nil {
		return ctrl.Result{}, err
	}
	instance := nodegone.RecordOf(node, known)
	if (instance == nodegone.Recorded{}) || !nodegone.Suspicious(node, verified(known)) {
		r.acquit(node.Name)
		return ctrl.Result{}, nil
	}
	s := r.of(node, instance)
	e, err := r.gather(ctx, node, s)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision := nodegone.Decide(e, r.Limits)
	if decision.Verdict == nodegone.Ask {
		decision = nodegone.Decide(r.ask(ctx, e), r.Limits)
	}
	log.FromContext(ctx).V(1).Info("the Node's instance was looked for", "verdict", decision.Verdict, "message", decision.Message)
	r.Halted(node.Name, decision.Cause)
	switch decision.Verdict {
	case nodegone.Remove:
		return r.remove(ctx, node, decision)
	case nodegone.Keep:
		s.told = ""
		return ctrl.Result{RequeueAfter: net * r.Recheck}, nil
	case nodegone.Halt:
		if s.told != decision.Message {
			s.told = decision.Message
			// With the cause for an action: Events that differ in nothing but their
			// words become a series, which shows those of the first.
			r.Events.Eventf(node, nil, corev1.EventTypeWarning, ReasonNodeDeletionHalted, decision.Cause, "%s", decision.Message)
		}
	}
	return ctrl.Result{RequeueAfter: r.Recheck}, nil
}

// acquit forgets what was found against a Node.
func (r *remover) acquit(name string) {
	delete(r.suspects, name)
	r.Halted(name, "")
}

func verified(known *v1alpha1.NodeIdentity) bool {
	return meta.IsStatusConditionTrue(known.Status.Conditions, v1alpha1.ConditionVerified)
}

// remove deletes the very Node that was decided about, as it was seen: a kubelet
// that reports again has changed it, and one that has come anew is another.
func (r *remover) remove(ctx context.Context, node *corev1.Node, decision nodegone.Decision) (ctrl.Result, error) {
	r.Events.Eventf(node, nil, corev1.EventTypeNormal, ReasonDeletingNode, "Delete", "%s", decision.Message)
	err := r.Client.Delete(ctx, node, client.Preconditions{UID: &node.UID, ResourceVersion: &node.ResourceVersion})
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case apierrors.IsForbidden(err):
		return ctrl.Result{}, fmt.Errorf("removing the Node: %w", err)
	case err != nil:
		r.removals = append(r.removals, removal{node.UID, r.Clock.Now()}) // perhaps it was
		return ctrl.Result{}, fmt.Errorf("removing the Node: %w", err)
	}
	r.removals = append(r.removals, removal{node.UID, r.Clock.Now()})
	r.Removed()
	log.FromContext(ctx).Info("the Node is removed", "why", decision.Message)
	return ctrl.Result{}, nil
}
