// Package service serves Services of type LoadBalancer: it projects each onto a
// NetworkLoadBalancer and NLBServices, and copies the address back.
//
//	controller.go   one round: load, claim, observe, project, apply, describe, patch
//	claim.go        pure: is the Service ours to serve?
//	observe.go      reads the objects of the Service, its pool, and whether a CCM runs
//	apply.go        the only writer of those objects
//	companion.go    the Service at which the sidecars of UDP applications are probed
//	describe.go     pure: what was found → conditions and Events
//	ingress.go      pure: what was found → the address and the errors of ports
//	overwritten.go  what another program writes into the status
//	words.go        pure: what objects say of their fields → annotations
//	watch.go        whom changes of Nodes, of objects and of the cloud concern
//
// It has the same shape as the other controllers, with Kubernetes as its cloud:
// it asks Exoscale nothing but, from memory, which instances the Nodes are, and
// whether the NLB exists that a Service wants to be bound to.
package service
