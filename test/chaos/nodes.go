package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// nodeLabels are those of the Nodes of this history.
func (r *run) nodeLabels() map[string]string { return map[string]string{"history": r.ns} }

// settleNodes makes the pools with their instances, and joins those of pool A. In half
// of the histories those of B join, too, cordoned: the traffic may move to and fro.
func (r *run) settleNodes(ctx context.Context) error {
	for id, name := range map[string]string{poolA: "a", poolB: "b"} {
		r.cloud.AddPool("", exosim.InstancePool{ID: id, Name: name, InstancePrefix: name})
	}
	var nodes []exosim.Instance
	for i, pool := range []string{poolA, poolA, poolB} {
		instance := r.cloud.AddInstance("", exosim.Instance{
			ID: uuid.NewString(), Name: fmt.Sprintf("%s-%d", r.ns, i), PublicIP: fmt.Sprintf("192.0.2.%d", i+1), Manager: &exosim.Manager{ID: pool},
		})
		if pool == poolA || r.nodesChange {
			nodes = append(nodes, instance)
		}
		r.nodesOf[pool] = append(r.nodesOf[pool], instance)
	}
	if err := world.JoinLabeledNodes(ctx, r.client, nodes, r.nodeLabels()); err != nil || !r.nodesChange {
		return err
	}
	return r.cordon(ctx, poolB, true)
}

// cordon cordons all Nodes of a pool, or uncordons them.
func (r *run) cordon(ctx context.Context, pool string, cordoned bool) error {
	for _, instance := range r.nodesOf[pool] {
		patch := fmt.Sprintf(`{"spec":{"unschedulable":%t}}`, cordoned)
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: instance.Name}}
		if err := r.client.Patch(ctx, node, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			return fmt.Errorf("cordoning node %s: %w", instance.Name, err)
		}
	}
	return nil
}

// nodeStep is what somebody does to the Nodes: the traffic is to go to the other pool, or
// that one isn't well.
func (r *run) nodeStep(ctx context.Context) error {
	to, from := poolA, poolB
	if r.chance.IntN(2) == 0 {
		to, from = from, to
	}
	if r.chance.IntN(3) == 0 {
		well := r.chance.IntN(2) == 0
		r.tell("the instances of pool %s pass their health checks: %t", to, well)
		r.health(to, well)
		return nil
	}
	r.tell("the Nodes of pool %s are cordoned, those of %s aren't", from, to)
	return errors.Join(r.cordon(ctx, to, false), r.cordon(ctx, from, true))
}

func (r *run) health(pool string, well bool) {
	for _, instance := range r.nodesOf[pool] {
		r.cloud.SetHealth(instance.ID, well)
	}
}

// restNodes has the traffic of those who name no pool go to pool A in the end.
func (r *run) restNodes(ctx context.Context) error {
	if !r.nodesChange {
		return nil
	}
	r.health(poolA, true)
	r.health(poolB, true)
	return errors.Join(r.cordon(ctx, poolA, false), r.cordon(ctx, poolB, true), r.drain(ctx))
}

// drain has a ready Pod of each Service on each Node of pool A, and none elsewhere: with
// externalTrafficPolicy Local the traffic goes only where Pods are.
func (r *run) drain(ctx context.Context) error {
	services := &corev1.ServiceList{}
	if err := r.client.List(ctx, services, client.InNamespace(r.ns)); err != nil {
		return fmt.Errorf("listing the Services: %w", err)
	}
	for _, service := range services.Items {
		pods := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: r.ns, Name: service.Name + "-pods", Labels: map[string]string{discoveryv1.LabelServiceName: service.Name}},
		}
		pods.AddressType = discoveryv1.AddressTypeIPv4
		for i, instance := range r.nodesOf[poolA] {
			pods.Endpoints = append(pods.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.1.0.%d", i+1)}, NodeName: ptr.To(instance.Name), Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			})
		}
		if err := r.client.Create(ctx, pods); client.IgnoreAlreadyExists(err) != nil {
			return fmt.Errorf("making the Pods of Service %s ready: %w", service.Name, err)
		}
	}
	return nil
}

// dropNodes takes the Nodes away again, so that the next histories don't carry them.
func (r *run) dropNodes(ctx context.Context) error {
	mine := client.MatchingLabels(r.nodeLabels())
	return errors.Join(r.client.DeleteAllOf(ctx, &corev1.Node{}, mine), r.client.DeleteAllOf(ctx, &v1alpha1.NodeIdentity{}, mine))
}
