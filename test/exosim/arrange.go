package exosim

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
)

// AddPool adds an instance pool with as many running instances as its Size says.
// What is left out has defaults: id, prefix ("pool"), state, instance type,
// template, disk size. Instances that it lists already have to exist.
func (c *Cloud) AddPool(zoneName string, pool InstancePool) InstancePool {
	var added *InstancePool
	c.look(zoneName, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { added = c.addPool(s, pool, now) })
	})
	c.syncPlane()
	return *added.clone()
}

func (c *Cloud) addPool(s *zoneState, given InstancePool, now time.Time) *InstancePool {
	pool := given.clone()
	orDefault(&pool.ID, uuid.NewString())
	orDefault(&pool.InstancePrefix, "pool")
	orDefault(&pool.State, StateRunning)
	orDefault(&pool.InstanceType.ID, DefaultInstanceType)
	orDefault(&pool.Template.ID, DefaultTemplate)
	orDefault(&pool.DiskSize, 50)
	orDefault(&pool.PublicIPAssignment, "inet4")
	if pool.Instances == nil {
		pool.Instances = []Ref{}
	}
	size := pool.Size
	s.pools = with(s.pools, pool)
	for range size - int64(len(pool.Instances)) {
		s.join(c.newInstance(s, pool, now))
	}
	s.resize(pool.ID)
	pool, _ = find(s.pools, pool.ID)
	return pool
}

// AddInstance adds a running instance, to the pool that is its Manager if it
// has one. What is left out has defaults: id, name, address, type, template.
func (c *Cloud) AddInstance(zoneName string, instance Instance) Instance {
	var added *Instance
	c.look(zoneName, func(z *zone, now time.Time) {
		if manager := instance.Manager; manager != nil {
			if _, found := find(z.state.pools, manager.ID); !found {
				panic(fmt.Sprintf("exosim: there is no instance pool %q in %s", manager.ID, z.name))
			}
		}
		z.change(now, func(s *zoneState) { added = c.addInstance(s, instance, now) })
	})
	c.syncPlane()
	return *added.clone()
}

func (c *Cloud) addInstance(s *zoneState, given Instance, now time.Time) *Instance {
	instance := given.clone()
	prefix := "instance"
	if instance.Manager != nil {
		orDefault(&instance.Manager.Type, managerPool)
		if pool, found := find(s.pools, instance.Manager.ID); found {
			prefix = pool.InstancePrefix
		}
	}
	orDefault(&instance.ID, uuid.NewString())
	orDefault(&instance.State, StateRunning)
	orDefault(&instance.Template.ID, DefaultTemplate)
	orDefault(&instance.InstanceType.ID, DefaultInstanceType)
	orDefault(&instance.DiskSize, 50)
	orDefault(&instance.CreatedAt, now.UTC())
	orDefault(&instance.PublicIPAssignment, "inet4")
	instance.InstanceType = s.instanceType(instance.InstanceType.ID)
	if instance.Name == "" {
		instance.Name = s.newInstanceName(prefix)
	}
	if instance.PublicIP == "" && instance.PublicIPAssignment != "none" {
		instance.PublicIP = c.newInstanceIP(s)
	}
	s.join(instance)
	if instance.Manager != nil {
		s.resize(instance.Manager.ID)
	}
	return instance
}

// AddCluster adds an SKS cluster; its nodepools take over the management of the
// instance pools that they name.
func (c *Cloud) AddCluster(zoneName string, cluster SKSCluster) SKSCluster {
	var added *SKSCluster
	c.look(zoneName, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { added = addCluster(s, cluster, now) })
	})
	return *added.clone()
}

func addCluster(s *zoneState, given SKSCluster, now time.Time) *SKSCluster {
	cluster := given.clone()
	orDefault(&cluster.ID, uuid.NewString())
	orDefault(&cluster.State, StateRunning)
	orDefault(&cluster.Version, "1.36.3")
	orDefault(&cluster.Level, "pro")
	orDefault(&cluster.CreatedAt, now.UTC())
	if cluster.Addons == nil {
		cluster.Addons = []string{}
	}
	if cluster.Nodepools == nil {
		cluster.Nodepools = []SKSNodepool{}
	}
	for i := range cluster.Nodepools {
		n := &cluster.Nodepools[i]
		pool, found := find(s.pools, n.InstancePool.ID)
		if !found {
			panic(fmt.Sprintf("exosim: there is no instance pool %q for nodepool %q", n.InstancePool.ID, n.Name))
		}
		orDefault(&n.ID, uuid.NewString())
		orDefault(&n.State, StateRunning)
		orDefault(&n.Version, cluster.Version)
		orDefault(&n.InstancePrefix, pool.InstancePrefix)
		orDefault(&n.InstanceType, pool.InstanceType)
		orDefault(&n.Template, pool.Template)
		orDefault(&n.DiskSize, pool.DiskSize)
		orDefault(&n.CreatedAt, now.UTC())
		n.Size = int64(len(pool.Instances))
		s.editPool(pool.ID, func(p *InstancePool) { p.Manager = &Manager{ID: n.ID, Type: managerNodepool} })
	}
	s.clusters = with(s.clusters, cluster)
	return cluster
}

