// Package vanished tells when so much of a cluster's NLBs in a zone is gone at once
// that they were hardly deleted: then nothing is made, forgotten or removed there.
// A changed API key that is of another organization shows that organization's NLBs
// and answers 404 for ours; what looks like absence is none.
package vanished

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// Inventory tells what was read last; only the pools may have to be read.
type Inventory interface {
	Missing(zone string, ids []string) int
	// CurrentInstancePools are read after the call began.
	CurrentInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	// FreshInstancePools are a few seconds old at most: many creates share them.
	FreshInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
}

// Guard compares what the objects of a zone record with what Exoscale shows.
type Guard struct {
	Reader    client.Reader
	Inventory Inventory
	// Namespaces whose objects count; none: all.
	Namespaces []string
	// FindsNodes: the NodeIdentities are kept current, and Nodes can be read.
	FindsNodes bool
}

// Check returns the outcome of a round that is about to take something for absent,
// if that can't be believed; nil if it can. An object is exempt once a person has
// confirmed that its NLB was deleted.
func (g Guard) Check(ctx context.Context, zone string) (*outcome.Outcome, error) {
	return g.check(ctx, zone, false)
}

// CheckCreate is Check before an NLB is made: in a zone of which no NLB is recorded,
// this cluster's pools have to be there.
func (g Guard) CheckCreate(ctx context.Context, zone string) (*outcome.Outcome, error) {
	return g.check(ctx, zone, true)
}

func (g Guard) check(ctx context.Context, zone string, creating bool) (*outcome.Outcome, error) {
	look, err := g.look(ctx, zone, creating)
	var cloud *exoscale.Error
	switch {
	case errors.As(err, &cloud):
		unknown := outcome.FromCloud("Looking whether this cluster's instance pools are there", cloud)
		return &unknown, nil
	case err != nil || !look.Vanished():
		return nil, err
	}
	if look.Recorded == 0 {
		out := outcome.Blocked(v1alpha1.ReasonManyVanished, fmt.Sprintf(
			"None of the %d instance pools of this cluster's Nodes is in zone %s, so no NLB is made there: "+
				"is the operator's API key of another organisation? If the pools were deleted, confirm it by the annotation %s: %s",
			look.Pools, zone, v1alpha1.AnnotationConfirmVanished, zone))
		return &out, nil
	}
	out := outcome.Blocked(v1alpha1.ReasonManyVanished, fmt.Sprintf(
		"%d of the %d NLBs that this cluster's objects record in zone %s are gone at once, so nothing is made, forgotten or removed there: "+
			"is the operator's API key of another organisation? If they were deleted, confirm it for each NetworkLoadBalancer by the annotation %s: <status.id>",
		look.Missing, look.Recorded, zone, v1alpha1.AnnotationConfirmVanished))
	return &out, nil
}

// CheckEverywhere is Check for every zone that an object records.
func (g Guard) CheckEverywhere(ctx context.Context) (*outcome.Outcome, error) {
	var objects v1alpha1.NetworkLoadBalancerList
	if err := g.Reader.List(ctx, &objects, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the NetworkLoadBalancers: %w", err)
	}
	checked := map[string]bool{"": true}
	for i := range objects.Items {
		zone := objects.Items[i].Status.Zone
		if checked[zone] {
			continue
		}
		checked[zone] = true
		if out, err := g.Check(ctx, zone); out != nil || err != nil {
			return out, err
		}
	}
	return nil, nil
}

// Doubtful reports whether the last list of a zone lacks most of the NLBs that objects
// record there. It may show another organization's account. It asks nobody.
func (g Guard) Doubtful(ctx context.Context, zone string) (bool, error) {
	look, err := g.count(ctx, zone)
	return look.MostMissing(), err
}

func (g Guard) look(ctx context.Context, zone string, creating bool) (nlb.ZoneLook, error) {
	look, err := g.count(ctx, zone)
	look.Creating = creating
	if err != nil || !look.PoolsMatter() {
		return look, err
	}
	if look.Pools, look.MissingPools, err = g.pools(ctx, zone, creating); err != nil || look.Pools > 0 {
		return look, err
	}
	look.NodesUnknown, err = g.nodesUnknown(ctx)
	return look, err
}

