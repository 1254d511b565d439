package nlb

// LoadBalancerRemoval is what the deletion of a NetworkLoadBalancer would do next
// in the cloud.
type LoadBalancerRemoval struct {
	// Zone is where it was looked; may be empty if nothing was ever made.
	Zone string
	// Got is what the cloud holds.
	Got LoadBalancerGot
	// Move is None once nothing is left to do.
	Move LoadBalancerMove
}

// ServiceRemoval is what the deletion of an NLBService would do next in the cloud.
type ServiceRemoval struct {
	// Zone and LoadBalancerID are the NLB that was looked at; empty if none is known.
	Zone, LoadBalancerID string
	// Probe: Own is its probe service, which goes first, whatever becomes of the other.
	Probe bool
	// Own is the service of the object; nil if there is none.
	Own *Service
	// Move is None once nothing is left to do.
	Move ServiceMove
}
