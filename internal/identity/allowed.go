package identity

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// AllPools, in a list of pools, stands for every pool of the account.
const AllPools = "*"

// NamesPool tells whether a list of ids and names holds that of a pool, or all.
func NamesPool(list []string, pool nlb.InstancePool) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		return entry == AllPools || entry == pool.Name || strings.EqualFold(entry, pool.ID)
	})
}

// Membership is what Nodes and instances tell about whose a pool is.
type Membership struct {
	// Nodes are the names of the trusted Nodes that are an instance of the pool, sorted.
	Nodes []string
	// Undecided is true if a Node says to be an instance of the pool, and is about
	// to be verified.
	Undecided bool
	// Unknown is true if a Node says to be an instance that isn't among those
	// given: it may be newer than they are.
	Unknown bool
}

// MembersOf finds the Nodes that are an instance of a pool, whether or not they
// can receive traffic now: a pool of which a cordoned Node is left is still the
// cluster's. Either side may tell, the pool its members or the instance its pool.
func MembersOf(pool nlb.InstancePool, nodes []corev1.Node, trust Trust, instances []nlb.Instance) Membership {
	members, known := make(map[string]bool, len(pool.InstanceIDs)), make(map[string]bool, len(instances))
	for _, id := range pool.InstanceIDs {
		members[strings.ToLower(id)] = true
	}
	for _, instance := range instances {
		id := strings.ToLower(instance.ID)
		known[id] = true
		members[id] = members[id] || instance.InstancePoolID != "" && instance.InstancePoolID == pool.ID
	}
	var of Membership
	for i := range nodes {
		switch id, told := NodeInstanceID(&nodes[i]), trust.in(&nodes[i]); {
		case id == "" || told == distrusted:
		case members[id] && told == trusted:
			of.Nodes = append(of.Nodes, nodes[i].Name)
		case members[id]: // that it was missing is outdated
			of.Undecided = true
		case told == undecided && !known[id]: // a trusted one is listed in its zone
			of.Unknown = true
		}
	}
	slices.Sort(of.Nodes)
	return of
}
