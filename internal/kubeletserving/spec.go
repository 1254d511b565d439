package kubeletserving

import (
	"fmt"
	"slices"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// The groups that every kubelet is in.
const (
	nodesGroup         = "system:nodes"
	authenticatedGroup = "system:authenticated"
)

// usagesAllowed are sorted. A key that isn't RSA enciphers no other key, but
// older kubelets ask for that all the same.
var usagesAllowed = [][]certificatesv1.KeyUsage{
	{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth},
	{certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment, certificatesv1.UsageServerAuth},
}

func otherSigner(e evidence) string {
	if e.spec.SignerName == certificatesv1.KubeletServingSignerName {
		return ""
	}
	return fmt.Sprintf("signer is %q; only %s is approved here", e.spec.SignerName, certificatesv1.KubeletServingSignerName)
}

// otherUsages compares them as they stand: one that is named twice is no set.
func otherUsages(e evidence) string {
	usages := slices.Sorted(slices.Values(e.spec.Usages))
	for _, allowed := range usagesAllowed {
		if slices.Equal(usages, allowed) {
			return ""
		}
	}
	return fmt.Sprintf("usages are %s; a kubelet's serving certificate is for \"digital signature\" and \"server auth\", "+
		"with or without \"key encipherment\", and nothing else", listed(usages))
}

func requesterIsNoNode(e evidence) string {
	if e.node != "" {
		return ""
	}
	return fmt.Sprintf("requesting user is %q; only a node, as %s<name>, gets a kubelet's serving certificate", e.spec.Username, userPrefix)
}

func groupsOfNoNode(e evidence) string {
	if slices.Contains(e.spec.Groups, nodesGroup) && slices.Contains(e.spec.Groups, authenticatedGroup) {
		return ""
	}
	return fmt.Sprintf("requesting user is in the groups %s; a node is in %s and %s", listed(e.spec.Groups), nodesGroup, authenticatedGroup)
}
