package exosim

import (
	"cmp"
	"fmt"
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
	orDefault(&instance.SecureBoot, new(bool))
	orDefault(&instance.TPM, new(bool))
	orDefault(&instance.CreatedAt, created(now))
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
	var added SKSCluster
	c.look(zoneName, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { added = s.showCluster(addCluster(s, cluster, now)) })
	})
	return added
}

func addCluster(s *zoneState, given SKSCluster, now time.Time) *SKSCluster {
	cluster := given.clone()
	orDefault(&cluster.ID, uuid.NewString())
	orDefault(&cluster.State, StateRunning)
	orDefault(&cluster.Version, "1.36.3")
	orDefault(&cluster.Level, "pro")
	orDefault(&cluster.CreatedAt, created(now))
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
		orDefault(&n.CreatedAt, created(now))
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
	orDefault(&lb.CreatedAt, created(now))
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

func orDefault[T comparable](field *T, preset T) {
	*field = cmp.Or(*field, preset)
}
