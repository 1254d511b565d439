package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// firstTarget leaves a plan as it is, unless that makes a first NLB whose ports would
// lead nowhere: it would cost, and serve nobody. Whether the pool may be used is the
// NLBServices' to say.
func (r *Reconciler) firstTarget(ctx context.Context, service *corev1.Service, plan projection.Plan, own children) (projection.Plan, error) {
	if own.loadBalancer != nil || !plan.FirstNLB(service) || len(plan.Services) == 0 || !nlb.Made(plan.LoadBalancer) {
		return plan, nil
	}
	zone := plan.LoadBalancer.Spec.Zone
	if zone == "" { // the NetworkLoadBalancer tells of it
		return plan, nil
	}
	var problem *projection.Problem
	var cloud, err error
	switch target := plan.Services[0].Spec.Target; {
	case target.NodeSelector != nil:
		problem, cloud, err = r.selectedPool(ctx, target.NodeSelector, zone)
	case target.SKSNodepool != nil:
		problem, cloud = r.knownNodepool(ctx, *target.SKSNodepool, zone)
	default:
		problem, cloud = r.knownPool(ctx, target, zone)
	}
	switch {
	case err != nil:
		return plan, err
	case cloud != nil:
		out := outcome.FromCloud("Looking the instance pool up", cloud)
		return plan.Refused(projection.Problem{Reason: out.Reason, Message: out.Message}), nil
	case problem != nil && problem.Reason == v1alpha1.ReasonWaitingForVerification:
		return plan.Awaiting(service, *problem), nil
	case problem != nil:
		return plan.Refused(*problem), nil
	default:
		return plan, nil
	}
}

// knownPool tells what is wrong with a pool that is named; nil if there is one.
func (r *Reconciler) knownPool(ctx context.Context, target v1alpha1.Target, zone string) (*projection.Problem, error) {
	matches := func(p nlb.InstancePool) bool {
		return target.InstancePoolID != "" && p.ID == target.InstancePoolID || target.InstancePoolName != "" && p.Name == target.InstancePoolName
	}
	pools, err := r.Inventory.InstancePools(ctx, zone)
	if err == nil && !slices.ContainsFunc(pools, matches) {
		pools, err = r.Inventory.FreshInstancePools(ctx, zone)
	}
	if err != nil || slices.ContainsFunc(pools, matches) {
		return nil, err
	}
	return &projection.Problem{Reason: v1alpha1.ReasonNotFound, Message: fmt.Sprintf(
		"there is no instance pool %s%s in zone %s; name one that exists in annotation %s", target.InstancePoolID, target.InstancePoolName, zone, v1alpha1.AnnotationInstancePoolID)}, nil
}

func (r *Reconciler) knownNodepool(ctx context.Context, ref v1alpha1.SKSNodepoolReference, zone string) (*projection.Problem, error) {
	matches := func(n nlb.SKSNodepool) bool {
		return (n.ClusterID == ref.Cluster || n.ClusterName == ref.Cluster) && (n.ID == ref.Nodepool || strings.EqualFold(n.Name, ref.Nodepool))
	}
	nodepools, err := r.Inventory.SKSNodepools(ctx, zone)
	if err == nil && !slices.ContainsFunc(nodepools, matches) {
		nodepools, err = r.Inventory.FreshSKSNodepools(ctx, zone)
	}
	if err != nil || slices.ContainsFunc(nodepools, matches) {
		return nil, err
	}
	return &projection.Problem{Reason: v1alpha1.ReasonNotFound, Message: fmt.Sprintf(
		"there is no nodepool %q of an SKS cluster %q in zone %s; name ones that exist in annotations %s and %s",
		ref.Nodepool, ref.Cluster, zone, v1alpha1.AnnotationSKSClusterName, v1alpha1.AnnotationSKSNodepoolName)}, nil
}

// selectedPool tells why the selected Nodes are in no pool, or in several; nil if they
// are in one. cloud is the failure of the cloud, err that of the API server.
func (r *Reconciler) selectedPool(ctx context.Context, by *metav1.LabelSelector, zone string) (problem *projection.Problem, cloud, err error) {
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		return &projection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("annotation %s: %s", v1alpha1.AnnotationNodeSelector, err)}, nil, nil
	}
	nodes := &corev1.NodeList{}
	if err := r.Client.List(ctx, nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing the Nodes: %w", err)
	}
	inferred, cloud, err := r.inferOf(ctx, identity.SelectNodes(nodes.Items, selector), zone, "")
	if cloud != nil || err != nil || inferred.PoolID != "" {
		return nil, cloud, err
	}
	return &projection.Problem{Reason: inferred.Reason, Message: fmt.Sprintf("annotation %s: %s", v1alpha1.AnnotationNodeSelector, inferred.Message)}, nil, nil
}
