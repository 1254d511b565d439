package release

import (
	"context"
	"io"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// The rights that release takes, in the ClusterRole exoscale-nlb-operator-release.
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=services/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers;nlbservices,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers/status;nlbservices/status,verbs=patch

// Mode is what becomes of the part that the objects have at Exoscale.
type Mode string

const (
	// Retain leaves everything there as it is, and marks the NLBs, so that objects of
	// the same namespace and name claim them again.
	Retain Mode = "Retain"
	// DeleteCloud removes what is provably ours, as the deletion of each object would:
	// what has the deletionPolicy Retain, or is External, stays.
	DeleteCloud Mode = "DeleteCloud"
	// WithoutCloud asks Exoscale nothing: all stays, without a mark.
	WithoutCloud Mode = "WithoutCloud"
)

// LoadBalancers tells what the deletion of a NetworkLoadBalancer would do next.
type LoadBalancers interface {
	Removal(ctx context.Context, object *v1alpha1.NetworkLoadBalancer, retain bool) (nlb.LoadBalancerRemoval, error)
}

// NLBServices tells what the deletion of an NLBService would do next.
type NLBServices interface {
	Removal(ctx context.Context, object *v1alpha1.NLBService, retain bool) (nlb.ServiceRemoval, error)
}

// Inventory is what LoadBalancers and NLBServices know of the cloud.
type Inventory interface {
	Watch(zone string)
	LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error)
	Evidence(ctx context.Context, zone, id string) (exoscale.Evidence, error)
	Invalidate(key exoscale.Key)
}

// Cloud makes the changes.
type Cloud interface {
	UpdateLoadBalancer(ctx context.Context, zone, id string, change nlb.LoadBalancerChange) (exoscale.Operation, error)
	DeleteLoadBalancer(ctx context.Context, seen exoscale.Evidence) (exoscale.Operation, error)
	UpdateService(ctx context.Context, zone, loadBalancerID string, got nlb.Service, want nlb.ServiceAttributes) (exoscale.Operation, error)
	DeleteService(ctx context.Context, seen exoscale.Evidence, id string) (exoscale.Operation, error)
	GetOperation(ctx context.Context, zone, id string) (exoscale.Operation, error)
}

// Options of a Releaser; all are required unless they say otherwise.
type Options struct {
	// Client sees the objects of all namespaces.
	Client client.Client
	Mode   Mode
	// Namespaces whose objects are meant; none: all.
	Namespaces []string
	// ClusterID stands in the ownership labels of the NLBs of this cluster.
	ClusterID string
	// DefaultZone is for objects that name none; may be empty.
	DefaultZone string

	// These four aren't needed with WithoutCloud.
	LoadBalancers LoadBalancers
	NLBServices   NLBServices
	Inventory     Inventory
	Cloud         Cloud

	// PollInterval is how often is looked at what is waited for.
	PollInterval time.Duration
	// Out is told of each object that is free.
	Out io.Writer
}
