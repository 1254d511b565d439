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
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// Inventory tells what was read last; only the pools may have to be read.
type Inventory interface {
	Missing(zone string, ids []string) (expected, missing int)
	// CurrentInstancePools are read after the call began.
	CurrentInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
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

// Check returns the outcome of a round that is about to take something for absent, or
// to make an NLB, if the zone can't be believed; nil if it can. An object is exempt
// once a person has confirmed that its NLB was deleted.
//
// byPools: the pools were read for that, and are there. The key may have changed right
// before, so what was found absent has to be looked for once more.
func (g Guard) Check(ctx context.Context, zone string) (out *outcome.Outcome, byPools bool, err error) {
	return g.check(ctx, zone, false)
}

// CheckRecorded is Check by the recorded NLBs alone, if all of them are accounted for:
// where one of this cluster was just listed, or where nothing is lost with what is
// absent.
func (g Guard) CheckRecorded(ctx context.Context, zone string) (out *outcome.Outcome, byPools bool, err error) {
	return g.check(ctx, zone, true)
}

func (g Guard) check(ctx context.Context, zone string, recordedOnly bool) (out *outcome.Outcome, byPools bool, err error) {
	look, err := g.look(ctx, zone, recordedOnly)
	var cloud *exoscale.Error
	switch {
	case errors.As(err, &cloud):
		unknown := outcome.FromCloud("Looking whether this cluster's instance pools are there", cloud)
		return &unknown, false, nil
	case err != nil || !look.Vanished():
		return nil, look.PoolsMatter(), err
	}
	if look.Recorded == 0 {
		blocked := outcome.Blocked(v1alpha1.ReasonManyVanished, fmt.Sprintf(
			"Exoscale shows no instance pool of this cluster in zone %s (of %d that are recorded), so no NLB is made or given up there: "+
				"is the operator's API key of another organisation? If the pools were deleted, confirm it by the annotation %s: %s",
			zone, look.Pools, v1alpha1.AnnotationConfirmVanished, zone))
		return &blocked, false, nil
	}
	blocked := outcome.Blocked(v1alpha1.ReasonManyVanished, fmt.Sprintf(
		"%d of the %d NLBs that this cluster's objects record in zone %s are gone at once, so nothing is made, forgotten or removed there: "+
			"is the operator's API key of another organisation? If they were deleted, confirm it for each NetworkLoadBalancer, or each NLBService that has none any more, by the annotation %s: <id of the NLB>",
		look.Missing, look.Recorded, zone, v1alpha1.AnnotationConfirmVanished))
	return &blocked, false, nil
}

// CheckEverywhere is Check for every zone that an object records. Call it before the last
// look for what may be absent, because it doesn't tell whether the pools decided.
func (g Guard) CheckEverywhere(ctx context.Context) (*outcome.Outcome, error) {
	var loadBalancers v1alpha1.NetworkLoadBalancerList
	var services v1alpha1.NLBServiceList
	for _, list := range []client.ObjectList{&loadBalancers, &services} {
		if err := g.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing what records a zone: %w", err)
		}
	}
	zones := sets.New[string]()
	for i := range loadBalancers.Items {
		zones.Insert(loadBalancers.Items[i].Status.Zone)
	}
	for i := range services.Items {
		zones.Insert(services.Items[i].Status.Zone)
	}
	for _, zone := range sets.List(zones.Delete("")) {
		if out, _, err := g.Check(ctx, zone); out != nil || err != nil {
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

func (g Guard) look(ctx context.Context, zone string, recordedOnly bool) (nlb.ZoneLook, error) {
	look, err := g.count(ctx, zone)
	look.RecordedOnly = recordedOnly
	if err != nil || !look.PoolsMatter() {
		return look, err
	}
	if look.Pools, look.MissingPools, err = g.pools(ctx, zone); err != nil || look.Pools > 0 {
		return look, err
	}
	look.NodesUnknown, err = g.nodesUnknown(ctx)
	return look, err
}

// count compares the NLBs that objects of a zone record with those that were listed.
// NLBServices count as well: the NetworkLoadBalancer that they go through may be gone
// before them. As long as it is there it alone, and no tenant of it, confirms.
func (g Guard) count(ctx context.Context, zone string) (nlb.ZoneLook, error) {
	var objects v1alpha1.NetworkLoadBalancerList
	if err := g.Reader.List(ctx, &objects, client.MatchingFields{index.ByZone: zone}, client.UnsafeDisableDeepCopy); err != nil {
		return nlb.ZoneLook{}, fmt.Errorf("listing the NetworkLoadBalancers of zone %s: %w", zone, err)
	}
	services, err := g.services(ctx, zone)
	if err != nil {
		return nlb.ZoneLook{}, err
	}
	var ids []string
	held, excused := map[string]bool{}, map[string]bool{"": true}
	for i := range objects.Items {
		object := &objects.Items[i]
		if !g.meant(object) {
			continue
		}
		id := object.Status.ID
		ids, held[id] = append(ids, id), true
		excused[id] = excused[id] || moving(object) || Confirmed(object, id)
	}
	for i := range services {
		id := services[i].Status.LoadBalancerID
		ids = append(ids, id)
		excused[id] = excused[id] || !held[id] && Confirmed(&services[i], id)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return excused[id] })
	look := nlb.ZoneLook{}
	look.Recorded, look.Missing = g.Inventory.Missing(zone, ids)
	return look, nil
}

// services are the NLBServices of a zone that are meant.
func (g Guard) services(ctx context.Context, zone string) ([]v1alpha1.NLBService, error) {
	var all v1alpha1.NLBServiceList
	if err := g.Reader.List(ctx, &all, client.MatchingFields{index.ByZone: zone}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the NLBServices of zone %s: %w", zone, err)
	}
	return slices.DeleteFunc(all.Items, func(object v1alpha1.NLBService) bool { return !g.meant(&object) }), nil
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

// moving reports whether an operation of ours makes or deletes the NLB, so that it
// needn't be there.
func moving(object *v1alpha1.NetworkLoadBalancer) bool {
	op := object.Status.Operation
	return op != nil && (op.Action == v1alpha1.ActionCreate || op.Action == v1alpha1.ActionDelete)
}

// Confirmed reports whether a person has confirmed on an object that something is gone:
// the NLB with an id, or all that this cluster had in a zone.
func Confirmed(object client.Object, idOrZone string) bool {
	return idOrZone != "" && object.GetAnnotations()[v1alpha1.AnnotationConfirmVanished] == idOrZone
}

// pools counts the instance pools that the objects and the Nodes of a zone record, and
// those of them that Exoscale doesn't show.
func (g Guard) pools(ctx context.Context, zone string) (recorded, missing int, err error) {
	services, err := g.services(ctx, zone)
	if err != nil {
		return 0, 0, err
	}
	ids := map[string]bool{}
	for i := range services {
		if id := services[i].Status.InstancePoolID; id != "" {
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
	shown, err := g.Inventory.CurrentInstancePools(ctx, zone)
	if err != nil {
		return 0, 0, err
	}
	recorded = len(ids)
	for _, pool := range shown {
		delete(ids, pool.ID)
	}
	return recorded, len(ids), nil
}
