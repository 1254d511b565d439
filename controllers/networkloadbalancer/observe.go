package networkloadbalancer

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// claim gathers what could prove that an NLB is the object's.
func (r *Reconciler) claim(ctx context.Context, object *v1alpha1.NetworkLoadBalancer) (nlb.Claim, error) {
	serviceUID, err := r.serviceUID(ctx, object)
	return nlb.Claim{
		Cluster:    r.ClusterID,
		Namespace:  object.Namespace,
		Name:       object.Name,
		UID:        string(object.UID),
		ServiceUID: serviceUID,
		RecordedID: object.Status.ID,
		External:   object.Spec.ManagementPolicy == v1alpha1.External,
	}, err
}

// serviceUID is the UID of the Service that the object was projected from. The
// reference is anybody's to write; only a Service that lives has a UID to prove.
func (r *Reconciler) serviceUID(ctx context.Context, object *v1alpha1.NetworkLoadBalancer) (string, error) {
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return "", nil
	}
	service := &corev1.Service{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service)
	if err != nil || service.UID != owner.UID {
		return "", client.IgnoreNotFound(err)
	}
	return string(service.UID), nil
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
	if err != nil || got.NLB == nil {
		return got, err
	}
	got.Services, err = r.census(ctx, object, *got.NLB)
	return got, err
}

func (r *Reconciler) find(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, zone string, claim nlb.Claim) (nlb.LoadBalancerGot, error) {
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
	if claim.External {
		return r.findByName(ctx, zone, object.Spec.Name, claim)
	}
	// A create may follow, or its answer was lost: memory isn't good enough.
	all, err := r.Inventory.FreshLoadBalancers(ctx, zone)
	if err != nil {
		return nlb.LoadBalancerGot{}, err
	}
	if lb, proof := nlb.FindLoadBalancer(all, claim); proof != nlb.ProofNone {
		return nlb.LoadBalancerGot{NLB: &lb, Proof: proof}, nil
	}
	got := nlb.LoadBalancerGot{}
	wanted := nlb.WantedLoadBalancer(object, claim).Attributes.Name
	for _, lb := range all {
		if lb.Name == wanted {
			got.SameName = &lb
		}
	}
	return got, nil
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

// census tells whose the services on an NLB are.
func (r *Reconciler) census(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, lb nlb.LoadBalancer) (nlb.ServiceCensus, error) {
	var census nlb.ServiceCensus
	if len(lb.Services) == 0 {
		return census, nil
	}
	var byID, byRef v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &byID, client.MatchingFields{index.ByLoadBalancerID: lb.ID}); err != nil {
		return census, fmt.Errorf("listing NLBServices on NLB %s: %w", lb.ID, err)
	}
	if err := r.Client.List(ctx, &byRef, client.MatchingFields{index.ByLoadBalancerRef: client.ObjectKeyFromObject(object).String()}); err != nil {
		return census, fmt.Errorf("listing NLBServices of %s: %w", object.Name, err)
	}
	lives, err := index.Lives(ctx, r.Client, nlb.ServiceNames(lb.Services), r.SeesAllNamespaces)
	if err != nil {
		return census, err
	}
	owned := object.Spec.ManagementPolicy != v1alpha1.External
	for _, service := range lb.Services {
		switch {
		case held(service, append(byID.Items, byRef.Items...)):
			census.Held = append(census.Held, service)
		case owned && nlb.Orphaned(service.Name, lives):
			census.Orphaned = append(census.Orphaned, service)
		default:
			census.Foreign = append(census.Foreign, service)
		}
	}
	return census, nil
}

// held tells whether one of the objects stands for the service: by its recorded
// id, or by the name and port that it gives to it.
func held(service nlb.Service, objects []v1alpha1.NLBService) bool {
	for i := range objects {
		object := &objects[i]
		want := nlb.WantedService(object, "")
		if object.Status.ID == service.ID ||
			want.Name == service.Name && want.Port == service.Port && want.Protocol == service.Protocol {
			return true
		}
	}
	return false
}
