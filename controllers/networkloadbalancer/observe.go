package networkloadbalancer

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// claim gathers what could prove that an NLB is the object's. stale tells that
// the object was projected from a Service that is gone, while another one of its
// name lives (a restored backup): the NLB is that one's to claim.
// What keeps us from knowing who holds an NLB is noted in unlisted: nothing is ours then.
func (r *Reconciler) claim(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, unlisted *error) (claim nlb.Claim, stale bool, err error) {
	claim = nlb.Claim{
		Cluster:   r.ClusterID,
		Namespace: object.Namespace,
		Name:      object.Name,
		UID:       string(object.UID),
		External:  object.Spec.ManagementPolicy == v1alpha1.External,
	}
	if nlb.Held(object) {
		claim.RecordedID = object.Status.ID
	}
	claim.HolderOf = r.holderOf(ctx, object, unlisted)
	// The reference is anybody's to write; only a Service that lives has a UID to prove.
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return claim, false, nil
	}
	service := &corev1.Service{}
	switch err := r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service); {
	case err != nil:
		return claim, false, client.IgnoreNotFound(err)
	case service.UID != owner.UID:
		return claim, true, nil
	default:
		claim.ServiceUID = string(service.UID)
		return claim, false, nil
	}
}

// holderOf tells which other object that holds an NLB goes before this one.
func (r *Reconciler) holderOf(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, unlisted *error) func(string) string {
	return func(id string) string {
		var recorded v1alpha1.NetworkLoadBalancerList
		if err := r.Client.List(ctx, &recorded, client.MatchingFields{index.ByLoadBalancerID: id}); err != nil {
			*unlisted = fmt.Errorf("listing the NetworkLoadBalancers that hold NLB %s: %w", id, err)
			return "one that can't be listed now"
		}
		for i := range recorded.Items {
			other := &recorded.Items[i]
			if other.UID != object.UID && nlb.Held(other) && nlb.GoesFirst(other, object) {
				return client.ObjectKeyFromObject(other).String()
			}
		}
		return ""
	}
}

// zoneOf is where the NLB is, or is to be: the recorded zone comes first.
func (r *Reconciler) zoneOf(object *v1alpha1.NetworkLoadBalancer) string {
	for _, zone := range []string{object.Status.Zone, object.Spec.Zone} {
		if zone != "" {
			return zone
		}
	}
	return r.DefaultZone
}

// observe reads what the cloud holds: the NLB by its recorded id, else the one
// that the spec names, else by proof of ownership.
func (r *Reconciler) observe(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, claim nlb.Claim) (nlb.LoadBalancerGot, error) {
	zone := r.zoneOf(object)
	if zone == "" {
		return nlb.LoadBalancerGot{}, &exoscale.Error{Class: exoscale.UnknownZone, Message: "the object names no zone (spec.zone), and the operator has no default (--zone)"}
	}
	r.Inventory.Watch(zone)
	got, err := r.find(ctx, object, zone, claim)
	if err != nil {
		return got, err
	}
	if err := r.findSameName(ctx, object, zone, claim, &got); err != nil {
		return got, err
	}
	return got, r.takeCensus(ctx, object, &got)
}

// findSameName looks whether the name that the NLB is to get is another's: Exoscale
// would refuse it, however often it is asked.
func (r *Reconciler) findSameName(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, zone string, claim nlb.Claim, got *nlb.LoadBalancerGot) error {
	wanted := nlb.WantedLoadBalancer(object, claim).Attributes.Name
	if got.NLB == nil || claim.External || wanted == "" || wanted == got.NLB.Name {
		return nil
	}
	all, err := r.Inventory.LoadBalancers(ctx, zone)
	if err != nil {
		return err
	}
	for _, lb := range all {
		if lb.Name == wanted && lb.ID != got.NLB.ID {
			got.SameName = &lb
		}
	}
	return nil
}

