// Package udptraffic shows with real datagrams what the health check of UDP
// applications is good for:
//
//	clients ──▶ NLB of the simulated cloud ──▶ nodePort ──▶ UDP application
//	             its own 127.x address            │            ▲ socket, probe
//	             probes ──▶ healthCheckNodePort ──┘        udp-healthcheck
//	                        or the companion's nodePort
//
// The NLB is the simulated cloud's data plane, applications are UDP servers, and
// what watches them is the real program, as it is shipped. Nodes are loopback
// addresses. What stands in for kubelet and kube-proxy there is as small as it can
// be (kubelet_test.go, kubeproxy_test.go), and does what their code does: whether a
// Pod gets traffic comes from the program's readiness, and what an NLB's probe hits
// is the program's port, or follows from that readiness.
//
// test/e2e does the same with the real ones, as root.
package udptraffic
