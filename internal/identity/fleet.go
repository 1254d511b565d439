package identity

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Fleet is all that is known of the Nodes of a cluster and the instances of the
// zones that it uses.
type Fleet struct {
	// Zone is the operator's own, to which a Node is counted whose instance is
	// nowhere; empty: it has none, and the first of Read stands for it.
	Zone string
	// Read are the zones of which the instances, pools and networks are told here.
	// Unread are those in use that can't be read now: what is known of them stays as
	// it is, and an instance that Read lack may be there.
	Read, Unread []string
	Nodes        []corev1.Node
	Instances    []nlb.Instance
	Pools        []nlb.InstancePool
	Nodepools    []nlb.SKSNodepool
	Types        []nlb.InstanceType
	Networks     []nlb.PrivateNetwork
	// WatchedPools are ids and names of pools whose members are of concern before
	// their Nodes join, besides the pools that Nodes are in.
	WatchedPools []string
	// Known are the NodeIdentities that exist: they tell who was verified before.
	Known []v1alpha1.NodeIdentity
	// Awaited are the ids of which it says nothing that Instances lacks them: what is
	// known of these, and of the Nodes that say to be them, stays as it is.
	Awaited map[string]bool
	// Certifies: serving certificates are approved for the addresses of Nodes.
	Certifies bool
}

// Binding is what is known of one instance and the Node that it is, or of a Node
// that says to be an instance and isn't.
type Binding struct {
	// Known is the NodeIdentity of the binding; nil if there is none yet.
	Known *v1alpha1.NodeIdentity
	// Name is what that is called, or to be called.
	Name string
	// Zone is where the instance is, was, or was looked for first.
	Zone string
	// Instance is nil if no zone has one of that id.
	Instance   *nlb.Instance
	InstanceID string
	// Node is nil if none has joined.
	Node *corev1.Node
	// Former is the Node that was verified as the instance and says to be another
	// one now, or none; nil if there is no such Node, or if Node isn't nil.
	Former *corev1.Node
	// Pool is nil if the instance is in none.
	Pool *nlb.InstancePool
	// Addresses of the instance that are the Node's, most useful ones first.
	Addresses []corev1.NodeAddress
	// Leased are those of them that Exoscale leases to the instance.
	Leased []string
	// Pins are the addresses that nothing but the Node confirms, and that stay.
	Pins []v1alpha1.PinnedAddress
	// Invalid says what is wrong with the addresses that an administrator has named;
	// empty: nothing.
	Invalid string
	// Verdict tells whether the two agree.
	Verdict Verdict
	// Refused is true if the Node isn't the instance, whatever it says.
	Refused bool
	// Type of the instance, e.g. standard.medium; empty if it isn't known.
	Type string
	// Nodepool that the pool belongs to, as <cluster>/<nodepool>; empty if none.
	Nodepool string
}

// Hostname that the Node is to have: the name of the instance in small letters,
// since no Node can have others. Never empty, and 253 characters at most.
func (b Binding) Hostname() string {
	switch {
	case b.Instance != nil && b.Instance.Name != "":
		return strings.ToLower(upTo(validation.DNS1123SubdomainMaxLength, b.Instance.Name))
	case b.Known != nil && b.Known.Spec.Hostname != "":
		return b.Known.Spec.Hostname
	case b.Node != nil:
		return b.Node.Name
	default:
		return b.InstanceID
	}
}

// Bindings are those of a whole fleet.
type Bindings struct {
	// All are the bindings, by name.
	All []Binding
	// Vanished are NodeIdentities that are of no concern any more: of which neither
	// the Node nor the instance exists, or whose pool is watched, or zone used, no more.
	Vanished []v1alpha1.NodeIdentity
	// Foreign are the names of the Nodes that are no Exoscale instance.
	Foreign []string
	// Unlisted are the ids that Nodes say to be and that no zone lists: they may be
	// newer than the lists.
	Unlisted []string
	// Awaited are those of them on which nothing is said.
	Awaited []string
}

