package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
)

// askLimit is how long the reads of an instance and its sibling may take.
const askLimit = 20 * time.Second

// memory is what is remembered of Nodes that look gone, and of those that were
// removed. It lives as long as the process: after a restart nothing is removed
// before two new lists lack it, while removals before the restart don't count any
// more. One worker uses it.
type memory struct {
	suspects map[string]*suspect // by the name of the Node
	removals []removal
}

// removal of a Node, perhaps.
type removal struct {
	uid types.UID
	at  time.Time
}

// suspect is a Node that looks gone.
type suspect struct {
	uid      types.UID
	instance nodegone.Recorded
	lists    nodegone.Lists
	told     string // the last message that was told
}

// of gives what is remembered of a Node: nothing of another one of that name, or
// one that was another instance.
func (m *memory) of(node *corev1.Node, instance nodegone.Recorded) *suspect {
	s := m.suspects[node.Name]
	if s == nil || s.uid != node.UID || s.instance != instance {
		s = &suspect{uid: node.UID, instance: instance}
		m.suspects[node.Name] = s
	}
	return s
}

// removedWithin counts the removals of late, and forgets the others.
func (m *memory) removedWithin(window time.Duration, now time.Time) int {
	m.removals = slices.DeleteFunc(m.removals, func(r removal) bool { return now.Sub(r.at) >= window })
	return len(m.removals)
}

// left counts the Nodes that weren't removed of late: the cache may still have those.
func (m *memory) left(nodes []corev1.Node) int {
	count := 0
	for i := range nodes {
		if !slices.ContainsFunc(m.removals, func(r removal) bool { return r.uid == nodes[i].UID }) {
			count++
		}
	}
	return count
}

// gather is all that can be known of a Node without asking the cloud.
func (r *remover) gather(ctx context.Context, node *corev1.Node, s *suspect) (nodegone.Evidence, error) {
	e := nodegone.Evidence{Node: node, Instance: s.instance, Now: r.Clock.Now()}
	list, at, trouble := r.lastList(ctx, s.instance.Zone)
	if trouble == nil {
		s.lists = s.lists.Add(node, s.instance.InstanceID, list, at)
	} else {
		e.Trouble = trouble.Error()
	}
	e.Lists = s.lists

	var known v1alpha1.NodeIdentityList
	if err := r.Client.List(ctx, &known, client.UnsafeDisableDeepCopy); err != nil {
		return e, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	e.Sibling = nodegone.SiblingOf(s.instance, known.Items, list)

	var nodes corev1.NodeList
	if err := r.Client.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return e, fmt.Errorf("listing the Nodes: %w", err)
	}
	e.Removed = r.removedWithin(r.Limits.Window, e.Now)
	e.Nodes = r.left(nodes.Items)
	return e, nil
}

// lastList is the last list of instances of a zone, and when it was read. A list
// that is replaced while we look must not pass for the one before.
func (r *remover) lastList(ctx context.Context, zone string) (list []nlb.Instance, at time.Time, err error) {
	for range 3 {
		at = r.Inventory.InstancesListedAt(zone)
		if list, err = r.Inventory.Instances(ctx, zone); err != nil {
			return nil, time.Time{}, err
		}
		if at.Equal(r.Inventory.InstancesListedAt(zone)) && !at.IsZero() {
			return list, at, nil
		}
	}
	return nil, time.Time{}, fmt.Errorf("the list changes faster than it can be looked at")
}

// ask reads the instance, and its sibling where that matters.
func (r *remover) ask(ctx context.Context, e nodegone.Evidence) nodegone.Evidence {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if e.OfInstance = r.read(ctx, e.Instance); e.OfInstance.Kind == nodegone.Absent {
		e.OfSibling = r.read(ctx, e.Sibling)
	}
	return e
}

// read asks for one instance, and takes nothing but the answer of the API that
// it knows none of that id for its absence.
func (r *remover) read(ctx context.Context, instance nodegone.Recorded) nodegone.Answer {
	got, err := r.Cloud.Instance(ctx, instance.Zone, instance.InstanceID)
	switch exoscale.ClassOf(err) {
	case "":
		if got.ID != instance.InstanceID {
			return nodegone.Answer{Kind: nodegone.Unreachable, Words: fmt.Sprintf("asked for instance %s, got %q", instance.InstanceID, got.ID)}
		}
		return nodegone.Answer{Kind: nodegone.Present}
	case exoscale.NotFound:
		return nodegone.Answer{Kind: nodegone.Absent}
	case exoscale.Transient, exoscale.Busy:
		return nodegone.Answer{Kind: nodegone.Unreachable, Words: err.Error()}
	default:
		return nodegone.Answer{Kind: nodegone.Refused, Words: err.Error()}
	}
}
