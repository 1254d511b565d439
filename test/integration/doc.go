// Package integration proves the operator as a whole: it runs in the test's own
// process, between a real kube-apiserver with etcd and the simulated Exoscale
// API over HTTP.
//
//	given_test.go    a world: a namespace, a simulated cloud, an operator
//	cloud_test.go    what the cloud holds, in short words
//
// All worlds share one control plane. Each operator watches its own namespace
// only, and has a cloud of its own, so tests run side by side.
package integration
