// Package projection turns a Service of type LoadBalancer into the objects that
// serve it: one NetworkLoadBalancer, and one NLBService for each port.
//
//	Service, annotations ─┐
//	instance pool ────────┼─▶ Project ─▶ Plan: objects · problems · warnings
//	existing children ────┘
//
// It is pure: the same Input gives the same Plan, and nothing is asked or written.
package projection
