// Package sidecar is the admission webhook that adds the UDP health-check sidecar
// to Pods as they are created.
//
//	handler.go   one request: observe, decide (internal/sidecar), answer
//	observe.go   what is known of the Pod's namespace, from the cache
//	guard.go     how much of the operator anybody who reaches the port can use up
//	callers.go   who is answered, where that can be told
//	server.go    serves it, on every replica
//
// Whatever goes wrong, the Pod is created as it is: every answer lets it pass, and
// an answer that doesn't come is let pass by the failurePolicy Ignore. Nothing here
// can end the operator, or make it unready for more than the first seconds.
//
// The selectors of the webhook's configuration only spare work. Who asks for a
// sidecar is decided by what the request and the cache say.
//
// Nothing is written: the only effect of a request is its answer, and so a dry run
// is answered like any other.
package sidecar
