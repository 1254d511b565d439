// Package networkloadbalancer reconciles NetworkLoadBalancers with the NLBs at
// Exoscale: it makes, takes over, changes, retains and deletes them, or only
// looks an External one up.
//
//	controller.go   one round: load, observe, desire, diff, apply, describe, patch
//	observe.go      reads the cloud and the cluster into plain data
//	apply.go        the only writer: records the intent, starts one operation
//	describe.go     pure: what came out → status and Events
//
// A round starts one operation at most, and never waits for it.
package networkloadbalancer
