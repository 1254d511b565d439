package identity

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Input is what an instance pool is inferred from.
type Input struct {
	// Nodes are those that may receive traffic: all of the cluster, or those
	// that a selector matches.
	Nodes []corev1.Node
	// Trust tells which of them may be used.
	Trust Trust
	// Instances and Pools are those of the zone.
	Instances []nlb.Instance
	Pools     []nlb.InstancePool
	// Current is the id of the pool that receives the traffic now; empty if none does.
	Current string
}

// Candidate is a pool with at least one eligible Node.
type Candidate struct {
	PoolID string
	// PoolName is empty if the pool isn't among Input.Pools.
	PoolName string
	// Nodes are the names of its eligible Nodes, sorted.
	Nodes []string

	uncordoned int // Nodes that aren't cordoned
	available  int // Nodes that are ready and not cordoned
	undecided  int // Nodes that aren't cordoned, and are about to be verified
}

// Inference is the one pool that Nodes stand for, or why there is none.
type Inference struct {
	// PoolID is the pool; empty if there is none.
	PoolID string
	// Reason and Message tell why there is none: NoEligibleNodes,
	// AmbiguousInstancePool with the candidates listed, or WaitingForVerification,
	// which ends by itself.
	Reason  string
	Message string
	// Candidates are all pools with eligible Nodes, by name and id.
	Candidates []Candidate
}

// InferPool finds the instance pool of the eligible Nodes: those that are trusted,
// aren't labelled node.kubernetes.io/exclude-from-external-load-balancers, aren't
// being deleted, and are an instance that is in a pool. All others are skipped.
//
//	current pool                        other pools                  result
//	has eligible Nodes, not all         any                          the current one
//	cordoned
//	gone, empty, or all cordoned        one with ready Nodes         that one (blue/green)
//	gone, empty, or all cordoned        several with ready Nodes     AmbiguousInstancePool
//	all cordoned, or empty but there    none with ready Nodes        the current one
//	gone                                none with ready Nodes        as if there were no current one
//	none                                one that isn't all cordoned  that one
//	none                                several such                 AmbiguousInstancePool
//	none                                one, all cordoned            that one
//	none                                none                         NoEligibleNodes
//
// For the first pool readiness isn't asked for: a cluster may be starting. A
// working one is left only for another that can take over.
//
// Nodes on which there is no verdict yet keep the traffic where it is, and are no
// reason to lead it anywhere. While one of them could change which pool is chosen,
// none is: WaitingForVerification, or the current pool as long as there is one.
func InferPool(in Input) Inference {
	candidates, skipped := in.candidates()
	all := keep(candidates, func(c Candidate) bool { return len(c.Nodes) > 0 })
	pick := func(id string) Inference { return Inference{PoolID: id, Candidates: all} }

	if in.Current != "" {
		current, others := split(candidates, in.Current)
		if current != nil && current.uncordoned+current.undecided > 0 {
			return pick(in.Current)
		}
		isThere := current != nil || in.exists(in.Current)
		switch successors := keep(others, func(c Candidate) bool { return c.available > 0 }); {
		case isThere && mayChange(successors, others):
			return pick(in.Current)
		case len(successors) == 1 && !mayChange(successors, others):
			return pick(successors[0].PoolID)
		case len(successors) > 1:
			return ambiguous(all, successors)
		case isThere:
			return pick(in.Current)
		}
	}

	chosen := keep(all, func(c Candidate) bool { return c.uncordoned > 0 })
	if len(chosen) == 0 {
		chosen = all
	}
	switch {
	case len(chosen) <= 1 && mayChange(chosen, candidates):
		return Inference{Reason: v1alpha1.ReasonWaitingForVerification, Message: skipped.awaited(), Candidates: all}
	case len(chosen) == 0:
		return Inference{Reason: v1alpha1.ReasonNoEligibleNodes, Message: skipped.message(len(in.Nodes))}
	case len(chosen) == 1:
		return pick(chosen[0].PoolID)
	default:
		return ambiguous(all, chosen)
	}
}

// State counts the Nodes of a pool as a choice sees them. Nodes without a verdict are
// in service, too: they are no reason to leave.
func (in Input) State(pool string) nlb.PoolState {
	state := nlb.PoolState{ID: pool, Name: in.nameOf(pool)}
	candidates, _ := in.candidates()
	if candidate, _ := split(candidates, pool); candidate != nil {
		state.InService, state.Ready = candidate.uncordoned+candidate.undecided, candidate.available
		state.Cordoned = len(candidate.Nodes) - candidate.uncordoned
	}
	return state
}

// PoolsOf is the instance pool of each Node that is an instance of the zone, by the
// Node's name, whatever else is known of it.
func (in Input) PoolsOf() map[string]string {
	pools := make(map[string]string, len(in.Instances))
	for _, instance := range in.Instances {
		pools[strings.ToLower(instance.ID)] = instance.InstancePoolID
	}
	byNode := make(map[string]string, len(in.Nodes))
	for i := range in.Nodes {
		if pool := pools[NodeInstanceID(&in.Nodes[i])]; pool != "" {
			byNode[in.Nodes[i].Name] = pool
		}
	}
	return byNode
}

