package identity

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// index is the fleet by what is looked for.
type index struct {
	instances map[string]*nlb.Instance          // by id
	pools     map[string]*nlb.InstancePool      // by id
	listedIn  map[string]*nlb.InstancePool      // by the id of an instance that the pool names
	claims    map[string][]*corev1.Node         // by instance id, the oldest first
	bound     map[string]*v1alpha1.NodeIdentity // by instance id, without the refused
	named     map[string]*v1alpha1.NodeIdentity // by name
	given     map[string]bool                   // names of NodeIdentities to be made
	concerned map[string]bool                   // the ids of the instances of concern
	bearers   map[string][]*nlb.Instance        // by lower-case name, those of concern
	former    map[string]*corev1.Node           // by the instance id that the Node was verified as
	was       map[string]string                 // the reverse: the instance id, by the name of the Node
	types     map[string]string                 // by id
	networks  map[string]*nlb.PrivateNetwork    // by id
	leases    map[netip.Addr][]lease            // by address, in order
	users     map[netip.Addr][]*corev1.Node     // by an address that they say they have, the oldest first
	keepers   map[netip.Addr]string             // the instance id of the verified Node, by its address
}

// lease of an address to an instance, in a private network.
type lease struct{ network, instance string }

type binder struct {
	Fleet
	index
}

func indexOf(f Fleet) index {
	x := index{
		instances: map[string]*nlb.Instance{}, given: map[string]bool{}, bearers: map[string][]*nlb.Instance{},
		types: map[string]string{},
	}
	for i := range f.Instances {
		// Any other id couldn't be that of a NodeIdentity.
		if id := strings.ToLower(f.Instances[i].ID); instanceID.MatchString(id) {
			x.instances[id] = &f.Instances[i]
		}
	}
	for _, t := range f.Types {
		x.types[t.ID] = t.String()
	}
	x.indexNetworks(f.Networks)
	x.indexPools(f.Pools)
	x.indexNodes(f.Nodes)
	x.indexKnown(f)
	x.concerned = binder{Fleet: f, index: x}.concerns()
	for _, id := range slices.Sorted(maps.Keys(x.concerned)) {
		if instance := x.instances[id]; instance != nil {
			name := strings.ToLower(instance.Name)
			x.bearers[name] = append(x.bearers[name], instance)
		}
	}
	return x
}

func (x *index) indexPools(pools []nlb.InstancePool) {
	x.pools, x.listedIn = map[string]*nlb.InstancePool{}, map[string]*nlb.InstancePool{}
	for i := range pools {
		pool := &pools[i]
		x.pools[pool.ID] = pool
		for _, member := range pool.InstanceIDs {
			member = strings.ToLower(member)
			if other := x.listedIn[member]; other == nil || pool.ID < other.ID {
				x.listedIn[member] = pool
			}
		}
	}
}

func (x *index) indexNetworks(networks []nlb.PrivateNetwork) {
	x.networks, x.leases = map[string]*nlb.PrivateNetwork{}, map[netip.Addr][]lease{}
	for i := range networks {
		network := &networks[i]
		x.networks[network.ID] = network
		for id, address := range network.Leases {
			if ip, valid := addressOf(address); valid {
				x.leases[ip] = append(x.leases[ip], lease{network: network.ID, instance: id})
			}
		}
	}
	for _, leases := range x.leases {
		slices.SortFunc(leases, func(a, b lease) int {
			return cmp.Or(strings.Compare(a.instance, b.instance), strings.Compare(a.network, b.network))
		})
	}
}

