package nlb

import (
	"maps"
	"slices"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// labelledOwner is whom the labels of an NLB name, each value as LabelValue writes
// it, so that it can be compared. Operators before this form wrote the texts as
// they are; such labels stay until others have to be written, and are read here as
// if they had been encoded.
type labelledOwner struct{ cluster, object, uid string }

// ownershipKeys are the keys of the labels of ownership: cluster, object and UID.
type ownershipKeys struct{ cluster, object, uid string }

var (
	presentKeys = ownershipKeys{v1alpha1.CloudLabelCluster, v1alpha1.CloudLabelOwner, v1alpha1.CloudLabelOwnerUID}
	formerKeys  = ownershipKeys{v1alpha1.FormerCloudLabelCluster, v1alpha1.FormerCloudLabelOwner, v1alpha1.FormerCloudLabelOwnerUID}
)

func (k ownershipKeys) all() []string { return []string{k.cluster, k.object, k.uid} }

// ownerOf reads the labels of ownership. Those under the former keys count first:
// where the operator writes it takes them off, so an earlier one has written them
// since.
func ownerOf(lb LoadBalancer) labelledOwner {
	if owner := formerKeys.read(lb.Labels); owner != (labelledOwner{}) {
		return owner
	}
	return presentKeys.read(lb.Labels)
}

// MadeBy reports whether the labels of an NLB name this cluster as its owner.
func MadeBy(lb LoadBalancer, cluster string) bool {
	return cluster != "" && ownerOf(lb).cluster == LabelValue(cluster)
}

// read the labels under the keys. Which form they have is known from all of them
// together: the object's text holds a slash, which an encoded one never does.
func (k ownershipKeys) read(labels map[string]string) labelledOwner {
	owner := labelledOwner{cluster: labels[k.cluster], object: labels[k.object], uid: labels[k.uid]}
	if encoded(owner.cluster) && encoded(owner.object) && encoded(owner.uid) {
		return owner
	}
	return labelledOwner{cluster: LabelValue(owner.cluster), object: LabelValue(owner.object), uid: LabelValue(owner.uid)}
}

// owner is what the labels of the claimant's NLB are to name.
func (c Claim) owner() labelledOwner {
	return labelledOwner{cluster: LabelValue(c.Cluster), object: LabelValue(c.object()), uid: LabelValue(c.UID)}
}

func (o labelledOwner) retained() bool { return o.uid == v1alpha1.OwnerUIDRetained }

// consentOf is for whom the adopt label of an NLB is, as LabelValue writes it. The
// text holds slashes.
func consentOf(lb LoadBalancer) string {
	consent := lb.Labels[v1alpha1.CloudLabelAdopt]
	if encoded(consent) {
		return consent
	}
	return LabelValue(consent)
}

// inOneForm are the labels of an NLB with those of ownership under the present keys,
// and those of the operator's keys encoded that aren't. Labels of others are as they
// were.
func inOneForm(labels map[string]string) map[string]string {
	lb := LoadBalancer{Labels: labels}
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for _, key := range slices.Concat(formerKeys.all(), presentKeys.all()) {
		delete(labels, key)
	}
	owner := ownerOf(lb)
	for key, value := range map[string]string{
		v1alpha1.CloudLabelCluster: owner.cluster, v1alpha1.CloudLabelOwner: owner.object, v1alpha1.CloudLabelOwnerUID: owner.uid,
		v1alpha1.CloudLabelAdopt: consentOf(lb),
	} {
		if value != "" {
			labels[key] = value
		}
	}
	for key, value := range labels {
		if strings.HasPrefix(key, v1alpha1.CloudLabelAdopt+"-") && !encoded(value) {
			labels[key] = LabelValue(value) // the consent for a service
		}
	}
	return labels
}

// OtherCluster is the id of the cluster in the labels of an NLB that bears the UID
// of an object, and yet is another cluster's than the one given: the wrong id has
// been given. Empty if that isn't so.
func OtherCluster(lb LoadBalancer, uid, cluster string) string {
	owner := ownerOf(lb)
	if owner.uid == "" || owner.uid != LabelValue(uid) || !differs(owner.cluster, LabelValue(cluster)) {
		return ""
	}
	return legible(owner.cluster)
}
