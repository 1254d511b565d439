package exosim

import (
	"fmt"
	"maps"
	"time"
)

// MutateLoadBalancer changes an NLB and its services at will, unchecked. The
// function given must not call the Cloud.
func (c *Cloud) MutateLoadBalancer(id string, edit func(*LoadBalancer)) {
	c.arrangeObject(aLoadBalancer, id, func(s *zoneState) { s.editLoadBalancer(id, edit) })
}

// DeleteLoadBalancer removes an NLB with its services.
func (c *Cloud) DeleteLoadBalancer(id string) {
	c.arrangeObject(aLoadBalancer, id, func(s *zoneState) { s.loadBalancers = without(s.loadBalancers, id) })
}

// MutatePool changes an instance pool at will. The function given must not call
// the Cloud.
func (c *Cloud) MutatePool(id string, edit func(*InstancePool)) {
	c.arrangeObject(aPool, id, func(s *zoneState) { s.editPool(id, edit) })
}

// DeletePool removes an instance pool with its instances, whether an NLB
// targets it or not.
func (c *Cloud) DeletePool(id string) {
	c.arrangeObject(aPool, id, func(s *zoneState) { s.dropPool(id) })
}

// ScalePool gives a pool as many instances as size says: new ones run at once,
// the last ones go.
func (c *Cloud) ScalePool(id string, size int) InstancePool {
	scaled, found := c.scaleNow(id, size)
	if !found {
		panic(fmt.Sprintf("exosim: there is no instance pool %q", id))
	}
	return scaled
}

func (c *Cloud) scaleNow(id string, size int) (scaled InstancePool, found bool) {
	found = c.tryArrange(aPool, id, func(s *zoneState, now time.Time) {
		c.scale(s, id, size, now)
		pool, _ := find(s.pools, id)
		scaled = *pool.clone()
	})
	return scaled, found
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
	c.arrangeObject(anInstance, id, func(s *zoneState) { s.editInstance(id, edit) })
}

// DeleteInstance removes an instance, also from its pool.
func (c *Cloud) DeleteInstance(id string) {
	c.arrangeObject(anInstance, id, removeInstance(id))
}

func removeInstance(id string) func(*zoneState) {
	return func(s *zoneState) {
		instance, _ := find(s.instances, id)
		s.dropInstances([]string{id})
		if instance.Manager != nil {
			s.resize(instance.Manager.ID)
		}
	}
}

// ReplaceInstance removes an instance of a pool, which makes a new one in its place,
// with another id, name and address, at the end of its list.
func (c *Cloud) ReplaceInstance(id string) Instance {
	fresh, found := c.replaceNow(id)
	if !found {
		panic(fmt.Sprintf("exosim: there is no instance %q of an instance pool", id))
	}
	return fresh
}

func (c *Cloud) replaceNow(id string) (fresh Instance, found bool) {
	c.tryArrange(anInstance, id, func(s *zoneState, now time.Time) {
		old, _ := find(s.instances, id)
		if old.Manager == nil {
			return
		}
		s.dropInstances([]string{id})
		pool, _ := find(s.pools, old.Manager.ID)
		made := c.newInstance(s, pool, now)
		s.join(made)
		fresh, found = *made.clone(), true
	})
	return fresh, found
}

// StopInstance stops an instance: it fails its health checks and gets no
// traffic.
func (c *Cloud) StopInstance(id string) {
	c.arrangeObject(anInstance, id, instanceState(id, StateStopped))
}

// StartInstance starts a stopped instance.
func (c *Cloud) StartInstance(id string) {
	c.arrangeObject(anInstance, id, instanceState(id, StateRunning))
}

// SetHealth says whether an instance may be healthy as a backend. One that may
// not fails the health checks of every service.
func (c *Cloud) SetHealth(instance string, healthy bool) {
	c.arrangeObject(anInstance, instance, setHealth(backendKey{instance: instance}, healthy))
}

// SetServiceHealth is SetHealth for the health checks of one service.
func (c *Cloud) SetServiceHealth(service, instance string, healthy bool) {
	c.arrangeObject(anInstance, instance, setHealth(backendKey{instance: instance, service: service}, healthy))
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

// kind is a kind of object that can be found by its id.
type kind struct {
	name string
	in   func(*zoneState, string) bool
}

var (
	aLoadBalancer = kind{"load balancer", func(s *zoneState, id string) bool { return holds(s.loadBalancers, id) }}
	aPool         = kind{"instance pool", func(s *zoneState, id string) bool { return holds(s.pools, id) }}
	anInstance    = kind{"instance", func(s *zoneState, id string) bool { return holds(s.instances, id) }}
)

func holds[T identified](list []T, id string) bool {
	_, found := find(list, id)
	return found
}

// arrangeObject changes the zone of an object at once. It panics if there is no
// such object.
func (c *Cloud) arrangeObject(of kind, id string, edit func(*zoneState)) {
	if !c.tryArrange(of, id, func(s *zoneState, _ time.Time) { edit(s) }) {
		panic(fmt.Sprintf("exosim: there is no %s %q", of.name, id))
	}
}

// tryArrange changes the zone of an object at once, if it exists.
func (c *Cloud) tryArrange(of kind, id string, edit func(*zoneState, time.Time)) (found bool) {
	defer c.syncPlane()
	return c.lookAt(of, id, func(z *zone, now time.Time) {
		z.change(now, func(s *zoneState) { edit(s, now) })
	})
}

// lookAt runs f on the zone of an object, if it exists.
func (c *Cloud) lookAt(of kind, id string, f func(z *zone, now time.Time)) (found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.opts.Clock.Now()
	c.settle(now)
	for _, name := range c.order {
		if z := c.zones[name]; of.in(z.state, id) {
			f(z, now)
			return true
		}
	}
	return false
}
