package exosim

import (
	"fmt"
	"time"
)

// State is everything that the cloud holds, as the API would show it.
type State struct {
	Zones []ZoneState `json:"zones"`
	// Operations are those that haven't ended.
	Operations []Operation `json:"operations"`
	Keys       []KeyState  `json:"keys"`
	// OtherOrganizations are the zones in which other organizations have asked for
	// anything, named like "acme/ch-gva-2".
	OtherOrganizations []ZoneState `json:"other-organizations,omitempty"`
	// DataPlaneError is what the data plane couldn't do at the last change, such
	// as to listen at a port below 1024 without the right to.
	DataPlaneError string `json:"data-plane-error,omitempty"`
}

// ZoneState is everything that a zone holds.
type ZoneState struct {
	Name            string           `json:"name"`
	LoadBalancers   []LoadBalancer   `json:"load-balancers"`
	InstancePools   []InstancePool   `json:"instance-pools"`
	Instances       []Instance       `json:"instances"`
	SKSClusters     []SKSCluster     `json:"sks-clusters"`
	SecurityGroups  []SecurityGroup  `json:"security-groups"`
	PrivateNetworks []PrivateNetwork `json:"private-networks"`
	Quotas          []Quota          `json:"quotas"`
}

// KeyState is a Key without its secret; Operations nil means any.
type KeyState struct {
	Key          string   `json:"key"`
	Operations   []string `json:"operations,omitempty"`
	Organization string   `json:"organization,omitempty"`
}

// Snapshot is a copy of everything that the cloud holds now.
func (c *Cloud) Snapshot() State {
	var state State
	for _, name := range c.order {
		c.look(name, func(z *zone, _ time.Time) { state.Zones = append(state.Zones, c.showZone(z)) })
	}
	state.OtherOrganizations = c.showOthers()
	state.Operations = c.PendingOperations()
	state.DataPlaneError = c.plane.trouble()
	for _, key := range c.keys.all() {
		state.Keys = append(state.Keys, KeyState{Key: key.Key, Operations: key.Operations, Organization: key.Organization})
	}
	return state
}

// Zone is a copy of everything that a zone holds now.
func (c *Cloud) Zone(name string) ZoneState {
	var state ZoneState
	c.look(name, func(z *zone, _ time.Time) { state = c.showZone(z) })
	return state
}

func (c *Cloud) showZone(z *zone) ZoneState {
	s := z.state
	shown := ZoneState{
		Name:            z.name,
		LoadBalancers:   []LoadBalancer{},
		InstancePools:   copies(s.pools),
		Instances:       copies(s.instances),
		SKSClusters:     s.showClusters(),
		SecurityGroups:  []SecurityGroup{},
		PrivateNetworks: copies(s.privateNetworks),
		Quotas:          []Quota{s.quota(quotaInstances), s.quota(quotaLoadBalancers)},
	}
	for _, lb := range s.loadBalancers {
		shown.LoadBalancers = append(shown.LoadBalancers, c.show(s, lb))
	}
	for _, group := range s.securityGroups {
		shown.SecurityGroups = append(shown.SecurityGroups, *group)
	}
	return shown
}

func copies[E any, T clonable[E]](list []T) []E {
	all := make([]E, 0, len(list))
	for _, item := range list {
		all = append(all, *item.clone())
	}
	return all
}

// LoadBalancers are the NLBs of a zone now.
func (c *Cloud) LoadBalancers(zone string) []LoadBalancer { return c.Zone(zone).LoadBalancers }

// LoadBalancer is the NLB of that id now, in whatever zone.
func (c *Cloud) LoadBalancer(id string) (lb LoadBalancer, found bool) {
	found = c.lookAt(aLoadBalancer, id, func(z *zone, _ time.Time) {
		got, _ := find(z.state.loadBalancers, id)
		lb = c.show(z.state, got)
	})
	return lb, found
}

// Pool is the instance pool of that id now, in whatever zone.
func (c *Cloud) Pool(id string) (pool InstancePool, found bool) {
	found = c.lookAt(aPool, id, func(z *zone, _ time.Time) {
		got, _ := find(z.state.pools, id)
		pool = *got.clone()
	})
	return pool, found
}

// Members are the instances of a pool now.
func (c *Cloud) Members(pool string) []Instance {
	var members []Instance
	if !c.lookAt(aPool, pool, func(z *zone, _ time.Time) { members = copies(z.state.members(pool)) }) {
		panic(fmt.Sprintf("exosim: there is no instance pool %q", pool))
	}
	return members
}

// PendingOperations are the operations that haven't ended, or have yet to take
// effect.
func (c *Cloud) PendingOperations() []Operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.opts.Clock.Now())
	pending := []Operation{}
	for _, op := range c.operations.pending {
		pending = append(pending, op.Operation)
	}
	return pending
}
