// Package node runs one real Kubernetes node in a sandbox (test/e2e/sandbox):
// containerd with runc and the usual CNI plugins, kubelet, and kube-proxy in its
// nftables mode. It has a network of its own beside the one of who runs it:
//
//	outside, the caller's        │ the node's
//	control plane, cloud, client │ kubelet, containerd, kube-proxy
//	203.0.113.1 ──────────── veth pair ──────────── 203.0.113.10 ── bridge ── Pods
//	            routes to 10.244.0.0/24             │              10.244.0.0/24
//
// so that what comes to a NodePort comes from elsewhere, as in life. What the
// programs say is in NAME.log of Options.LogDir.
package node
