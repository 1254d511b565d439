// Package dataplane is the part of the simulated Exoscale cloud that moves
// real traffic: every NLB service listens on its own address and port and
// forwards TCP connections or UDP datagrams to the healthy members of its
// instance pool, which it probes as the service's health check says.
//
//	Apply(wanted set) ─▶ service ── prober per backend ──▶ verdicts
//	                        │                                 │
//	                        └──────────── route ◀─────────────┘   immutable, swapped whole
//	                                        │
//	client ─▶ front (tcp | udp) ── selector.candidates ─▶ backend:targetPort
//
// # Addresses
//
// An NLB has an address of 127.0.0.0/8, all of which Linux binds to lo, so that
// nothing here needs a privilege. Where client and backend are both loopback
// addresses, the backend sees the client's IP, as it does behind a real NLB;
// elsewhere it sees the address that the kernel chooses.
//
// # Strategies
//
//   - round-robin: the healthy backends in turn, per connection or UDP flow.
//   - source-hash: by client IP over all members of the pool. As Exoscale
//     documents it, only a change of membership redistributes clients; a failed
//     health check moves just the clients of the failed backend, spread over
//     the others.
//   - maglev-hash: by client IP and port through a Maglev lookup table of the
//     healthy backends, so that a lost backend moves little more than its own
//     flows. What Exoscale hashes isn't documented; this is the published
//     algorithm, which hashes the connection.
//
// # Health
//
// A backend is unhealthy until its first successful probe, which is sent at
// once; unhealthy again after Retries failed probes in a row; healthy after one
// success. A changed health check keeps the verdict, forgets the failures
// counted and probes at once. HTTP and HTTPS need a 2xx answer, redirects aren't
// followed, certificates aren't verified.
//
// # What a change does to traffic
//
//   - Listeners stay as long as a service keeps its ID, address, port and
//     protocol. A new address, port or protocol closes the old listener with
//     all its connections and flows.
//   - TCP connections stay with their backend, whatever its health and whatever
//     the target port or strategy becomes; they are reset when the backend
//     leaves the service or the service goes.
//   - UDP flows stay with their backend while it is healthy and the target port
//     the same; otherwise the next datagram of the client opens a new flow, and
//     replies that are under way still arrive for a second.
//   - Without a healthy backend TCP connections are reset and datagrams dropped.
//
// # Bounds
//
// Per service and by default 1024 TCP connections (two goroutines and two
// sockets each; more are reset) and 1024 UDP flows (one goroutine, one socket
// and one buffer of 64 KiB each; a new flow replaces the one unused for longest;
// as many may be leaving).
// A flow ends after 30 s without a datagram in either direction. A connect to a
// backend may take 3 s.
package dataplane
