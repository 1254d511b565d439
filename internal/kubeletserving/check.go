package kubeletserving

import (
	"crypto/x509"
	"net/netip"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Request is a CertificateSigningRequest, and what is known of who asks.
type Request struct {
	CSR *certificatesv1.CertificateSigningRequest
	// Identities are all NodeIdentities whose status.nodeName is NodeName(CSR).
	// Only one that is alone counts, and only if it is Verified as it stands:
	// Exoscale's API agrees to what the Node says. It need not be in an instance
	// pool: an instance outside of any is as well known as one inside.
	Identities []v1alpha1.NodeIdentity
	// NodeUID is that of the Node as it is now; empty: there is none.
	NodeUID types.UID
	// NodeCIDRs are where Nodes may have addresses that only they tell of.
	NodeCIDRs []netip.Prefix
	// Cluster tells what else has addresses.
	Cluster Cluster
}

// Rule is the name of what a request has to keep.
type Rule string

// The rules.
const (
	RuleSigner            Rule = "Signer"
	RuleUsages            Rule = "Usages"
	RuleRequestingUser    Rule = "RequestingUser"
	RuleRequestingGroups  Rule = "RequestingGroups"
	RuleEncoding          Rule = "Encoding"
	RuleKey               Rule = "Key"
	RuleSignature         Rule = "Signature"
	RuleCommonName        Rule = "CommonName"
	RuleOrganisation      Rule = "Organisation"
	RuleSubjectAttributes Rule = "SubjectAttributes"
	RuleExtensions        Rule = "Extensions"
	RuleNamesGiven        Rule = "NamesGiven"
	RuleNamesKind         Rule = "NamesKind"
	RuleNodeIdentity      Rule = "NodeIdentity"
	RuleVerified          Rule = "Verified"
	RuleDNSNames          Rule = "DNSNames"
	RuleIPAddresses       Rule = "IPAddresses"
	RulePinnedAddresses   Rule = "PinnedAddresses"
	RuleNodeCIDRs         Rule = "NodeCIDRs"
	RuleClusterNames      Rule = "ClusterNames"
	RuleClusterAddresses  Rule = "ClusterAddresses"
	RuleAddressesInUse    Rule = "AddressesInUse"
)

// rules in the order in which they are checked and told.
var rules = []struct {
	rule Rule
	// broken says, for people, what was found and what is allowed; empty: the
	// rule is kept, or can't be looked at because another is broken.
	broken func(evidence) string
}{
	{RuleSigner, otherSigner},                  // signer is kubernetes.io/kubelet-serving
	{RuleUsages, otherUsages},                  // usages are exactly those of a server
	{RuleRequestingUser, requesterIsNoNode},    // user is system:node:<name>
	{RuleRequestingGroups, groupsOfNoNode},     // groups hold system:nodes and system:authenticated
	{RuleEncoding, undecodable},                // one PEM block CERTIFICATE REQUEST, and nothing else
	{RuleKey, weakKey},                         // RSA from 2048 bits, ECDSA from P-256, Ed25519
	{RuleSignature, notSignedByKey},            // signed by the key that it asks for
	{RuleCommonName, otherCommonName},          // common name is the requesting user
	{RuleOrganisation, otherOrganisation},      // organisation is system:nodes alone
	{RuleSubjectAttributes, moreInSubject},     // the subject says nothing else
	{RuleExtensions, otherExtensions},          // names, key usage of a server, no CA
	{RuleNamesGiven, namesNothing},             // at least one DNS name or IP address
	{RuleNamesKind, namesOfOtherKind},          // no e-mail address, URI or the like
	{RuleNodeIdentity, notOneIdentity},         // the node has one NodeIdentity
	{RuleVerified, unverified},                 // which is verified
	{RuleDNSNames, namesOfOthers},              // every DNS name is the node's
	{RuleIPAddresses, addressesOfOthers},       // every IP address is the node's
	{RulePinnedAddresses, addressesNotPinned},  // which is pinned, unless Exoscale shows it
	{RuleNodeCIDRs, addressesElsewhere},        // and where nodes may be
	{RuleClusterNames, namesOfCluster},         // no DNS name is that of the API server, a Service or any host
	{RuleClusterAddresses, addressesOfCluster}, // no IP address either
	{RuleAddressesInUse, addressesInUse},       // nor one that something else has, unless it's known to be the node's
}

// Violation is a rule that a request breaks.
type Violation struct {
	Rule Rule
	// Message says what was found and what is allowed, in one sentence without
	// full stop. It is for people, and has nothing secret.
	Message string
}

// evidence is what the rules look at.
type evidence struct {
	spec certificatesv1.CertificateSigningRequestSpec
	// node is who asks; empty: no node.
	node string
	// asked is the decoded request; nil: undecodable says why.
	asked     *x509.CertificateRequest
	undecoded error
	matching  []v1alpha1.NodeIdentity
	nodeUID   types.UID
	nodeCIDRs []netip.Prefix
	cluster   Cluster
	// identity is the only one of matching; nil: there is none, or there are more.
	identity *v1alpha1.NodeIdentity
}

func evidenceOf(request Request) evidence {
	e := evidence{
		spec: request.CSR.Spec, node: NodeName(request.CSR), matching: request.Identities,
		nodeUID: request.NodeUID, nodeCIDRs: request.NodeCIDRs, cluster: request.Cluster,
	}
	e.asked, e.undecoded = decode(e.spec.Request)
	if len(e.matching) == 1 {
		e.identity = &e.matching[0]
	}
	return e
}

// Check gives every rule that a request breaks; none: it may be approved.
func Check(request Request) []Violation {
	e := evidenceOf(request)
	var violations []Violation
	for _, r := range rules {
		if message := r.broken(e); message != "" {
			violations = append(violations, Violation{Rule: r.rule, Message: message})
		}
	}
	return violations
}

// userPrefix begins the names of the users that kubelets are.
const userPrefix = "system:node:"

// NodeName is the node that asks for a certificate, by the user as whom it asks;
// empty if that is no node.
func NodeName(csr *certificatesv1.CertificateSigningRequest) string {
	name, is := strings.CutPrefix(csr.Spec.Username, userPrefix)
	if !is {
		return ""
	}
	return name
}
