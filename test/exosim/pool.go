package exosim

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const kindPool = "instance-pool"

// Types of a Manager.
const (
	managerPool     = "instance-pool"
	managerNodepool = "sks-nodepool"
)

func listPools(r *request) (any, error) {
	pools := slices.Clone(r.state.pools)
	if pools == nil {
		pools = []*InstancePool{}
	}
	return map[string]any{"instance-pools": pools}, nil
}

func getPool(r *request) (any, error) {
	return r.pool()
}

func scalePool(r *request) (any, error) {
	size, err := r.readSize()
	if err != nil {
		return nil, err
	}
	pool, err := r.changeablePool()
	if err != nil {
		return nil, err
	}
	if err := unmanaged(pool); err != nil {
		return nil, err
	}
	return r.startScale(pool, size, change{kind: kindPool, target: pool.ID})
}

func evictFromPool(r *request) (any, error) {
	ids, err := r.readMembers()
	if err != nil {
		return nil, err
	}
	pool, err := r.changeablePool()
	if err != nil {
		return nil, err
	}
	if err := unmanaged(pool); err != nil {
		return nil, err
	}
	return r.startEvict(pool, ids, change{kind: kindPool, target: pool.ID})
}

func deletePool(r *request) (any, error) {
	pool, err := r.changeablePool()
	if err != nil {
		return nil, err
	}
	if err := unmanaged(pool); err != nil {
		return nil, err
	}
	if lb, targeted := r.state.targets(pool.ID); targeted {
		return nil, conflict("instance pool %s is the target of load balancer %q (%s)", pool.ID, lb.Name, lb.ID)
	}
	return r.start(change{
		kind: kindPool, target: pool.ID,
		begin: func(s *zoneState) {
			s.editPool(pool.ID, func(p *InstancePool) { p.State = StateDestroying })
		},
		finish: func(s *zoneState) { s.dropPool(pool.ID) },
		revert: poolState(pool.ID, pool.State),
	})
}

func (r *request) readSize() (int64, error) {
	var size *int64
	err := r.read(func(body *object) { size = body.number("size", true, 0, 1000) })
	return value(size), err
}

func (r *request) readMembers() ([]string, error) {
	var ids []string
	err := r.read(func(body *object) { ids = body.texts("instances", true) })
	return ids, err
}

// startScale starts an operation that scales a pool. New instances are there at
// once, starting; those that have to go are stopping until it ends.
func (r *request) startScale(pool *InstancePool, size int64, op change) (Operation, error) {
	now := int64(len(pool.Instances))
	if size < now {
		var last []string
		for _, ref := range pool.Instances[size:] {
			last = append(last, ref.ID)
		}
		return r.startEvict(pool, last, op)
	}
	if q := r.state.quota(quotaInstances); q.Limit >= 0 && q.Usage+size-now > q.Limit {
		return Operation{}, overQuota(q)
	}
	var fresh []string
	op.begin = func(s *zoneState) {
		for range size - now {
			instance := r.cloud.newInstance(s, pool, r.now)
			instance.State = StateStarting
			fresh = append(fresh, instance.ID)
			s.join(instance)
		}
		s.editPool(pool.ID, func(p *InstancePool) { p.State, p.Size = StateScalingUp, size })
	}
	op.finish = func(s *zoneState) {
		for _, id := range fresh {
			s.editInstance(id, func(i *Instance) { i.State = StateRunning })
		}
		poolState(pool.ID, StateRunning)(s)
	}
	op.revert = func(s *zoneState) {
		s.dropInstances(fresh)
		s.resize(pool.ID)
		poolState(pool.ID, pool.State)(s)
	}
	return r.start(op)
}

// startEvict starts an operation that removes instances from a pool and deletes
// them.
func (r *request) startEvict(pool *InstancePool, ids []string, op change) (Operation, error) {
	for _, id := range ids {
		if !slices.Contains(pool.Instances, Ref{ID: id}) {
			return Operation{}, refuse(http.StatusBadRequest, "instances: %q isn't in instance pool %s", id, pool.ID)
		}
	}
	op.begin = func(s *zoneState) {
		for _, id := range ids {
			s.editInstance(id, func(i *Instance) { i.State = StateStopping })
		}
		s.editPool(pool.ID, func(p *InstancePool) {
			p.State, p.Size = StateScalingDown, int64(len(p.Instances)-len(ids))
		})
	}
	op.finish = func(s *zoneState) {
		s.dropInstances(ids)
		s.resize(pool.ID)
		poolState(pool.ID, StateRunning)(s)
	}
	op.revert = func(s *zoneState) {
		for _, id := range ids {
			s.editInstance(id, func(i *Instance) { i.State = StateRunning })
		}
		s.resize(pool.ID)
		poolState(pool.ID, pool.State)(s)
	}
	return r.start(op)
}

