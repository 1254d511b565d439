// Package e2e shows the whole way of a datagram on real parts: from a client
// through an NLB of the simulated cloud to the NodePort of a real node, and by
// kube-proxy to a Pod that kubelet and containerd run, with the sidecar in it that
// says whether the application answers. The control plane is real, too, and the
// operator works between them.
//
//	make e2e-node
//
// All of it runs in a sandbox (test/e2e/sandbox): no address, table or file of the
// machine is touched, and nothing is left. It takes root on Linux, and the programs
// of a node that aren't built from Go modules; where something is missing, the test
// is skipped and says what.
package e2e