// mayChange tells whether a verdict on a Node could add a pool to those that were
// chosen from the candidates.
func mayChange(chosen, candidates []Candidate) bool {
	return slices.ContainsFunc(candidates, func(c Candidate) bool {
		return c.undecided > 0 && !slices.ContainsFunc(chosen, func(of Candidate) bool { return of.PoolID == c.PoolID })
	})
}

// candidates groups the eligible Nodes by pool, and counts the others by why
// they were skipped.
func (in Input) candidates() ([]Candidate, skips) {
	instances := make(map[string]nlb.Instance, len(in.Instances))
	for _, instance := range in.Instances {
		instances[strings.ToLower(instance.ID)] = instance
	}
	var (
		byPool  = map[string]*Candidate{}
		skipped skips
	)
	for i := range in.Nodes {
		node := &in.Nodes[i]
		id := NodeInstanceID(node)
		instance, found := instances[id]
		told := in.Trust.in(node)
		switch {
		case leaving(node):
			skipped.leaving++
		case excluded(node):
			skipped.excluded++
		case told == distrusted || told == missing && !found:
			skipped.distrusted++
		case id == "" || !found && (told == trusted || !saysExoscale(node)):
			skipped.elsewhere++
		case found && instance.InstancePoolID == "":
			skipped.standalone++
		default:
			// The pool of an instance that is newer than the list isn't known yet: it is "".
			candidate := byPool[instance.InstancePoolID]
			if candidate == nil {
				candidate = &Candidate{PoolID: instance.InstancePoolID, PoolName: in.nameOf(instance.InstancePoolID)}
				byPool[instance.InstancePoolID] = candidate
			}
			candidate.add(node, told)
			if told != trusted {
				skipped.undecided = append(skipped.undecided, node.Name)
			}
		}
	}
	candidates := make([]Candidate, 0, len(byPool))
	for _, candidate := range byPool {
		slices.Sort(candidate.Nodes)
		candidates = append(candidates, *candidate)
	}
	slices.SortFunc(candidates, func(a, b Candidate) int {
		if order := strings.Compare(a.PoolName, b.PoolName); order != 0 {
			return order
		}
		return strings.Compare(a.PoolID, b.PoolID)
	})
	return candidates, skipped
}

func (in Input) nameOf(pool string) string {
	for _, p := range in.Pools {
		if p.ID == pool {
			return p.Name
		}
	}
	return ""
}

func (in Input) exists(pool string) bool {
	return slices.ContainsFunc(in.Pools, func(p nlb.InstancePool) bool { return p.ID == pool })
}

func (c *Candidate) add(node *corev1.Node, told trustLevel) {
	if told != trusted {
		if !cordoned(node) {
			c.undecided++
		}
		return
	}
	c.Nodes = append(c.Nodes, node.Name)
	if cordoned(node) {
		return
	}
	c.uncordoned++
	if ready(node) {
		c.available++
	}
}

func split(candidates []Candidate, id string) (match *Candidate, others []Candidate) {
	for i := range candidates {
		if candidates[i].PoolID == id {
			match = &candidates[i]
		} else {
			others = append(others, candidates[i])
		}
	}
	return match, others
}

func keep(candidates []Candidate, holds func(Candidate) bool) []Candidate {
	var kept []Candidate
	for _, candidate := range candidates {
		if holds(candidate) {
			kept = append(kept, candidate)
		}
	}
	return kept
}

func ambiguous(all, chosen []Candidate) Inference {
	described := make([]string, len(chosen))
	for i, candidate := range chosen {
		described[i] = candidate.String()
	}
	return Inference{
		Reason: v1alpha1.ReasonAmbiguousInstancePool,
		Message: fmt.Sprintf("the nodes are in %d instance pools: %s; say which one receives the traffic",
			len(chosen), brief.Sentences(described, "; ")),
		Candidates: all,
	}
}

// String names the pool and its Nodes, the first few of them.
func (c Candidate) String() string {
	return fmt.Sprintf("%q (%s) with %s", c.PoolName, c.PoolID, brief.List(c.Nodes))
}

// skips counts Nodes by why they aren't eligible.
type skips struct {
	leaving, excluded, distrusted, elsewhere, standalone int
	undecided                                            []string // their names
}

// awaited says whose verification a choice waits for.
func (s skips) awaited() string {
	slices.Sort(s.undecided)
	return "waiting until it is verified which instances these nodes are: " + brief.List(s.undecided)
}

func (s skips) message(nodes int) string {
	if nodes == 0 {
		return "there is no node to forward to"
	}
	var why []string
	for _, skip := range []struct {
		count int
		what  string
	}{
		{s.leaving, "being deleted"},
		{s.excluded, "excluded by the label " + corev1.LabelNodeExcludeBalancers},
		{s.distrusted, "not verified, see kubectl get nodeid"},
		{s.elsewhere, "not an Exoscale instance of the zone"},
		{s.standalone, "not in an instance pool"},
	} {
		if skip.count > 0 {
			why = append(why, fmt.Sprintf("%s: %d", skip.what, skip.count))
		}
	}
	return fmt.Sprintf("none of %d nodes can receive traffic (%s)", nodes, strings.Join(why, ", "))
}
