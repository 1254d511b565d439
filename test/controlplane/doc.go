// Package controlplane runs a real Kubernetes control plane on loopback, for
// tests and the demo: etcd, kube-apiserver and, if asked for,
// kube-controller-manager. There are no nodes: Pods are accepted and never run.
//
//	cp, err := controlplane.Start(ctx, controlplane.Options{ControllerManager: true})
//	...
//	defer cp.Stop()
//	c, err := client.New(cp.Config(), client.Options{})
//
// The programs are built from their Go modules (see test/tools) and found in
// .cache/bin of the checkout; make builds them. KUBEBUILDER_ASSETS names
// another folder. Ports are free ones, data is temporary, and many control
// planes can run at once.
package controlplane
