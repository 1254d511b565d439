package release

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// serviceStays tells what becomes of the service of an NLBService that is let go.
func serviceStays(object *v1alpha1.NLBService) string {
	port := nlb.PortText(object.Spec.Port, nlb.Protocol(object.Spec.Protocol))
	switch op := object.Status.Operation; {
	case object.Status.ID != "":
		return fmt.Sprintf("its service %q (%s) stays on NLB %s", object.Status.Name, port, object.Status.LoadBalancerID)
	case op != nil && op.Action == v1alpha1.ActionCreate:
		return fmt.Sprintf("a service %q (%s) may have been added to NLB %s, and stays there", op.Name, port, object.Status.LoadBalancerID)
	default:
		return fmt.Sprintf("it has no service (%s) at Exoscale that is recorded", port)
	}
}

func serviceGoes(own nlb.Service, loadBalancerID string) string {
	return fmt.Sprintf("its service %q (%s) is removed from NLB %s", own.Name, nlb.PortText(own.Port, own.Protocol), loadBalancerID)
}

// serviceGone is for an NLBService that has no service which is provably its own.
func serviceGone(object *v1alpha1.NLBService, loadBalancerID string) string {
	port := nlb.PortText(object.Spec.Port, nlb.Protocol(object.Spec.Protocol))
	if loadBalancerID == "" {
		return fmt.Sprintf("it has no service (%s) at Exoscale", port)
	}
	return fmt.Sprintf("it has no service (%s) of its own on NLB %s", port, loadBalancerID)
}

// loadBalancerFate tells what becomes of the NLB of a NetworkLoadBalancer. over: it
// has none any more.
func loadBalancerFate(removal nlb.LoadBalancerRemoval, mode Mode) (fate string, over bool) {
	lb := removal.Got.NLB
	if lb == nil {
		return "it has no NLB at Exoscale", true
	}
	text := fmt.Sprintf("NLB %s (%s)", lb.ID, lb.Address)
	switch removal.Move.Action {
	case nlb.Release:
		return text + " stays, marked as retained", false
	case nlb.None:
		switch removal.Got.Proof {
		case nlb.ProofNone:
			whose, _, _ := strings.Cut(removal.Got.Refusal, "; ") // the way out is for one that asks for it
			return fmt.Sprintf("NLB %s stays, since it isn't this object's: %s", lb.ID, whose), false
		case nlb.ProofConsent:
			return text + " stays, since it was handed over and not taken", false
		case nlb.ProofExternal:
			return text + " stays, since it is External", false
		}
		return text + " stays, marked as retained", false
	case nlb.Conflict:
		return text + " stays", false
	}
	if mode == Retain {
		return text + " stays", false
	}
	return text + " is deleted, and its address is lost", false
}

// loadBalancerUnasked is for when Exoscale isn't asked.
func loadBalancerUnasked(object *v1alpha1.NetworkLoadBalancer, defaultZone string) string {
	status := object.Status
	zone := status.Zone
	for _, other := range []string{object.Spec.Zone, defaultZone, "that isn't recorded"} {
		if zone == "" {
			zone = other
		}
	}
	op := status.Operation
	switch {
	case status.ID != "":
		return fmt.Sprintf("NLB %s (%s) in zone %s stays, if it is there, without a mark", status.ID, status.Address, zone)
	case op != nil && op.Action == v1alpha1.ActionCreate:
		return fmt.Sprintf("an NLB %q may have been made in zone %s, and stays there without a mark", op.Name, zone)
	case status.ObservedGeneration < 1:
		return fmt.Sprintf("whether it has an NLB in zone %s isn't recorded; if so, that stays there without a mark", zone)
	default:
		return "it has no NLB at Exoscale that is recorded"
	}
}

// serviceFate tells what becomes of a Service of type LoadBalancer.
func serviceFate(object *corev1.Service, mode Mode) string {
	switch {
	case !object.DeletionTimestamp.IsZero():
		return "it can go now"
	case mode == DeleteCloud:
		return "it stays, without an address any more: " + addresses(object)
	default:
		return "it stays as it is: " + addresses(object)
	}
}

// clusterOf is the id of the cluster in the labels of an NLB that bears the UID of
// the object, and yet is another cluster's: the wrong id has been given. Empty if
// that isn't so.
func clusterOf(got nlb.LoadBalancerGot, object *v1alpha1.NetworkLoadBalancer, cluster string) string {
	for _, lb := range []*nlb.LoadBalancer{got.NLB, got.SameName} {
		if lb == nil {
			continue
		}
		if other := nlb.OtherCluster(*lb, string(object.UID), cluster); other != "" {
			return other
		}
	}
	return ""
}

func anotherCluster(got nlb.LoadBalancerGot, other, cluster string) string {
	lb := got.NLB
	if lb == nil {
		lb = got.SameName
	}
	return fmt.Sprintf("NLB %s was made for this very object by an operator with another cluster id, %s instead of %s: say --cluster-id=%s", lb.ID, other, cluster, other)
}
