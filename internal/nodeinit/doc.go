// Package nodeinit tells what a Node still lacks of what a cloud provider gives
// it: spec.providerID, addresses, the labels of its place and type, and the end
// of the taint that keeps Pods away until all of that is there.
//
//	Node ────────────────────┐
//	its NodeIdentity ────────┼─▶ For ─▶ Plan: what to write, or nothing
//	 (verified, or nothing)  ┘
//
// The values are those that Exoscale's cloud controller manager writes, so that
// a Node looks the same whichever of the two has met it first, and Kubernetes'
// own names for topology.kubernetes.io/zone on top, which that one leaves out.
// It is pure: it asks nobody anything, and what it plans for a Node that has
// everything is nothing.
package nodeinit
