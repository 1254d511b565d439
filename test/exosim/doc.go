// Package exosim is a simulated Exoscale cloud: it answers Exoscale's API v2
// over HTTP for network load balancers and what stands around them, so that the
// real SDK, the official exo CLI or any other client can be run against it.
//
//	client ──HTTP──▶ admit ─▶ faults ─▶ signature ─▶ route ─▶ handler ─▶ zone
//	                 count    latency    IAM role              │           │
//	                 rate     reset, 5xx               start operation   immutable
//	                                                           │         versions
//	                        settle: operations that are due ◀──┘           │
//	                                                                       ▼
//	                                              answers · stale reads · data plane
//
// A test starts one with StartTestServer, arranges what it needs (AddPool,
// PutLoadBalancer, SetQuota, Fault …), talks to it over HTTP as to Exoscale, and
// looks at what came of it (Snapshot, Calls, MutatingCalls). Over HTTP the same
// is offered under /sim/ to clients on this machine. docs/exosim.md is the
// manual.
//
// # Operations
//
// A mutation is answered at once with a pending operation. Its object shows it
// at once, too (creating, updating, deleting); the rest comes true when the
// operation ends, OperationDelay later. Nothing waits: what is due is settled
// whenever someone looks.
//
// # Versions
//
// The state of a zone is immutable: a change makes a new version that shares
// what it doesn't change. So answers are written without a lock, stale reads
// are answered from an earlier version, and a reset is a return to the first.
package exosim
