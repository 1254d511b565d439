package nlbservice

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// loadBalancer reads the NetworkLoadBalancer that the object refers to, nil if
// there is none, and whether the object may attach to it.
func (r *Reconciler) loadBalancer(ctx context.Context, object *v1alpha1.NLBService) (lb *v1alpha1.NetworkLoadBalancer, allowed bool, err error) {
	lb = &v1alpha1.NetworkLoadBalancer{}
	if err := r.Client.Get(ctx, index.LoadBalancerRef(object), lb); err != nil {
		return nil, false, client.IgnoreNotFound(err)
	}
	allowed, err = r.admits(ctx, lb, object.Namespace)
	return lb, allowed, err
}

// admits tells whether objects of a namespace may attach to a NetworkLoadBalancer.
func (r *Reconciler) admits(ctx context.Context, lb *v1alpha1.NetworkLoadBalancer, namespace string) (bool, error) {
	allowed := lb.Spec.AllowedNamespaces
	switch {
	case namespace == lb.Namespace:
		return true, nil
	case allowed == nil || allowed.From == v1alpha1.NamespacesFromSame:
		return false, nil
	case allowed.From == v1alpha1.NamespacesFromAll:
		return true, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	if err != nil {
		return false, nil //nolint:nilerr // a selector that can't be read selects nothing
	}
	var in corev1.Namespace
	switch err := r.Client.Get(ctx, types.NamespacedName{Name: namespace}, &in); {
	case apierrors.IsNotFound(err):
		// The object is in it, so it exists. A cache that lags tells nothing of its
		// labels, and isn't NotFound: that is the object itself.
		return false, fmt.Errorf("namespace %s isn't known yet", namespace)
	case err != nil:
		return false, fmt.Errorf("reading namespace %s: %w", namespace, err)
	}
	return selector.Matches(labels.Set(in.Labels)), nil
}

// ownUIDs are the object's UID and, if it was projected, that of its Service.
// The reference is anybody's to write; only a Service that lives has a UID to prove.
func (r *Reconciler) ownUIDs(ctx context.Context, object *v1alpha1.NLBService) ([]string, error) {
	uids := []string{string(object.UID)}
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return uids, nil
	}
	service := &corev1.Service{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service)
	if err != nil || service.UID != owner.UID {
		return uids, client.IgnoreNotFound(err)
	}
	return append(uids, string(service.UID)), nil
}

// siblings are the other objects on the same NLB: those whose status says so,
// and those that refer to the same NetworkLoadBalancer.
func (r *Reconciler) siblings(ctx context.Context, object *v1alpha1.NLBService, loadBalancerID string) ([]v1alpha1.NLBService, error) {
	var byID, byRef v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &byID, client.MatchingFields{index.ByLoadBalancerID: loadBalancerID}); err != nil {
		return nil, fmt.Errorf("listing NLBServices on NLB %s: %w", loadBalancerID, err)
	}
	if err := r.Client.List(ctx, &byRef, client.MatchingFields{index.ByLoadBalancerRef: index.LoadBalancerRef(object).String()}); err != nil {
		return nil, fmt.Errorf("listing NLBServices of %s: %w", refText(object), err)
	}
	seen := map[types.UID]bool{object.UID: true}
	var others []v1alpha1.NLBService
	for _, other := range append(byID.Items, byRef.Items...) {
		if !seen[other.UID] {
			seen[other.UID] = true
			others = append(others, other)
		}
	}
	return others, nil
}

// observe sorts out whose the services on the NLB are. The outcome is set if that
// can't be known.
func (r *Reconciler) observe(ctx context.Context, round *round, lb nlb.LoadBalancer) (*outcome.Outcome, error) {
	if lb.Incomplete() {
		out := outcome.Retry(v1alpha1.ReasonRetrying, fmt.Sprintf("Exoscale's answer about NLB %s left out its services; looking again", lb.ID), nil)
		out.After = waitNet
		r.Inventory.Invalidate(r.entry(round).Key)
		return &out, nil
	}
	object := round.object
	others, err := r.siblings(ctx, object, lb.ID)
	if err != nil {
		return nil, err
	}
	if err := r.makeClaim(ctx, round, others, lb); err != nil {
		return nil, err
	}
	wanted := nlb.WantedService(object, "")
	round.lb, round.others, round.probe = &lb, others, nil
	round.got = nlb.ServiceGot{
		LoadBalancerID: lb.ID, Refusal: round.place.refusal(lb, r.ClusterID), Count: len(lb.Services) + away(others, lb.Services),
		Consent: r.consent(object).HowTo(),
	}
	got := &round.got
	for _, service := range lb.Services {
		if nlb.IsProbe(service) {
			got.Probes++
		}
		switch {
		case round.isProbe(service):
			round.probe = &service
		case nlb.ServiceIsOurs(service, round.claim):
			if got.Own == nil || service.ID == object.Status.ID {
				got.Own = &service
			}
		default:
			if service.Port == wanted.Port && service.Protocol == wanted.Protocol {
				got.OnPort, got.Holder = &service, round.claim.HolderOf(service.ID)
			}
			if service.Name == wanted.Name {
				got.SameName = &service
				got.NameHolder, got.NameLeaves = r.namesake(round, service)
			}
		}
	}
	if first := rival(object, others); first != nil {
		got.Rival = client.ObjectKeyFromObject(first).String()
	}
	return nil, nil
}

// makeClaim gathers what proves that a service on the NLB is the object's.
func (r *Reconciler) makeClaim(ctx context.Context, round *round, others []v1alpha1.NLBService, lb nlb.LoadBalancer) error {
	object, claim := round.object, &round.claim
	var err error
	if claim.HolderOf, err = r.holders(ctx, object, others, lb); err != nil {
		return err
	}
	lives, err := index.Lives(ctx, r.Client, lb.Services, r.SeesAllNamespaces)
	if err != nil {
		return err
	}
	wanted := nlb.WantedService(object, "")
	claim.RecordedID, claim.Port, claim.Protocol = object.Status.ID, wanted.Port, wanted.Protocol
	claim.Mark, claim.Intent = r.mark(object), r.intended(object)
	if claim.CCMName = ""; nlb.MadeForService(lb, claim.OwnUIDs) && !round.place.external() {
		claim.CCMName = wanted.Name
	}
	claim.Consented = r.consent(object).Given(lb)
	if claim.Leftover = nil; round.place.made {
		claim.Leftover = nlb.Leftovers(lb, r.ClusterID, lives)
	}
	return nil
}

// mark is what the object leaves in the description of its services.
func (r *Reconciler) mark(object *v1alpha1.NLBService) nlb.Mark {
	return nlb.MarkOf(r.ClusterID, object.Namespace, object.Name)
}

// consent is the label by which the service on the object's port is handed over.
func (r *Reconciler) consent(object *v1alpha1.NLBService) nlb.ServiceConsent {
	wanted := nlb.WantedService(object, "")
	return nlb.ServiceConsentFor(r.ClusterID, object.Namespace, object.Name, wanted.Port, wanted.Protocol)
}

// intended is the add that the object has begun, or was about to begin; nil if there
// is none that proves anything.
func (r *Reconciler) intended(object *v1alpha1.NLBService) *nlb.ServiceIntent {
	op := object.Status.Operation
	if op == nil || op.Action != v1alpha1.ActionCreate || r.journal.Expired(op) {
		return nil
	}
	return &nlb.ServiceIntent{Name: op.Name, Before: op.ServicesBefore, Sent: op.Sent, Begun: op.ID != ""}
}