// AddSecurityGroup adds a security group, private unless its Visibility says
// otherwise.
func (c *Cloud) AddSecurityGroup(zone string, group SecurityGroup) SecurityGroup {
	orDefault(&group.ID, uuid.NewString())
	orDefault(&group.Visibility, "private")
	c.arrange(zone, func(s *zoneState) { s.securityGroups = with(s.securityGroups, &group) })
	return group
}

// AddPrivateNetwork adds a private network.
func (c *Cloud) AddPrivateNetwork(zone string, network PrivateNetwork) PrivateNetwork {
	orDefault(&network.ID, uuid.NewString())
	c.arrange(zone, func(s *zoneState) { s.privateNetworks = with(s.privateNetworks, &network) })
	return network
}

// PutLoadBalancer adds an NLB, or replaces the one of its id, unchecked. What is
// left out has defaults: id, state (running), address, and the like of its
// services.
func (c *Cloud) PutLoadBalancer(zoneName string, lb LoadBalancer) LoadBalancer {
	var put *LoadBalancer
	c.look(zoneName, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { put = c.putLoadBalancer(s, lb, now) })
	})
	c.syncPlane()
	return *put.clone()
}

func (c *Cloud) putLoadBalancer(s *zoneState, given LoadBalancer, now time.Time) *LoadBalancer {
	lb := given.clone()
	orDefault(&lb.ID, uuid.NewString())
	orDefault(&lb.State, StateRunning)
	orDefault(&lb.CreatedAt, now.UTC())
	if lb.IP == "" && lb.State == StateRunning && !c.addressless {
		lb.IP = c.newLoadBalancerIP()
	}
	if lb.Services == nil {
		lb.Services = []Service{}
	}
	for i := range lb.Services {
		service := &lb.Services[i]
		orDefault(&service.ID, uuid.NewString())
		orDefault(&service.State, StateRunning)
		orDefault(&service.Protocol, "tcp")
		orDefault(&service.Strategy, "round-robin")
		orDefault(&service.TargetPort, service.Port)
		check := &service.HealthCheck
		orDefault(&check.Mode, "tcp")
		orDefault(&check.Port, service.TargetPort)
		orDefault(&check.Interval, 10)
		orDefault(&check.Timeout, 2)
		orDefault(&check.Retries, 1)
	}
	s.loadBalancers = with(s.loadBalancers, lb)
	return lb
}

// MutateLoadBalancer changes an NLB and its services at will, unchecked. The
// function given must not call the Cloud.
func (c *Cloud) MutateLoadBalancer(id string, edit func(*LoadBalancer)) {
	c.arrangeObject(id, func(s *zoneState) { s.editLoadBalancer(id, edit) })
}

// DeleteLoadBalancer removes an NLB with its services.
func (c *Cloud) DeleteLoadBalancer(id string) {
	c.arrangeObject(id, func(s *zoneState) { s.loadBalancers = without(s.loadBalancers, id) })
}

// MutatePool changes an instance pool at will. The function given must not call
// the Cloud.
func (c *Cloud) MutatePool(id string, edit func(*InstancePool)) {
	c.arrangeObject(id, func(s *zoneState) { s.editPool(id, edit) })
}

// DeletePool removes an instance pool with its instances, whether an NLB
// targets it or not.
func (c *Cloud) DeletePool(id string) {
	c.arrangeObject(id, func(s *zoneState) { s.dropPool(id) })
}

// ScalePool gives a pool as many instances as size says: new ones run at once,
// the last ones go.
func (c *Cloud) ScalePool(id string, size int) InstancePool {
	c.arrangeObjectAt(id, func(s *zoneState, now time.Time) { c.scale(s, id, size, now) })
	var scaled InstancePool
	c.lookAt(id, func(z *zone, _ time.Time) {
		pool, _ := find(z.state.pools, id)
		scaled = *pool.clone()
	})
	return scaled
}

