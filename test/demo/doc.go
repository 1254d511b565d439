// Command demo shows the operator at work on this machine: a real Kubernetes
// control plane, a simulated Exoscale cloud that moves real traffic, the
// operator between them, and config/samples applied to it. Nothing but loopback
// is used, and nothing is left running.
//
//	make demo
//
// On a terminal it stays up to be explored, until Ctrl-C; otherwise it ends by
// itself. The steps are in story.go.
package main
