// Package nlbservice reconciles NLBServices with the services on Exoscale's NLBs:
// one (port, protocol) of an NLB that forwards to one instance pool.
//
//	controller.go   one round: load, place, observe, resolve, diff, apply, describe, patch
//	placement.go    pure: on which NLB the service is to be, or why on none
//	observe.go      reads the cloud and the cluster into plain data
//	target.go       spec.target → instance pool
//	rivals.go       pure: which of two objects for one port goes first
//	apply.go        the only writer: records the intent, starts one operation
//	describe.go     pure: what came out → status and Events
//
// A round starts one operation at most, and never waits for it.
package nlbservice