func (r *Reconciler) find(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, zone string, claim nlb.Claim) (nlb.LoadBalancerGot, error) {
	if claim.External && object.Spec.ID == "" {
		return r.findByName(ctx, zone, object.Spec.Name, claim)
	}
	for _, id := range []string{object.Status.ID, object.Spec.ID} {
		if id == "" {
			continue
		}
		lb, err := r.Inventory.LoadBalancer(ctx, zone, id)
		switch exoscale.ClassOf(err) {
		case "":
			return proven(lb, claim), nil
		case exoscale.NotFound:
		default:
			return nlb.LoadBalancerGot{}, err
		}
	}
	if object.Spec.ID != "" {
		return nlb.LoadBalancerGot{}, nil
	}
	all, err := r.Inventory.LoadBalancers(ctx, zone)
	if err != nil {
		return nlb.LoadBalancerGot{}, err
	}
	return among(all, nlb.WantedLoadBalancer(object, claim).Attributes.Name, claim), nil
}

// among finds the claimant's NLB in a list, or else another one of the wanted name.
func among(all []nlb.LoadBalancer, wanted string, claim nlb.Claim) nlb.LoadBalancerGot {
	if lb, proof := nlb.FindLoadBalancer(all, claim); proof != nlb.ProofNone {
		return nlb.LoadBalancerGot{NLB: &lb, Proof: proof}
	}
	got := nlb.LoadBalancerGot{}
	for _, lb := range all {
		if lb.Name == wanted {
			got.SameName = &lb
		}
	}
	return got
}

func (r *Reconciler) findByName(ctx context.Context, zone, name string, claim nlb.Claim) (nlb.LoadBalancerGot, error) {
	all, err := r.Inventory.LoadBalancers(ctx, zone)
	if err != nil {
		return nlb.LoadBalancerGot{}, err
	}
	for _, lb := range all {
		if lb.Name == name {
			return proven(lb, claim), nil
		}
	}
	return nlb.LoadBalancerGot{}, nil
}

func proven(lb nlb.LoadBalancer, claim nlb.Claim) nlb.LoadBalancerGot {
	proof, refusal := nlb.ProofOf(lb, claim)
	return nlb.LoadBalancerGot{NLB: &lb, Proof: proof, Refusal: refusal}
}

// takeCensus tells whose the services on the NLB are.
func (r *Reconciler) takeCensus(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, got *nlb.LoadBalancerGot) error {
	lb := got.NLB
	if lb == nil {
		return nil
	}
	made := nlb.Made(object)
	got.Marked = made
	if len(lb.Services) == 0 {
		return nil
	}
	var byID, byRef v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &byID, client.MatchingFields{index.ByLoadBalancerID: lb.ID}); err != nil {
		return fmt.Errorf("listing NLBServices on NLB %s: %w", lb.ID, err)
	}
	if err := r.Client.List(ctx, &byRef, client.MatchingFields{index.ByLoadBalancerRef: client.ObjectKeyFromObject(object).String()}); err != nil {
		return fmt.Errorf("listing NLBServices of %s: %w", object.Name, err)
	}
	lives, err := index.Lives(ctx, r.Client, lb.Services, r.SeesAllNamespaces)
	if err != nil {
		return err
	}
	leftover := func(nlb.Service) bool { return false }
	if made {
		leftover = nlb.Leftovers(*lb, r.ClusterID, lives)
	}
	census := &got.Services
	for _, service := range lb.Services {
		switch holder := r.holderOfService(service, append(byID.Items, byRef.Items...)); {
		case holder != "":
			census.Held, census.Holders = append(census.Held, service), append(census.Holders, holder)
		case leftover(service):
			census.Orphaned = append(census.Orphaned, service)
		default:
			census.Foreign = append(census.Foreign, service)
			continue
		}
		got.Marked = got.Marked && service.Mark().OfCluster(r.ClusterID)
	}
	return nil
}

// holderOfService is the object that stands for a service: by its recorded id, by its
// mark, or, while neither is there yet, by the name and port that it gives to it;
// empty if none.
func (r *Reconciler) holderOfService(service nlb.Service, objects []v1alpha1.NLBService) string {
	for i := range objects {
		object := &objects[i]
		want := nlb.WantedService(object, "")
		making := !meta.IsStatusConditionFalse(object.Status.Conditions, v1alpha1.ConditionAccepted) &&
			want.Name == service.Name && want.Port == service.Port && want.Protocol == service.Protocol
		marked := service.Mark() == nlb.MarkOf(r.ClusterID, object.Namespace, object.Name)
		if object.Status.ID == service.ID || marked || making {
			return client.ObjectKeyFromObject(object).String()
		}
	}
	return ""
}
