package nlbservice

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// target finds the instance pool that a spec means. If there is none, it or the port
// isn't allowed, or Exoscale can't be asked now, the outcome says why. The error is one
// of the API server's.
func (r *Reconciler) target(ctx context.Context, round *round) (nlb.InstancePool, *outcome.Outcome, error) {
	if problem, err := r.admitsPort(ctx, round); err != nil || problem != nil {
		return nlb.InstancePool{}, problem, err
	}
	pool, problem, err := r.findPool(ctx, round.object, round.place.zone)
	if err == nil && problem == nil {
		problem, err = r.admitted(ctx, round, pool)
	}
	if cloud, is := errors.AsType[*exoscale.Error](err); is {
		out := outcome.FromCloud("Looking the instance pool up", cloud)
		return nlb.InstancePool{}, &out, nil
	}
	round.judged = err == nil && problem == nil
	return pool, problem, err
}

// findPool returns errors of Exoscale and of the API server as they are.
func (r *Reconciler) findPool(ctx context.Context, object *v1alpha1.NLBService, zone string) (nlb.InstancePool, *outcome.Outcome, error) {
	target := object.Spec.Target
	switch {
	case target.SKSNodepool != nil:
		nodepool, problem, err := r.findNodepool(ctx, *target.SKSNodepool, zone)
		if err != nil || problem != nil {
			return nlb.InstancePool{}, problem, err
		}
		return r.poolBy(ctx, zone, identity.PoolOf(nodepool))
	case target.NodeSelector != nil:
		return r.poolOfNodes(ctx, target.NodeSelector, zone, object.Status.InstancePoolID)
	default:
		return r.poolBy(ctx, zone, identity.PoolNamed(target))
	}
}

// poolBy finds the one pool that is meant. What memory lacks is looked up afresh.
func (r *Reconciler) poolBy(ctx context.Context, zone string, ref identity.PoolReference) (nlb.InstancePool, *outcome.Outcome, error) {
	pools, err := r.Inventory.InstancePools(ctx, zone)
	pool, refusal := identity.OnePool(pools, ref, zone)
	if err == nil && refusal.Missing() {
		pools, err = r.Inventory.FreshInstancePools(ctx, zone)
		pool, refusal = identity.OnePool(pools, ref, zone)
	}
	if err != nil {
		return nlb.InstancePool{}, nil, err
	}
	return pool, refused(refusal), nil
}

func (r *Reconciler) findNodepool(ctx context.Context, ref v1alpha1.SKSNodepoolReference, zone string) (nlb.SKSNodepool, *outcome.Outcome, error) {
	nodepools, err := r.Inventory.SKSNodepools(ctx, zone)
	nodepool, refusal := identity.OneNodepool(nodepools, ref, zone)
	if err == nil && refusal.Missing() {
		nodepools, err = r.Inventory.FreshSKSNodepools(ctx, zone)
		nodepool, refusal = identity.OneNodepool(nodepools, ref, zone)
	}
	if err != nil {
		return nlb.SKSNodepool{}, nil, err
	}
	return nodepool, refused(refusal), nil
}

func (r *Reconciler) poolOfNodes(ctx context.Context, by *metav1.LabelSelector, zone, current string) (nlb.InstancePool, *outcome.Outcome, error) {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		invalid := outcome.Invalid(v1alpha1.ReasonInvalid, fmt.Sprintf("spec.target.nodeSelector: %s; correct it", err))
		return nlb.InstancePool{}, &invalid, nil
	}
	if keys := nlb.UnrestrictedKeys(by); r.RestrictedNodeLabels && len(keys) > 0 {
		invalid := outcome.Invalid(v1alpha1.ReasonInvalid, nlb.SelectorNotRestricted(keys))
		return nlb.InstancePool{}, &invalid, nil
	}
	nodes, trust, err := r.nodes(ctx)
	if err != nil {
		return nlb.InstancePool{}, nil, err
	}
	instances, err := r.Inventory.Instances(ctx, zone)
	if err != nil {
		return nlb.InstancePool{}, nil, err
	}
	pools, err := r.Inventory.InstancePools(ctx, zone)
	if err != nil {
		return nlb.InstancePool{}, nil, err
	}
	inferred := identity.InferPool(identity.Input{Nodes: identity.SelectNodes(nodes, selector), Trust: trust, Instances: instances, Pools: pools, Current: current})
	if refusal := inferred.Refusal(); refusal != nil {
		return nlb.InstancePool{}, refused(refusal), nil
	}
	return r.poolBy(ctx, zone, identity.PoolNamed(v1alpha1.Target{InstancePoolID: inferred.PoolID}))
}

// nodes lists the Nodes from the cache, and whom of them to trust; don't modify them.
func (r *Reconciler) nodes(ctx context.Context) ([]corev1.Node, identity.Trust, error) {
	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, identity.Trust{}, fmt.Errorf("listing the Nodes: %w", err)
	}
	var known v1alpha1.NodeIdentityList
	if err := r.Client.List(ctx, &known, client.UnsafeDisableDeepCopy); err != nil {
		return nil, identity.Trust{}, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	return nodes.Items, identity.TrustBy(known.Items), nil
}

// refused is the outcome of a refusal; nil if there is none.
func refused(refusal *identity.Refusal) *outcome.Outcome {
	switch {
	case refusal == nil:
		return nil
	case refusal.Reason == v1alpha1.ReasonWaitingForVerification:
		waiting := outcome.Waiting(refusal.Reason, refusal.Message)
		return &waiting
	default:
		return unresolved(refusal.Reason, "%s", refusal.Message)
	}
}

func unresolved(reason, format string, args ...any) *outcome.Outcome {
	out := outcome.Unresolved(reason, fmt.Sprintf(format, args...))
	return &out
}
