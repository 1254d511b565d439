package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// nodeLabels are those of the Nodes of this history.
func (r *run) nodeLabels() map[string]string { return map[string]string{"history": r.ns} }

// settleNodes makes the pools with their instances, and joins those of pool A.
func (r *run) settleNodes(ctx context.Context) error {
	for id, name := range map[string]string{poolA: "a", poolB: "b"} {
		r.cloud.AddPool("", exosim.InstancePool{ID: id, Name: name, InstancePrefix: name})
	}
	var nodes []exosim.Instance
	for i, pool := range []string{poolA, poolA, poolB} {
		instance := r.cloud.AddInstance("", exosim.Instance{
			ID: uuid.NewString(), Name: fmt.Sprintf("%s-%d", r.ns, i), PublicIP: fmt.Sprintf("192.0.2.%d", i+1), Manager: &exosim.Manager{ID: pool},
		})
		if pool == poolA {
			nodes = append(nodes, instance)
		}
	}
	return world.JoinLabeledNodes(ctx, r.client, nodes, r.nodeLabels())
}

// dropNodes takes the Nodes away again, so that the next histories don't carry them.
func (r *run) dropNodes(ctx context.Context) error {
	mine := client.MatchingLabels(r.nodeLabels())
	return errors.Join(r.client.DeleteAllOf(ctx, &corev1.Node{}, mine), r.client.DeleteAllOf(ctx, &v1alpha1.NodeIdentity{}, mine))
}
