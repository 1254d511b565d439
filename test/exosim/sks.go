package exosim

import (
	"net/http"
	"slices"
)

const kindCluster = "sks-cluster"

func listClusters(r *request) (any, error) {
	return map[string]any{"sks-clusters": r.state.showClusters()}, nil
}

func getCluster(r *request) (any, error) {
	cluster, err := r.cluster()
	if err != nil {
		return nil, err
	}
	return r.state.showCluster(cluster), nil
}

func (s *zoneState) showClusters() []SKSCluster {
	shown := []SKSCluster{}
	for _, cluster := range s.clusters {
		shown = append(shown, s.showCluster(cluster))
	}
	return shown
}

// showCluster is a copy whose nodepools are as large as their instance pools,
// and scaling if those are.
func (s *zoneState) showCluster(cluster *SKSCluster) SKSCluster {
	shown := cluster.clone()
	for i := range shown.Nodepools {
		n := &shown.Nodepools[i]
		pool, found := find(s.pools, n.InstancePool.ID)
		if !found {
			continue
		}
		n.Size = pool.Size
		if n.State == StateRunning && (pool.State == StateScalingUp || pool.State == StateScalingDown) {
			n.State = StateScaling
		}
	}
	return *shown
}

func (r *request) cluster() (*SKSCluster, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	cluster, found := find(r.state.clusters, id)
	if !found {
		return nil, notFound("SKS cluster", id)
	}
	return cluster, nil
}

func getNodepool(r *request) (any, error) { return r.nodepool() }

func (r *request) nodepool() (*SKSNodepool, error) {
	found, err := r.cluster()
	if err != nil {
		return nil, err
	}
	cluster := r.state.showCluster(found)
	id, err := r.id("sks-nodepool-id")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(cluster.Nodepools, func(n SKSNodepool) bool { return n.ID == id })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "SKS cluster %s has no nodepool %s", cluster.ID, id)
	}
	return &cluster.Nodepools[i], nil
}

// nodepoolPool is the instance pool of the nodepool that the path names, and the
// operation that changes it.
func (r *request) nodepoolPool() (*InstancePool, change, error) {
	nodepool, err := r.nodepool()
	if err != nil {
		return nil, change{}, err
	}
	pool, found := find(r.state.pools, nodepool.InstancePool.ID)
	if !found {
		return nil, change{}, notFound("instance pool", nodepool.InstancePool.ID)
	}
	if err := r.refuseIfBusy(kindCluster, r.params["id"]); err != nil {
		return nil, change{}, err
	}
	return pool, change{kind: kindCluster, target: r.params["id"]}, nil
}

func scaleNodepool(r *request) (any, error) {
	size, err := r.readSize()
	if err != nil {
		return nil, err
	}
	pool, op, err := r.nodepoolPool()
	if err != nil {
		return nil, err
	}
	return r.startScale(pool, size, op)
}

func evictFromNodepool(r *request) (any, error) {
	ids, err := r.readMembers()
	if err != nil {
		return nil, err
	}
	pool, op, err := r.nodepoolPool()
	if err != nil {
		return nil, err
	}
	return r.startEvict(pool, ids, op)
}