func (x *index) indexNodes(nodes []corev1.Node) {
	x.claims, x.users = map[string][]*corev1.Node{}, map[netip.Addr][]*corev1.Node{}
	byAge := make([]*corev1.Node, len(nodes))
	for i := range nodes {
		byAge[i] = &nodes[i]
	}
	slices.SortFunc(byAge, func(a, b *corev1.Node) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	for _, node := range byAge {
		if id := NodeInstanceID(node); id != "" {
			x.claims[id] = append(x.claims[id], node)
		}
		for _, address := range saidAddresses(node) {
			x.users[address] = append(x.users[address], node)
		}
	}
}

// indexKnown indexes the NodeIdentities. Of several for one instance the one that
// was verified counts, else the oldest.
func (x *index) indexKnown(f Fleet) {
	x.bound, x.named = map[string]*v1alpha1.NodeIdentity{}, map[string]*v1alpha1.NodeIdentity{}
	x.former, x.was, x.keepers = map[string]*corev1.Node{}, map[string]string{}, map[netip.Addr]string{}
	byStanding := make([]*v1alpha1.NodeIdentity, len(f.Known))
	for i := range f.Known {
		byStanding[i] = &f.Known[i]
		x.named[f.Known[i].Name] = &f.Known[i]
	}
	standing := func(known *v1alpha1.NodeIdentity) int {
		if wasVerified(known) {
			return 0
		}
		return 1
	}
	slices.SortFunc(byStanding, func(a, b *v1alpha1.NodeIdentity) int {
		return cmp.Or(cmp.Compare(standing(a), standing(b)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	nodes := map[string]*corev1.Node{}
	for i := range f.Nodes {
		nodes[f.Nodes[i].Name] = &f.Nodes[i]
	}
	for _, known := range byStanding {
		id, zone := known.Spec.InstanceID, known.Spec.Zone
		unread, instance := slices.Contains(f.Unread, zone), x.instances[id]
		if !unread && !slices.Contains(f.Read, zone) || instance != nil && instance.Zone != zone ||
			refused(known) || x.bound[id] != nil || !instanceID.MatchString(id) {
			continue
		}
		x.bound[id] = known
		node := nodes[known.Status.NodeName]
		switch {
		case node == nil || !wasVerified(known):
		case NodeInstanceID(node) == id:
			x.keep(known)
		case (instance != nil || unread) && x.was[node.Name] == "" && !madeSince(node, known):
			x.former[id], x.was[node.Name] = node, id
		}
	}
	for _, known := range byStanding {
		if x.bound[known.Spec.InstanceID] == known {
			x.keepPins(known)
		}
	}
}

// keep: the addresses of a Node that is verified are its own, whoever else says
// to have them.
func (x *index) keep(known *v1alpha1.NodeIdentity) {
	for _, address := range known.Status.Addresses {
		if ip, ok := addressOf(address.Address); ok && x.keepers[ip] == "" {
			x.keepers[ip] = known.Spec.InstanceID
		}
	}
}

// concerns are the ids of the instances of concern.
func (b binder) concerns() map[string]bool {
	watched := b.watchedPools()
	of := map[string]bool{}
	for id := range b.claims {
		of[id] = true
	}
	for id := range b.former {
		of[id] = true
	}
	for id, known := range b.bound {
		if b.instances[id] != nil && len(known.Status.PinnedAddresses) > 0 {
			of[id] = true // else the pins would be gone when the Node is made anew
		}
	}
	for id, instance := range b.instances {
		if pool := b.poolOf(instance); pool != nil && watched[pool.ID] {
			of[id] = true
		}
	}
	return of
}

// watchedPools are those that Nodes are in, and those that are named.
func (b binder) watchedPools() map[string]bool {
	watched := map[string]bool{}
	for _, pool := range b.pools {
		watched[pool.ID] = NamesPool(b.WatchedPools, *pool)
	}
	for id := range b.claims {
		if pool := b.poolOf(b.instances[id]); pool != nil {
			watched[pool.ID] = true
		}
	}
	return watched
}

// poolOf is the pool of an instance: either side may tell first.
func (b binder) poolOf(instance *nlb.Instance) *nlb.InstancePool {
	if instance == nil {
		return nil
	}
	if pool := b.pools[instance.InstancePoolID]; pool != nil {
		return pool
	}
	return b.listedIn[strings.ToLower(instance.ID)]
}

func (b binder) nodepoolOf(pool *nlb.InstancePool) string {
	if pool == nil {
		return ""
	}
	for _, nodepool := range b.Nodepools {
		if nodepool.InstancePoolID == pool.ID {
			return nodepool.ClusterName + "/" + nodepool.Name
		}
	}
	return ""
}
