// Package pods runs Pods as processes of this machine, in place of a scheduler,
// kubelets, containers and a cluster network, so that what a Deployment or a Job
// says is what runs: the image's program, with the arguments, the environment, the
// mounted Secrets and the rights that stand there.
//
//	API server ──Pods──▶ Runner ──▶ pod ──▶ process, with
//	     ▲                            │       its service account's token
//	     └── status: ready, exit code ┘       its Secrets, swapped as kubelet swaps them
//	                                          an address of its own on loopback
//
// It does as much as Pods of one container need that write nowhere: no init
// containers, no volumes but Secrets and empty ones, readiness by HTTP only, no
// liveness, no hooks but a preStop that sleeps. What it can't do it says, in the status of the Pod.
//
// A process has no file system and no network of its own. So a path below a mount
// is replaced in arguments and environment, and so is ":PORT", by the Pod's address
// and port. Names of Services lead to ready Pods by way of HTTP_PROXY, for plain
// HTTP only. kubectl logs works. With Options.Egress the API server reaches Services,
// too, as its webhooks need.
package pods
