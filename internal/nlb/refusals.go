package nlb

import (
	"fmt"

	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Every refusal names a way out that its reader has: the owner of an NLBService needn't
// be that of the NetworkLoadBalancer, and neither may own the account. What can't be
// changed in an object takes another object. The words for a Service are in projection.

// Ways out that more than one refusal names.
const (
	anotherNLB       = "create this object anew for another NLB"
	anotherReference = "create this object anew with a reference to another NetworkLoadBalancer"
	nearerReference  = "create this object anew with a reference to a NetworkLoadBalancer of this namespace"
)

// NoLoadBalancer refuses a reference to a NetworkLoadBalancer that doesn't exist.
func NoLoadBalancer(ref string) string {
	return fmt.Sprintf("NetworkLoadBalancer %s doesn't exist; create it, or %s", ref, anotherReference)
}

// LoadBalancerGoes refuses a reference to one that is being deleted with its NLB.
func LoadBalancerGoes(ref string) string {
	return fmt.Sprintf("NetworkLoadBalancer %s is being deleted with its NLB; delete this object, or create the NetworkLoadBalancer again", ref)
}

// LoadBalancerLeaves refuses a reference to one that is being deleted without its NLB.
func LoadBalancerLeaves(ref string) string {
	return fmt.Sprintf("NetworkLoadBalancer %s is being deleted; its NLB stays, with this service. To go on, create the NetworkLoadBalancer again, or %s", ref, anotherReference)
}

// NotAdmitted refuses a reference to one that doesn't admit a namespace, and that, if it
// evicts, takes the services of such namespaces off.
func NotAdmitted(ref, namespace string, evicts bool) string {
	eviction := ""
	if evicts {
		eviction = ", and evicts what it doesn't admit: this service is evicted, and comes back once the namespace is admitted"
	}
	return fmt.Sprintf("NetworkLoadBalancer %s doesn't admit namespace %s%s; have its owner admit it in spec.allowedNamespaces, or %s", ref, namespace, eviction, nearerReference)
}

// ExternalNotAllowed refuses an External NLB in a namespace.
func ExternalNotAllowed(namespace string) string {
	return fmt.Sprintf("managementPolicy External isn't allowed in namespace %s; have whoever runs the operator add it to --external-nlb-namespaces, or create this object anew without it", namespace)
}

// TargetPortNotAllowed refuses a target port that is none of those allowed.
func TargetPortNotAllowed(port int32, allowed PortRanges) string {
	return fmt.Sprintf("spec.targetPort %d isn't allowed, so nothing is forwarded to it: allowed are %s, and what a Service has as nodePort if the object was made for it. "+
		"Choose such a port; for a control plane (6443) or the like have whoever runs the operator add it to --allowed-target-ports", port, allowed)
}

// SelectorNotRestricted refuses to select Nodes by labels that a kubelet may set.
func SelectorNotRestricted(keys []string) string {
	return fmt.Sprintf("spec.target.nodeSelector looks at %s, which a kubelet may set on its own Node; use keys that begin with %s", brief.List(keys), RestrictedLabelPrefix)
}

// PoolIsEmpty refuses to move to an instance pool without instances.
func PoolIsEmpty(pool InstancePool) string {
	return fmt.Sprintf("Instance pool %q (%s) has no instances yet, so traffic stays with the pool it goes to now; scale it up, or name another", pool.Name, pool.ID)
}
