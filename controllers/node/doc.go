// Package node does for Nodes what a cloud provider's controller does: it
// initialises those that have come, and removes those whose instance is gone.
// Each is switched on by itself, so that the operator can run beside Exoscale's
// cloud controller manager, or in its place.
//
//	options.go      what both need, and when they look
//	initialise.go   a verified Node gets its providerID, addresses and labels, and loses the taint
//	remove.go       the Node of an instance that is gone goes, too
//	evidence.go     what is known of a Node that looks gone: lists, reads, the share
//
// What to do is decided by packages nodeinit and nodegone. What a Node is comes
// from its NodeIdentity. Of Nodes that are well nobody asks the cloud anything.
package node
