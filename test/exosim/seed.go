package exosim

import (
	"maps"
	"time"
)

// seedZone fills a zone. It needs nobody else to know the Cloud yet.
func (c *Cloud) seedZone(z *zone, seed zoneSeed) {
	now := c.opts.Clock.Now()
	z.change(now, func(s *zoneState) {
		s.limits = maps.Clone(s.limits)
		maps.Copy(s.limits, seed.limits)
		for i := range seed.securityGroups {
			s.securityGroups = with(s.securityGroups, &seed.securityGroups[i])
		}
		for i := range seed.networks {
			s.privateNetworks = with(s.privateNetworks, &seed.networks[i])
		}
		c.seedInstances(s, seed, now)
		for _, cluster := range seed.clusters {
			addCluster(s, cluster, now)
		}
		for _, lb := range seed.loadBalancers {
			c.putLoadBalancer(s, lb, now)
		}
	})
}

// seedInstances adds the instances with given addresses first, so that none of
// these is given to another.
func (c *Cloud) seedInstances(s *zoneState, seed zoneSeed, now time.Time) {
	var instances []Instance
	for _, pool := range seed.pools {
		empty := pool.InstancePool
		empty.Size = 0
		c.addPool(s, empty, now)
		instances = append(instances, pool.instances...)
	}
	instances = append(instances, seed.instances...)
	for _, addressed := range []bool{true, false} {
		for _, instance := range instances {
			if (instance.PublicIP != "") == addressed {
				c.addInstance(s, instance, now)
			}
		}
	}
	for _, pool := range seed.pools {
		if pool.Size > 0 {
			c.scale(s, pool.ID, int(pool.Size), now)
		}
	}
}
