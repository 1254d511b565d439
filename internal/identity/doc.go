// Package identity tells which Exoscale instance a Node is, and which instance
// pool the Nodes of a cluster, or some of them, stand for.
//
//	Nodes ─────┐
//	instances ─┼─▶ InferPool ─▶ one pool, or why there is none
//	pools ─────┘
//
// It is pure: it gets Nodes, instances and pools, and asks nobody anything.
package identity
