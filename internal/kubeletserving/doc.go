// Package kubeletserving holds the rules by which a kubelet gets a certificate
// to serve with: what a CertificateSigningRequest for the signer
// kubernetes.io/kubelet-serving may ask for, given who the node is.
//
//	CertificateSigningRequest ─┐
//	NodeIdentities of the node ┤
//	where nodes may be ────────┼─▶ Check ─▶ nothing, or the rules it breaks
//	addresses of other things ─┘
//
//	check.go         the list of rules, in the order in which they are told
//	spec.go          what the API server knows: signer, usages, who asks
//	encoding.go      the PEM block, and the proof that the key is the requester's
//	certificate.go   what the certificate is to say: subject, key, extensions
//	names.go         whom it is to stand for: every name and address, and whose they are
//	unproven.go      addresses that only the node tells of
//	cluster.go       what stands for the cluster itself, and is no node's
//
// The first three are those of Kubernetes' own signer, which checks them again
// before it signs, and some more: the signer drops what it doesn't know, and we
// refuse it. That names and addresses are the node's is for the approver alone
// to check.
//
// It is pure: it reads no cluster and asks nobody anything.
package kubeletserving