// pool is the pool that the path names.
func (r *request) pool() (*InstancePool, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	pool, found := find(r.state.pools, id)
	if !found {
		return nil, notFound("instance pool", id)
	}
	return pool, nil
}

func (r *request) changeablePool() (*InstancePool, error) {
	pool, err := r.pool()
	if err != nil {
		return nil, err
	}
	return pool, r.refuseIfBusy(kindPool, pool.ID)
}

// unmanaged refuses to change a pool that a nodepool manages.
func unmanaged(pool *InstancePool) error {
	if pool.Manager != nil {
		return conflict("instance pool %s is managed by %s %s: change that", pool.ID, pool.Manager.Type, pool.Manager.ID)
	}
	return nil
}

func poolState(id, state string) func(*zoneState) {
	return func(s *zoneState) { s.editPool(id, func(p *InstancePool) { p.State = state }) }
}

// join adds an instance to the zone and to the pool that manages it. In managed
// networks it leases addresses.
func (s *zoneState) join(instance *Instance) {
	s.instances = with(s.instances, instance)
	for _, network := range instance.PrivateNetworks {
		s.lease(network.ID, instance.ID, "")
	}
	if instance.Manager == nil {
		return
	}
	s.editPool(instance.Manager.ID, func(p *InstancePool) { p.Instances = append(p.Instances, Ref{ID: instance.ID}) })
}

// dropInstances removes instances from the zone and their pools.
func (s *zoneState) dropInstances(ids []string) {
	for _, id := range ids {
		if instance, found := find(s.instances, id); found && instance.Manager != nil {
			s.editPool(instance.Manager.ID, func(p *InstancePool) {
				p.Instances = slices.DeleteFunc(p.Instances, func(ref Ref) bool { return ref.ID == id })
			})
		}
		s.instances = without(s.instances, id)
		s.setReverseDNS(id, "")
		s.endLeases(id, "")
	}
}

// resize makes the size of a pool the number of its instances.
func (s *zoneState) resize(pool string) {
	s.editPool(pool, func(p *InstancePool) { p.Size = int64(len(p.Instances)) })
}

// dropPool removes a pool and its instances.
func (s *zoneState) dropPool(id string) {
	pool, found := find(s.pools, id)
	if !found {
		return
	}
	var ids []string
	for _, ref := range pool.Instances {
		ids = append(ids, ref.ID)
	}
	s.dropInstances(ids)
	s.pools = without(s.pools, id)
}

// newInstance is a running instance as the pool makes them, not yet in it.
func (c *Cloud) newInstance(s *zoneState, pool *InstancePool, now time.Time) *Instance {
	instance := &Instance{
		ID:       uuid.NewString(),
		Name:     s.newInstanceName(pool.InstancePrefix),
		State:    StateRunning,
		PublicIP: c.newInstanceIP(s),
		Manager:  &Manager{ID: pool.ID, Type: managerPool},
		Labels:   pool.Labels, SecurityGroups: pool.SecurityGroups,
		InstanceType: s.instanceType(pool.InstanceType.ID), Template: pool.Template, DiskSize: pool.DiskSize,
		PublicIPAssignment: pool.PublicIPAssignment,
		SecureBoot:         new(bool), TPM: new(bool),
		CreatedAt: created(now),
	}
	for _, network := range pool.PrivateNetworks {
		instance.PrivateNetworks = append(instance.PrivateNetworks, InstancePrivateNetwork{ID: network.ID})
	}
	return instance
}

// newInstanceName is the prefix with five characters that make it unique in the
// zone.
func (s *zoneState) newInstanceName(prefix string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for {
		var name strings.Builder
		name.WriteString(prefix + "-")
		for range 5 {
			name.WriteByte(letters[rand.IntN(len(letters))]) //nolint:gosec // no secret
		}
		if !slices.ContainsFunc(s.instances, func(i *Instance) bool { return i.Name == name.String() }) {
			return name.String()
		}
	}
}
