// Package injection tells which endpoints of a Service have the sidecar that
// watches UDP applications, and how the others get it.
//
//	Pods of the Service ─▶ Coverage ─▶ Condition: how many lack it, and what to run
//
// It is pure: the Pods are read by the caller.
package injection