// Bind finds which instance each Node is, and verifies it. An instance is of
// concern if a Node says to be it, or if it is in a pool that is watched: one that
// a Node is in, or that is named. In which zone it is makes no difference: names and
// addresses are looked at across all of them.
//
//	instance   │ Nodes that say to be it  │ bindings
//	───────────┼──────────────────────────┼──────────────────────────────────────────
//	listed     │ none                     │ one, if it is in a watched pool: NotJoined
//	           │ none any more: the Node  │ one: InstanceMismatch, as is the instance that
//	           │ is there and says to be  │ the Node says to be, until the Node is made anew
//	           │ another                  │ or the instance is gone
//	           │ one                      │ one
//	           │ several                  │ one, for the Node that was verified before,
//	           │                          │ else for the one of its name, else for the
//	           │                          │ oldest; one that is refused for each other
//	not listed │ one, by its providerID   │ one that is refused
//	           │ one that was bound to it │ the same: the instance is gone
//	           │ one, by its systemUUID   │ none: it is a machine elsewhere
//	awaited    │ any                      │ none: what is known stays as it is
//	perhaps in │ any                      │ the same
//	one unread │                          │
func (f Fleet) Bind() Bindings {
	b := binder{Fleet: f, index: indexOf(f)}
	var out Bindings
	for _, id := range slices.Sorted(maps.Keys(b.concerned)) {
		out.add(b, id)
	}
	concerned := map[string]bool{}
	for _, bound := range out.All {
		concerned[bound.Name] = true
	}
	for _, known := range f.Known {
		if !concerned[known.Name] && !slices.Contains(out.Awaited, known.Spec.InstanceID) && !slices.Contains(f.Unread, known.Spec.Zone) {
			out.Vanished = append(out.Vanished, known)
		}
	}
	for i := range f.Nodes {
		if NodeInstanceID(&f.Nodes[i]) == "" {
			out.Foreign = append(out.Foreign, f.Nodes[i].Name)
		}
	}
	slices.SortFunc(out.All, func(a, b Binding) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(out.Vanished, func(a, b v1alpha1.NodeIdentity) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(out.Foreign)
	return out
}

func (out *Bindings) add(b binder, id string) {
	instance, claimants := b.instances[id], b.claims[id]
	if instance == nil && len(claimants) > 0 {
		out.Unlisted = append(out.Unlisted, id)
		if b.Awaited[id] || b.mayBeUnread(id) {
			out.Awaited = append(out.Awaited, id)
			return
		}
	}
	holder := b.holder(id, claimants)
	if instance != nil || holder != nil && b.bound[id] != nil {
		out.All = append(out.All, b.bind(id, holder))
	} else {
		holder = nil // nobody holds what isn't there
	}
	for _, node := range claimants {
		switch {
		case node == holder:
		case instance == nil && !saysExoscale(node):
			out.Foreign = append(out.Foreign, node.Name)
		default:
			out.All = append(out.All, b.refuse(id, node, holder))
		}
	}
}

// mayBeUnread tells whether an instance that isn't listed may be in a zone that
// can't be read. One that is known stays in its zone.
func (b binder) mayBeUnread(id string) bool {
	if known := b.bound[id]; known != nil {
		return slices.Contains(b.Unread, known.Spec.Zone)
	}
	return len(b.Unread) > 0
}

// zoneOf is where an instance is, or was; else where it was looked for first.
func (b binder) zoneOf(instance *nlb.Instance, known *v1alpha1.NodeIdentity) string {
	switch {
	case instance != nil:
		return instance.Zone
	case known != nil:
		return known.Spec.Zone
	case b.Zone == "" && len(b.Read) > 0:
		return b.Read[0]
	default:
		return b.Zone
	}
}

// holder is the Node that an instance is; nil if none says to be it.
func (b binder) holder(id string, claimants []*corev1.Node) *corev1.Node {
	if len(claimants) == 0 {
		return nil
	}
	if known := b.bound[id]; known != nil && wasVerified(known) {
		if i := slices.IndexFunc(claimants, func(n *corev1.Node) bool { return n.Name == known.Status.NodeName }); i >= 0 {
			return claimants[i]
		}
	}
	if instance := b.instances[id]; instance != nil {
		if i := slices.IndexFunc(claimants, func(n *corev1.Node) bool { return sameName(n.Name, instance.Name) }); i >= 0 {
			return claimants[i]
		}
	}
	return claimants[0]
}

// bind is the binding of an instance to the Node that it is, if there is one.
func (b binder) bind(id string, node *corev1.Node) Binding {
	bound := Binding{Known: b.bound[id], Instance: b.instances[id], InstanceID: id, Node: node}
	bound.Zone, bound.Pool = b.zoneOf(bound.Instance, bound.Known), b.poolOf(bound.Instance)
	if node == nil {
		bound.Former = b.former[id]
	}
	bound.Pins, bound.Invalid = b.pins(bound)
	var chosen []string
	bound.Addresses, bound.Leased, chosen = b.addresses(bound.Instance, node, bound.Pins)
	bound.Name = b.nameFor(bound)
	bound.Verdict = b.verify(bound)
	if bound.Verdict.Verified {
		bound.Pins = pinnedAtFirstUse(bound.Pins, chosen)
	}
	if bound.Instance != nil {
		bound.Type, bound.Nodepool = b.types[bound.Instance.TypeID], b.nodepoolOf(bound.Pool)
	}
	return bound
}

// refuse is the binding of a Node that says to be an instance which isn't there,
// or which is another Node.
func (b binder) refuse(id string, node, holder *corev1.Node) Binding {
	known, name := b.refusedAs(id, node)
	return Binding{
		Known: known, Name: name, Zone: b.zoneOf(b.instances[id], known), Instance: b.instances[id], InstanceID: id, Node: node,
		Pool: b.poolOf(b.instances[id]), Verdict: b.refusal(id, node, holder), Refused: true,
	}
}

// ExcludedAmongOthers are the Nodes, by UID, that are kept away from load balancers
// while others of their pool aren't.
func (out Bindings) ExcludedAmongOthers() map[types.UID]*corev1.Node {
	open := map[string]bool{}
	for _, bound := range out.All {
		if bound.Pool != nil && bound.Verdict.Verified && !excluded(bound.Node) {
			open[bound.Pool.ID] = true
		}
	}
	among := map[types.UID]*corev1.Node{}
	for _, bound := range out.All {
		if bound.Pool != nil && bound.Verdict.Verified && excluded(bound.Node) && open[bound.Pool.ID] {
			among[bound.Node.UID] = bound.Node
		}
	}
	return among
}
