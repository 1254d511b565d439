package nlb

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Claim is who asks whether an NLB is theirs: a NetworkLoadBalancer, and what is
// known of it that could prove ownership.
type Claim struct {
	// Cluster is the id of this cluster.
	Cluster string
	// Namespace, Name and UID of the NetworkLoadBalancer.
	Namespace, Name, UID string
	// ServiceUID is the UID of the live Service that the object was projected
	// from; empty if none. The caller has looked that Service up: a UID that
	// somebody wrote is no proof.
	ServiceUID string
	// RecordedID is the NLB that the object's status says is its own, by labels
	// that it wrote (see Held): one that it is only attached to is not.
	RecordedID string
	// External is true if the NLB is only to be attached to.
	External bool
	// HolderOf tells which other live object goes first in claiming an NLB that
	// bears no labels (see GoesFirst), as namespace/name; empty if none. May be nil.
	HolderOf func(loadBalancerID string) string
}

// object is what the owner label names.
func (c Claim) object() string { return c.Namespace + "/" + c.Name }

// consent is what the adopt label names that lets this object take an NLB over.
func (c Claim) consent() string { return c.Cluster + "/" + c.object() }

// Labels are the labels that prove the ownership from now on.
func (c Claim) Labels() map[string]string {
	own := c.owner()
	return map[string]string{
		v1alpha1.CloudLabelCluster:  own.cluster,
		v1alpha1.CloudLabelOwner:    own.object,
		v1alpha1.CloudLabelOwnerUID: own.uid,
	}
}

// Proof is why an NLB may be changed, or only attached to, by who claims it.
type Proof string

// The proofs of ownership, strongest first.
const (
	// ProofLabels: the labels name this cluster and this very object.
	ProofLabels Proof = "Labels"
	// ProofRestored: the labels name this cluster and an object of this
	// namespace and name. There is only one at a time, so the one with the other
	// UID is gone: this one was restored from a backup, or made anew.
	ProofRestored Proof = "Restored"
	// ProofRetained: as before, and the NLB was retained when that object went.
	ProofRetained Proof = "Retained"
	// ProofRecorded: the status names it and nobody else's labels are on it:
	// somebody took ours off, or some of them.
	ProofRecorded Proof = "Recorded"
	// ProofCCM: no labels, and the name that the CCM gives to the NLB of the
	// very Service that the object was projected from.
	ProofCCM Proof = "CCM"
	// ProofConsent: whoever holds the account has set the adopt label for this object.
	ProofConsent Proof = "Consent"
	// ProofExternal: not ours, but open to be attached to.
	ProofExternal Proof = "External"
	// ProofNone: not ours.
	ProofNone Proof = ""
)

// Held tells whether an object holds the NLB that its status names: it has
// written the labels of ownership on it, or was about to.
func Held(object *v1alpha1.NetworkLoadBalancer) bool {
	return object.Status.ID != "" && len(object.Status.AppliedLabelKeys) > 0
}

// NeverStarted tells that nothing was ever begun in the cloud: the zone is
// recorded before that. An object that was never described (a generation is 1 at
// least) may be one that was restored without its status, or has lost it.
func NeverStarted(object *v1alpha1.NetworkLoadBalancer) bool {
	status := object.Status
	return status.ObservedGeneration > 0 && status.Zone == "" && status.ID == "" && status.Operation == nil
}

// Unbound reports whether a Service may have another NetworkLoadBalancer in the place of
// its own: nothing was ever begun for that, or its NLB is refused and holds none of the
// Service's NLBServices. What the object may own stays bound to it: an NLB on which it has
// written its labels, or may have, since an answer was lost.
func Unbound(object *v1alpha1.NetworkLoadBalancer, services []v1alpha1.NLBService) bool {
	status := object.Status
	switch {
	case NeverStarted(object):
		return true
	case !refused(object), Held(object), status.Adopted, status.Operation != nil:
		return false
	}
	return !slices.ContainsFunc(services, func(s v1alpha1.NLBService) bool { return mayBeOn(s.Status, status.ID) })
}

// refused reports whether an object may not have the NLB that it asks for, by the last look.
func refused(object *v1alpha1.NetworkLoadBalancer) bool {
	accepted := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionAccepted)
	if accepted == nil || accepted.Status != metav1.ConditionFalse || accepted.ObservedGeneration != object.Generation {
		return false
	}
	return accepted.Reason == v1alpha1.ReasonInUseByOther ||
		accepted.Reason == v1alpha1.ReasonInvalid && object.Spec.ManagementPolicy == v1alpha1.External
}

