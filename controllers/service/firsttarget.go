package service

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// firstTarget leaves a plan as it is, unless that makes a first NLB whose ports may lead
// nowhere: it would only cost. The rules are those of the NLBServices.
func (r *Reconciler) firstTarget(ctx context.Context, service *corev1.Service, plan projection.Plan, own children) (projection.Plan, error) {
	if own.loadBalancer != nil || !plan.FirstNLB(service) || len(plan.Services) == 0 || !nlb.Made(plan.LoadBalancer) {
		return plan, nil
	}
	zone := plan.LoadBalancer.Spec.Zone
	if zone == "" { // the NetworkLoadBalancer tells of it
		return plan, nil
	}
	var refusal *identity.Refusal
	var cloud, err error
	if target := plan.Services[0].Spec.Target; target.NodeSelector != nil {
		refusal, cloud, err = r.selectedPool(ctx, target.NodeSelector, zone)
	} else {
		refusal, cloud, err = r.namedPool(ctx, target, zone)
	}
	switch {
	case err != nil:
		return plan, err
	case cloud != nil:
		out := outcome.FromCloud("Looking the instance pool up", cloud)
		return plan.Refused(projection.Problem{Reason: out.Reason, Message: out.Message}), nil
	case refusal == nil:
		return plan, nil
	}
	problem := projection.Problem{Reason: refusal.Reason, Message: refusal.Message}
	if problem.Reason == v1alpha1.ReasonWaitingForVerification {
		return plan.Awaiting(service, problem), nil
	}
	return plan.Refused(problem), nil
}

// namedPool reports why nothing may be forwarded to the pool that a target names; nil if
// it may. cloud is the failure of the cloud, err that of the API server.
func (r *Reconciler) namedPool(ctx context.Context, target v1alpha1.Target, zone string) (refusal *identity.Refusal, cloud, err error) {
	ref := identity.PoolNamed(target)
	if target.SKSNodepool != nil {
		nodepools, cloud := r.Inventory.SKSNodepools(ctx, zone)
		nodepool, refusal := identity.OneNodepool(nodepools, *target.SKSNodepool, zone)
		if cloud == nil && refusal.Missing() {
			nodepools, cloud = r.Inventory.FreshSKSNodepools(ctx, zone)
			nodepool, refusal = identity.OneNodepool(nodepools, *target.SKSNodepool, zone)
		}
		if cloud != nil || refusal != nil {
			return refusal, cloud, nil
		}
		ref = identity.PoolOf(nodepool)
	}
	pools, cloud := r.Inventory.InstancePools(ctx, zone)
	pool, refusal := identity.OnePool(pools, ref, zone)
	if cloud == nil && refusal.Missing() {
		pools, cloud = r.Inventory.FreshInstancePools(ctx, zone)
		pool, refusal = identity.OnePool(pools, ref, zone)
	}
	if cloud != nil || refusal != nil || identity.NamesPool(r.AllowedPools, pool) {
		return refusal, cloud, nil
	}
	return r.notAllowed(ctx, pool, zone)
}

// notAllowed reports why nothing may be forwarded to a pool that no flag allows; nil if
// it may, since a verified Node is an instance of it.
func (r *Reconciler) notAllowed(ctx context.Context, pool nlb.InstancePool, zone string) (refusal *identity.Refusal, cloud, err error) {
	nodes, known := &corev1.NodeList{}, &v1alpha1.NodeIdentityList{}
	if err := r.Client.List(ctx, nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing the Nodes: %w", err)
	}
	if err := r.Client.List(ctx, known, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	instances, cloud := r.Inventory.Instances(ctx, zone)
	of := identity.MembersOf(pool, nodes.Items, identity.TrustBy(known.Items), instances)
	if cloud == nil && len(of.Nodes) == 0 && of.Unknown {
		instances, cloud = r.Inventory.FreshInstances(ctx, zone)
		of = identity.MembersOf(pool, nodes.Items, identity.TrustBy(known.Items), instances)
	}
	if cloud != nil {
		return nil, cloud, nil
	}
	return of.Refusal(pool), nil, nil
}

// selectedPool reports why the selected Nodes are in no pool, or in several; nil if they
// are in one.
func (r *Reconciler) selectedPool(ctx context.Context, by *metav1.LabelSelector, zone string) (refusal *identity.Refusal, cloud, err error) {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return &identity.Refusal{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("spec.target.nodeSelector: %s; correct it", err)}, nil, nil
	}
	nodes := &corev1.NodeList{}
	if err := r.Client.List(ctx, nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing the Nodes: %w", err)
	}
	inferred, cloud, err := r.inferOf(ctx, identity.SelectNodes(nodes.Items, selector), zone, "")
	if cloud != nil || err != nil {
		return nil, cloud, err
	}
	return inferred.Refusal(), nil, nil
}
