// Package sidecar decides which Pods get the container that watches their UDP
// applications, and what it is.
//
//	Pod, its Namespace ──────┐
//	Services of that ────────┼─▶ Decide ─▶ container to add, or why there is none
//	its LimitRanges, image ──┘
//
// A Pod is left as it is unless all is right: whoever made it is told the reason,
// and it starts without the sidecar. What is added can't keep it from starting
// either: it passes the restricted pod security, keeps the Pod's QoS class and
// fits the limits of the namespace.
//
// It is pure: the same Input gives the same Decision, and nothing is asked or
// written.
package sidecar
