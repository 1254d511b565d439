// Package ccm does for Services what Exoscale's cloud controller manager does, its
// faults included, as its source of June 2026 and that of Kubernetes' service
// controller have it:
//
//	Service without a class ──Sync──▶ finalizer, NLB k8s-<UID>, id annotation, address
//	not any more            ──Sync──▶ what the id annotation names goes; finalizer off
//
// It arranges the simulated cloud directly, so that the calls which a test counts
// are the operator's.
package ccm
