// Package udphealth watches the UDP application beside which it runs, and tells
// what it finds in three ways:
//
//	watch.go ──checks each target──▶ Board ──▶ gate.go   the health port: open only while healthy
//	  sockets.go  /proc/net/udp       ▲  │  ╰▶ info.go   /healthz, /readyz, /metrics: always open
//	  ask.go      a datagram          │  ╰───▶ the log   what has changed
//	                               drain.go              bad for good, when the Pod is to end
//
// Healthy is that every target has passed its last check. One failure is enough
// to be unhealthy, and one success to be healthy again: who probes the health port
// counts retries, and would count ours on top.
//
// Draining makes healthy bad and leaves ready as it is. Healthy tells the load
// balancer to send nothing new; ready keeps the Pod in its EndpointSlices as
// "serving", since kube-proxy drops what arrives for a terminating Pod that isn't,
// and datagrams arrive until the load balancer has noticed.
//
// What strangers may send costs little: connections are counted and timed, replies
// are cut, and nothing is kept of either.
package udphealth
