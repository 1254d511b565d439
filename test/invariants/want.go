package invariants

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Want is what a history is to leave in some namespaces and in the cloud: this,
// and nothing besides.
type Want struct {
	LoadBalancers []LoadBalancer
	// Services are the Kubernetes Services that are served, each with the
	// NetworkLoadBalancer that it shows the address of.
	Services map[client.ObjectKey]client.ObjectKey
	// Companions are the Services at which the sidecars of others are probed, each
	// with the Service that it belongs to.
	Companions map[client.ObjectKey]client.ObjectKey
	// Unserved are the objects, and Services of type LoadBalancer, that can't be
	// served, have nothing in the cloud, and say why.
	Unserved []Object
	// Foreign are NLBs that are nobody's business, as they were made.
	Foreign []exosim.LoadBalancer
	// Retained are NLBs whose objects are gone; of their services and labels, only
	// that of the owner's UID is looked at.
	Retained []exosim.LoadBalancer
}

// LoadBalancer is a NetworkLoadBalancer with the NLB that it is to have.
type LoadBalancer struct {
	Object client.ObjectKey
	// NLB is to have this name and description. An ID or IP is that from before;
	// empty is any. Labels are those besides the operator's. Its services are the
	// ports; those in Foreign aren't here.
	NLB exosim.LoadBalancer
	// External means that the operator is to write nothing of the NLB itself.
	External bool
	// Foreign are the services of others on it, as they were made.
	Foreign []exosim.Service
	Ports   []Port
}

// Port is an NLBService with the service that it is to have. An empty ID of the
// service is any.
type Port struct {
	Object  client.ObjectKey
	Service exosim.Service
}

// Object is one of the API server's, of a kind: NetworkLoadBalancer, NLBService
// or Service.
type Object struct {
	Kind string
	client.ObjectKey
}

func (o Object) String() string { return o.Kind + " " + o.ObjectKey.String() }

// The kinds of an Object.
const (
	KindLoadBalancer = "NetworkLoadBalancer"
	KindNLBService   = "NLBService"
	KindService      = "Service"
)