// mayBeOn reports whether an NLBService has something on an NLB, or may have, since its
// controller hasn't looked yet.
func mayBeOn(status v1alpha1.NLBServiceStatus, loadBalancerID string) bool {
	if status.LoadBalancerID != "" && status.LoadBalancerID != loadBalancerID {
		return false
	}
	return status.ObservedGeneration < 1 || status.ID != "" || status.Operation != nil || status.Probe != nil || status.ReplacedAt != nil
}

// GoesFirst tells whether, of two objects that claim one NLB, other has the better
// right: the one that holds it, then the older, then the one with the smaller UID.
func GoesFirst(other, object *v1alpha1.NetworkLoadBalancer) bool {
	if Held(other) != Held(object) {
		return Held(other)
	}
	return cmp.Or(other.CreationTimestamp.Compare(object.CreationTimestamp.Time), cmp.Compare(other.UID, object.UID)) < 0
}

func (c Claim) holder(lb LoadBalancer) string {
	if c.HolderOf == nil {
		return ""
	}
	return c.HolderOf(lb.ID)
}

// Made tells whether the operator made an object's NLB, rather than found it: what
// stands on it under a derived name was made by the operator, too.
func Made(object *v1alpha1.NetworkLoadBalancer) bool {
	return object.Spec.ManagementPolicy != v1alpha1.External && object.Spec.ID == "" && !object.Status.Adopted
}

// Adopts tells whether the NLB was somebody else's, or nobody's, before.
func (p Proof) Adopts() bool {
	return p == ProofRetained || p == ProofCCM || p == ProofConsent
}

// ProofOf is the one place that decides whether an NLB is the claimant's. Where
// it isn't, the refusal says whose it is and what can be done.
//
//	labels on the NLB                        │ Managed           │ External
//	─────────────────────────────────────────┼───────────────────┼──────────
//	our cluster, our UID                     │ Labels            │ External
//	our cluster, our ns/name, retained       │ Retained          │ External
//	our cluster, our ns/name, another UID    │ Restored          │ External
//	retained, other owner, consent for us    │ Consent           │ External
//	retained, other owner                    │ refused           │ External
//	another owner                            │ refused           │ refused
//	none, recorded by one that goes first    │ refused           │ refused
//	none of another, recorded in our status  │ Recorded          │ External
//	none, named k8s-<UID of our Service>     │ CCM               │ External
//	none, consent for us                     │ Consent           │ External
//	none, named k8s-<another UID>            │ refused           │ refused
//	none                                     │ refused           │ External
func ProofOf(lb LoadBalancer, claim Claim) (proof Proof, refusal string) {
	owner, ours := ownerOf(lb), claim.owner()
	held := owner != (labelledOwner{})
	retained := owner.retained()
	sameCluster := claim.Cluster != "" && owner.cluster == ours.cluster
	sameOwner := sameCluster && owner.object == ours.object
	consents := consentOf(lb) == LabelValue(claim.consent())
	ownName := claim.ServiceUID != "" && lb.Name == LoadBalancerNameOfService(claim.ServiceUID)

	if claim.External {
		switch {
		case held && !retained && !sameOwner:
			return ProofNone, inUse(lb)
		case !held && claim.holder(lb) != "":
			return ProofNone, recordedBy(lb, claim)
		case !held && !ownName && NameReserved(lb.Name, claim.ServiceUID):
			return ProofNone, fmt.Sprintf("NLB %s is named %q, so it is the NLB of another Service, and can't be attached to as External; %s", lb.ID, lb.Name, anotherNLB)
		default:
			return ProofExternal, ""
		}
	}
	switch {
	case sameCluster && owner.uid == ours.uid:
		return ProofLabels, ""
	case sameOwner && retained:
		return ProofRetained, ""
	case sameOwner:
		return ProofRestored, ""
	case !held && claim.holder(lb) != "":
		return ProofNone, recordedBy(lb, claim)
	case !claim.another(lb) && claim.RecordedID != "" && lb.ID == claim.RecordedID:
		return ProofRecorded, ""
	case held && !retained:
		return ProofNone, inUse(lb)
	case consents:
		return ProofConsent, ""
	case held:
		return ProofNone, heldBy(lb) + ". " + howToConsent(claim)
	case ownName:
		return ProofCCM, ""
	default:
		return ProofNone, fmt.Sprintf("NLB %s (%q) wasn't made by this object. %s", lb.ID, lb.Name, howToConsent(claim))
	}
}

