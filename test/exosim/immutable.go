package exosim

import (
	"maps"
	"slices"
	"time"
)

// What a zone holds is found by its id, and changed by way of a copy.

func (l *LoadBalancer) identity() string   { return l.ID }
func (p *InstancePool) identity() string   { return p.ID }
func (i *Instance) identity() string       { return i.ID }
func (c *SKSCluster) identity() string     { return c.ID }
func (g *SecurityGroup) identity() string  { return g.ID }
func (n *PrivateNetwork) identity() string { return n.ID }
func (t *InstanceType) identity() string   { return t.ID }
func (t *Template) identity() string       { return t.ID }

func (l *LoadBalancer) clone() *LoadBalancer {
	c := *l
	c.Labels = maps.Clone(l.Labels)
	c.Services = slices.Clone(l.Services)
	for i := range c.Services {
		c.Services[i].HealthStatus = slices.Clone(c.Services[i].HealthStatus)
	}
	return &c
}

func (p *InstancePool) clone() *InstancePool {
	c := *p
	c.Labels = maps.Clone(p.Labels)
	c.Instances = slices.Clone(p.Instances)
	c.SecurityGroups = slices.Clone(p.SecurityGroups)
	c.PrivateNetworks = slices.Clone(p.PrivateNetworks)
	return &c
}

func (i *Instance) clone() *Instance {
	c := *i
	c.Labels = maps.Clone(i.Labels)
	c.SecurityGroups = slices.Clone(i.SecurityGroups)
	c.PrivateNetworks = slices.Clone(i.PrivateNetworks)
	if i.Manager != nil {
		manager := *i.Manager
		c.Manager = &manager
	}
	return &c
}

func (c *SKSCluster) clone() *SKSCluster {
	d := *c
	d.Labels = maps.Clone(c.Labels)
	d.Addons = slices.Clone(c.Addons)
	d.Nodepools = slices.Clone(c.Nodepools)
	return &d
}

func (n *PrivateNetwork) clone() *PrivateNetwork {
	c := *n
	c.Labels = maps.Clone(n.Labels)
	c.Leases = slices.Clone(n.Leases)
	return &c
}

func (l *LoadBalancer) service(id string) (*Service, bool) {
	for i := range l.Services {
		if l.Services[i].ID == id {
			return &l.Services[i], true
		}
	}
	return nil, false
}

// created is a moment as the API shows it: in whole seconds of UTC.
func created(now time.Time) time.Time { return now.UTC().Truncate(time.Second) }