func (c *Cloud) scale(s *zoneState, id string, size int, now time.Time) {
	pool, found := find(s.pools, id)
	if !found {
		return
	}
	var gone []string
	for _, ref := range pool.Instances[min(size, len(pool.Instances)):] {
		gone = append(gone, ref.ID)
	}
	s.dropInstances(gone)
	for range size - len(pool.Instances) {
		s.join(c.newInstance(s, pool, now))
	}
	s.resize(id)
}

// MutateInstance changes an instance at will. The function given must not call
// the Cloud.
func (c *Cloud) MutateInstance(id string, edit func(*Instance)) {
	c.arrangeObject(id, func(s *zoneState) { s.editInstance(id, edit) })
}

// DeleteInstance removes an instance, also from its pool.
func (c *Cloud) DeleteInstance(id string) {
	c.arrangeObject(id, func(s *zoneState) {
		instance, _ := find(s.instances, id)
		s.dropInstances([]string{id})
		if instance.Manager != nil {
			s.resize(instance.Manager.ID)
		}
	})
}

// StopInstance stops an instance: it fails its health checks and gets no
// traffic.
func (c *Cloud) StopInstance(id string) { c.arrangeObject(id, instanceState(id, StateStopped)) }

// StartInstance starts a stopped instance.
func (c *Cloud) StartInstance(id string) { c.arrangeObject(id, instanceState(id, StateRunning)) }

// SetHealth says whether an instance may be healthy as a backend. One that may
// not fails the health checks of every service.
func (c *Cloud) SetHealth(instance string, healthy bool) {
	c.arrangeObject(instance, setHealth(backendKey{instance: instance}, healthy))
}

// SetServiceHealth is SetHealth for the health checks of one service.
func (c *Cloud) SetServiceHealth(service, instance string, healthy bool) {
	c.arrangeObject(instance, setHealth(backendKey{instance: instance, service: service}, healthy))
}

func setHealth(key backendKey, healthy bool) func(*zoneState) {
	return func(s *zoneState) {
		s.unhealthy = maps.Clone(s.unhealthy)
		if s.unhealthy == nil {
			s.unhealthy = map[backendKey]bool{}
		}
		if healthy {
			delete(s.unhealthy, key)
		} else {
			s.unhealthy[key] = true
		}
	}
}

// SetQuota limits how many of a resource (network-load-balancer, instance) a
// zone may have; -1 is unlimited, and the default.
func (c *Cloud) SetQuota(zone, resource string, limit int64) {
	c.arrange(zone, func(s *zoneState) {
		if _, known := s.limits[resource]; !known {
			panic(fmt.Sprintf("exosim: there is no quota of %q", resource))
		}
		s.limits = maps.Clone(s.limits)
		s.limits[resource] = limit
	})
}

// AddKey adds an API key, or changes the one of that name.
func (c *Cloud) AddKey(key Key) { c.keys.put(key) }

// RevokeKey makes an API key unknown.
func (c *Cloud) RevokeKey(name string) { c.keys.revoke(name) }

// arrangeObject changes the zone of an object at once.
func (c *Cloud) arrangeObject(id string, edit func(*zoneState)) {
	c.arrangeObjectAt(id, func(s *zoneState, _ time.Time) { edit(s) })
}

func (c *Cloud) arrangeObjectAt(id string, edit func(*zoneState, time.Time)) {
	c.lookAt(id, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { edit(s, now) })
	})
	c.syncPlane()
}

// lookAt runs f on the zone of an object.
func (c *Cloud) lookAt(id string, f func(z *zone, now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opts.Clock.Now()
	c.settle(now)
	z, found := c.zoneOf(id)
	if !found {
		panic(fmt.Sprintf("exosim: there is no object %q", id))
	}
	f(z, now)
}

// zoneOf needs the mutex.
func (c *Cloud) zoneOf(id string) (*zone, bool) {
	for _, name := range c.order {
		if c.zones[name].state.holds(id) {
			return c.zones[name], true
		}
	}
	return nil, false
}

// holds tells whether an NLB, pool, instance or cluster has that id.
func (s *zoneState) holds(id string) bool {
	_, lb := find(s.loadBalancers, id)
	_, pool := find(s.pools, id)
	_, instance := find(s.instances, id)
	_, cluster := find(s.clusters, id)
	return lb || pool || instance || cluster
}

func orDefault[T comparable](field *T, preset T) {
	*field = cmp.Or(*field, preset)
}
