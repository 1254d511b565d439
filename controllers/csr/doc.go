// Package csr approves the CertificateSigningRequests by which kubelets get the
// certificates that they serve with, once the NodeIdentity of the node proves
// that all names and addresses in it are the node's.
//
//	controller.go   one round: load, observe, check, then approve or refuse
//	observe.go      the Node that asks, and what else in the cluster has addresses
//	watch.go        which requests are looked at, and when again
//	approve.go      the only writes: which addresses are certified, the condition Approved
//	refuse.go       what is told of a request that breaks a rule, and once
//
// The rules are those of package kubeletserving. A request that breaks one is
// left as it is, never denied: its node may be verified a moment later, or a
// person may know better. Kubernetes removes it after a day.
package csr
