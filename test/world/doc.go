// Package world puts the operator between a real Kubernetes control plane and
// a simulated cloud, for programs such as the demo and the benchmarks, and for
// tests of whole histories:
//
//	controlplane.Start ◀── JoinNodes ◀── instances of a pool
//	        ▲                                   │
//	        └────────── RunOperator ─────▶ ServeCloud
//
// RunBehind puts a gate between the operator and both servers, which counts its
// writes and can kill it by one of them.
//
// Each part is started and stopped by itself, so that a program can tell about
// each. Stop the operator first: the control plane waits for whoever watches it.
package world
