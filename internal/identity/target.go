package identity

import (
	"fmt"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Refusal says why a target stands for no instance pool that may be forwarded to. Its
// words are those of an NLBService.
type Refusal struct{ Reason, Message string }

// Missing reports whether the target was not found: what is remembered may be outdated.
func (r *Refusal) Missing() bool { return r != nil && r.Reason == v1alpha1.ReasonNotFound }

// PoolReference is how a target names an instance pool.
type PoolReference struct {
	// What names it in a message: "named \"blue\"".
	What string
	// Is reports whether a pool is meant.
	Is func(nlb.InstancePool) bool
}

// PoolNamed refers to a pool by the id or the name in a target.
func PoolNamed(target v1alpha1.Target) PoolReference {
	if target.InstancePoolName != "" {
		return PoolReference{fmt.Sprintf("named %q", target.InstancePoolName), func(p nlb.InstancePool) bool { return p.Name == target.InstancePoolName }}
	}
	return poolWithID(target.InstancePoolID, target.InstancePoolID)
}

// PoolOf refers to the pool of an SKS nodepool.
func PoolOf(nodepool nlb.SKSNodepool) PoolReference {
	return poolWithID(nodepool.InstancePoolID, "of SKS nodepool "+nodepool.Name+", "+nodepool.InstancePoolID)
}

func poolWithID(id, what string) PoolReference {
	return PoolReference{what, func(p nlb.InstancePool) bool { return p.ID == id }}
}

// OnePool finds the one pool of a zone that a reference means.
func OnePool(pools []nlb.InstancePool, ref PoolReference, zone string) (nlb.InstancePool, *Refusal) {
	var found []nlb.InstancePool
	var ids []string
	for _, pool := range pools {
		if ref.Is(pool) {
			found, ids = append(found, pool), append(ids, pool.ID)
		}
	}
	switch len(found) {
	case 0:
		return nlb.InstancePool{}, &Refusal{v1alpha1.ReasonNotFound, fmt.Sprintf("There is no instance pool %s in zone %s; check spec.target", ref.What, zone)}
	case 1:
		return found[0], nil
	default:
		return nlb.InstancePool{}, &Refusal{v1alpha1.ReasonAmbiguousInstancePool, fmt.Sprintf(
			"Several instance pools %s are in zone %s: %s; name one by its id in spec.target.instancePoolID", ref.What, zone, brief.List(ids))}
	}
}

// OneNodepool finds the one SKS nodepool of a zone that a reference means.
func OneNodepool(nodepools []nlb.SKSNodepool, ref v1alpha1.SKSNodepoolReference, zone string) (nlb.SKSNodepool, *Refusal) {
	var found []nlb.SKSNodepool
	for _, n := range nodepools {
		if (n.ClusterID == ref.Cluster || n.ClusterName == ref.Cluster) && (n.ID == ref.Nodepool || strings.EqualFold(n.Name, ref.Nodepool)) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return nlb.SKSNodepool{}, &Refusal{v1alpha1.ReasonNotFound, fmt.Sprintf(
			"There is no nodepool %q of an SKS cluster %q in zone %s; check spec.target.sksNodepool", ref.Nodepool, ref.Cluster, zone)}
	case 1:
		return found[0], nil
	default:
		return nlb.SKSNodepool{}, &Refusal{v1alpha1.ReasonAmbiguousInstancePool, fmt.Sprintf(
			"Several nodepools %q of an SKS cluster %q are in zone %s; name cluster and nodepool by their ids", ref.Nodepool, ref.Cluster, zone)}
	}
}

// Refusal says why the Nodes that a selector matches stand for no pool; nil if they stand
// for one.
func (i Inference) Refusal() *Refusal {
	message := "spec.target.nodeSelector: " + i.Message
	switch {
	case i.PoolID != "":
		return nil
	case i.Reason != v1alpha1.ReasonWaitingForVerification:
		message += "; select Nodes of one pool"
	}
	return &Refusal{i.Reason, message}
}

// Refusal says why nothing new may be forwarded to a pool with these members; nil if it
// may. A pool that a flag of the operator allows needs none (see NamesPool).
func (of Membership) Refusal(pool nlb.InstancePool) *Refusal {
	switch {
	case len(of.Nodes) > 0:
		return nil
	case of.Undecided:
		return &Refusal{v1alpha1.ReasonWaitingForVerification, fmt.Sprintf(
			"Waiting until it is verified that a Node is an instance of instance pool %q (%s)", pool.Name, pool.ID)}
	default:
		return &Refusal{v1alpha1.ReasonNotAllowedInstancePool, fmt.Sprintf(
			"Instance pool %q (%s) isn't this cluster's: none of its instances is a verified Node here (kubectl get nodeid), so nothing is forwarded to it. "+
				"Name a pool of this cluster's Nodes, wait until a Node of the pool has joined, or have whoever runs the operator add the pool to --allowed-pools",
			pool.Name, pool.ID)}
	}
}