// MayStandFor says why an NLB can't be the one of a NetworkLoadBalancer, whatever
// that object's status says: its labels name another. Empty if it can be.
func MayStandFor(lb LoadBalancer, object *v1alpha1.NetworkLoadBalancer, cluster string) (refusal string) {
	claim := Claim{Cluster: cluster, Namespace: object.Namespace, Name: object.Name, UID: string(object.UID)}
	owner, ours := ownerOf(lb), claim.owner()
	sameCluster := cluster != "" && owner.cluster == ours.cluster
	same := sameCluster && (owner.uid == ours.uid || owner.object == ours.object)
	if same || owner.retained() || !claim.another(lb) {
		return ""
	}
	return fmt.Sprintf("%s, and not to NetworkLoadBalancer %s, to which this object refers; %s", heldBy(lb), claim.object(), anotherReference)
}

// another tells whether a label of an NLB names somebody else than the claimant.
func (c Claim) another(lb LoadBalancer) bool {
	owner, ours := ownerOf(lb), c.owner()
	return differs(owner.cluster, ours.cluster) || differs(owner.object, ours.object) || differs(owner.uid, ours.uid)
}

// differs tells whether a label names somebody else: it is there, and not as ours.
func differs(label, ours string) bool { return label != "" && label != ours }

func heldBy(lb LoadBalancer) string {
	owner := ownerOf(lb)
	object, cluster := legible(owner.object), legible(owner.cluster)
	if owner.retained() {
		return fmt.Sprintf("NLB %s (%q) was retained for NetworkLoadBalancer %s of cluster %s", lb.ID, lb.Name, object, cluster)
	}
	return fmt.Sprintf("NLB %s (%q) belongs to NetworkLoadBalancer %s (UID %s) of cluster %s", lb.ID, lb.Name, object, legible(owner.uid), cluster)
}

// inUse refuses an NLB that bears the labels of another owner.
func inUse(lb LoadBalancer) string {
	return fmt.Sprintf("%s; have its owner delete that object with deletionPolicy Retain, or %s", heldBy(lb), anotherNLB)
}

func recordedBy(lb LoadBalancer, claim Claim) string {
	return fmt.Sprintf("NLB %s (%q) is held by NetworkLoadBalancer %s of this cluster; delete that first, with deletionPolicy Retain to keep the NLB, or %s",
		lb.ID, lb.Name, claim.holder(lb), anotherNLB)
}

func howToConsent(claim Claim) string {
	return setLabel(v1alpha1.CloudLabelAdopt, LabelValue(claim.consent())) + "; to only attach to it, create this object anew with managementPolicy External"
}

// setLabel asks for a label as it is set without losing the others: Exoscale, and so
// its command line and Terraform, knows only all of them together.
func setLabel(key, value string) string {
	return fmt.Sprintf("To hand it over, set the label %s=%s on the NLB, and repeat its other labels, which a change replaces", key, value)
}

// FindLoadBalancer picks, from all NLBs of a zone, the one that is the
// claimant's by proof, where no id is recorded: the strongest proof, then the
// oldest. Consent is no way to be found: it takes the id, too.
func FindLoadBalancer(all []LoadBalancer, claim Claim) (LoadBalancer, Proof) {
	order := []Proof{ProofLabels, ProofRestored, ProofRetained, ProofCCM}
	best, bestRank := LoadBalancer{}, len(order)
	for _, lb := range all {
		proof, _ := ProofOf(lb, claim)
		rank := slices.Index(order, proof)
		if rank < 0 || rank > bestRank || rank == bestRank && !lb.CreatedAt.Before(best.CreatedAt) {
			continue
		}
		best, bestRank = lb, rank
	}
	if bestRank == len(order) {
		return LoadBalancer{}, ProofNone
	}
	return best, order[bestRank]
}

// LabelsToWrite are all labels that an NLB is to have: the wanted ones, and what
// others put there. applied are the keys that we wrote before: only these are
// removed if they aren't wanted any more. Consent that was given unencoded is
// encoded: Exoscale takes all labels of a request, or none.
func LabelsToWrite(got, want map[string]string, applied []string) map[string]string {
	labels := inOneForm(got)
	for _, key := range applied {
		delete(labels, key)
	}
	maps.Copy(labels, want)
	return labels
}