// count compares the NLBs that objects of a zone record with those that were listed.
func (g Guard) count(ctx context.Context, zone string) (nlb.ZoneLook, error) {
	var objects v1alpha1.NetworkLoadBalancerList
	if err := g.Reader.List(ctx, &objects, client.MatchingFields{index.ByZone: zone}, client.UnsafeDisableDeepCopy); err != nil {
		return nlb.ZoneLook{}, fmt.Errorf("listing the NetworkLoadBalancers of zone %s: %w", zone, err)
	}
	var ids []string
	for i := range objects.Items {
		if g.meant(&objects.Items[i]) && counts(&objects.Items[i]) {
			ids = append(ids, objects.Items[i].Status.ID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return nlb.ZoneLook{Recorded: len(ids), Missing: g.Inventory.Missing(zone, ids)}, nil
}

// nodesUnknown reports whether the cluster has Nodes of which none was ever found.
func (g Guard) nodesUnknown(ctx context.Context) (bool, error) {
	if !g.FindsNodes {
		return false, nil
	}
	var found v1alpha1.NodeIdentityList
	if err := g.Reader.List(ctx, &found, client.UnsafeDisableDeepCopy); err != nil || len(found.Items) > 0 {
		return false, err
	}
	var nodes corev1.NodeList
	err := g.Reader.List(ctx, &nodes, client.UnsafeDisableDeepCopy)
	return len(nodes.Items) > 0, err
}

func (g Guard) meant(object client.Object) bool {
	return len(g.Namespaces) == 0 || slices.Contains(g.Namespaces, object.GetNamespace())
}

// counts reports whether the NLB that an object records has to be there: no create
// or delete of ours is under way, and no person has said that it is gone.
func counts(object *v1alpha1.NetworkLoadBalancer) bool {
	op := object.Status.Operation
	moving := op != nil && (op.Action == v1alpha1.ActionCreate || op.Action == v1alpha1.ActionDelete)
	return object.Status.ID != "" && !moving && !Confirmed(object)
}

// Confirmed reports whether a person has confirmed that the NLB which an object
// records was deleted.
func Confirmed(object *v1alpha1.NetworkLoadBalancer) bool {
	return object.Status.ID != "" && object.Annotations[v1alpha1.AnnotationConfirmVanished] == object.Status.ID
}

// ConfirmedCreate reports whether a person has confirmed that an NLB is to be made
// though what this cluster had in the zone is gone.
func ConfirmedCreate(object *v1alpha1.NetworkLoadBalancer, zone string) bool {
	return Confirmed(object) || object.Annotations[v1alpha1.AnnotationConfirmVanished] == zone
}

// pools counts the instance pools that the objects and the Nodes of a zone record, and
// those of them that Exoscale doesn't show.
func (g Guard) pools(ctx context.Context, zone string, creating bool) (recorded, missing int, err error) {
	var services v1alpha1.NLBServiceList
	if err := g.Reader.List(ctx, &services, client.MatchingFields{index.ByZone: zone}, client.UnsafeDisableDeepCopy); err != nil {
		return 0, 0, fmt.Errorf("listing the NLBServices of zone %s: %w", zone, err)
	}
	ids := map[string]bool{}
	for i := range services.Items {
		if id := services.Items[i].Status.InstancePoolID; id != "" && g.meant(&services.Items[i]) {
			ids[id] = true
		}
	}
	var nodes v1alpha1.NodeIdentityList
	if err := g.Reader.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return 0, 0, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	for i := range nodes.Items {
		if id := nodes.Items[i].Status.InstancePoolID; id != "" && nodes.Items[i].Spec.Zone == zone {
			ids[id] = true
		}
	}
	if len(ids) == 0 {
		return 0, 0, nil
	}
	read := g.Inventory.CurrentInstancePools
	if creating {
		read = g.Inventory.FreshInstancePools
	}
	shown, err := read(ctx, zone)
	if err != nil {
		return 0, 0, err
	}
	recorded = len(ids)
	for _, pool := range shown {
		delete(ids, pool.ID)
	}
	return recorded, len(ids), nil
}
