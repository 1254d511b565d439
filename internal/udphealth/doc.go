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
// Kubernetes follows a little later, so the health port may linger: it closes a
// while after the health has turned bad.
//
//   - An NLB that probes it through a NodePort meets any ready Pod of the Service.
//     If it met one that has closed its port and isn't left out yet, it would take
//     the whole node for unhealthy, whatever the other Pods are like.
//   - Draining makes healthy bad, and /readyz only when the port has closed. Ready
//     keeps the Pod in its EndpointSlices as "serving", since kube-proxy drops what
//     arrives for a terminating Pod that isn't, and datagrams arrive until the load
//     balancer has noticed. Then it has to turn bad before the application ends:
//     clients that kube-proxy knows stay with a Pod until it isn't serving.
//
// What strangers may send costs little: connections are counted and timed, replies
// are cut, and nothing is kept of either.
package udphealth
