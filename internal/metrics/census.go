package metrics

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Objects are all that the operator serves; they are only read.
type Objects struct {
	LoadBalancers  []v1alpha1.NetworkLoadBalancer
	NLBServices    []v1alpha1.NLBService
	NodeIdentities []v1alpha1.NodeIdentity
	Services       []corev1.Service
}

// Census is what is told of all objects.
type Census struct {
	// Counts are how many objects there are of each group.
	Counts map[Group]int
	// Unready are the objects that aren't ready.
	Unready []Object
	// Flying are the objects for which an operation is in flight.
	Flying []Object
	// Addressless are the Services that have no address yet.
	Addressless []Object
}

// Group is objects that have this in common.
type Group struct {
	Kind, Zone, Reason string
	State              State
}

// Take counts the objects.
func Take(objects Objects) Census {
	census := Census{Counts: map[Group]int{}}
	for i := range objects.LoadBalancers {
		census.add(ofLoadBalancer(&objects.LoadBalancers[i]))
	}
	for i := range objects.NLBServices {
		census.add(ofNLBService(&objects.NLBServices[i]))
	}
	for i := range objects.NodeIdentities {
		census.add(ofNodeIdentity(&objects.NodeIdentities[i]))
	}
	for i := range objects.Services {
		if o, held := ofService(&objects.Services[i]); held {
			census.add(o)
		}
	}
	return census
}

func (c *Census) add(o Object) {
	c.Counts[Group{Kind: o.Kind, Zone: o.Zone, Reason: o.Reason, State: o.State}]++
	if o.State != Ready {
		c.Unready = append(c.Unready, o)
	}
	if o.Operation != nil {
		c.Flying = append(c.Flying, o)
	}
	if o.AddressPending {
		c.Addressless = append(c.Addressless, o)
	}
}
