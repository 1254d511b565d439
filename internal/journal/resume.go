package journal

import (
	"context"
	"fmt"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// The kinds of objects that changes belong to.
const (
	KindLoadBalancer = "NetworkLoadBalancer"
	KindNLBService   = "NLBService"
)

// Resumption follows, once per process, every change that an earlier process
// started: before that, nobody knows which NLBs are busy, and a change of one
// would only be refused.
type Resumption struct {
	reader     client.Reader
	operations Operations

	mu   sync.Mutex
	done bool
}

// NewResumption reads from a cache that is filled before Once is called.
func NewResumption(reader client.Reader, operations Operations) *Resumption {
	return &Resumption{reader: reader, operations: operations}
}

// Once resumes what is in flight, unless that was done before. It fails only if
// the objects can't be listed; then the next call tries again.
func (r *Resumption) Once(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return nil
	}
	var loadBalancers v1alpha1.NetworkLoadBalancerList
	var services v1alpha1.NLBServiceList
	for _, list := range []client.ObjectList{&loadBalancers, &services} {
		if err := r.reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing what is in flight: %w", err)
		}
	}
	for i := range loadBalancers.Items {
		object := &loadBalancers.Items[i]
		r.resume(KindLoadBalancer, object, object.Status.Operation, LoadBalancerKey(object, object.Status.Zone))
	}
	for i := range services.Items {
		object := &services.Items[i]
		key := exoscale.Key{Zone: object.Status.Zone, ID: object.Status.LoadBalancerID}
		r.resume(KindNLBService, object, object.Status.Operation, key)
		if probe := object.Status.Probe; probe != nil {
			r.resume(KindNLBService, object, probe.Operation, key)
		}
	}
	r.done = true
	return nil
}

func (r *Resumption) resume(kind string, object client.Object, op *v1alpha1.Operation, key exoscale.Key) {
	if op != nil && op.ID != "" {
		r.operations.Resume(key, exoscale.Owner{Kind: kind, NamespacedName: client.ObjectKeyFromObject(object)}, op.ID)
	}
}

// LoadBalancerKey is the NLB that a change of a NetworkLoadBalancer concerns: by
// its name while it is being created.
func LoadBalancerKey(object *v1alpha1.NetworkLoadBalancer, zone string) exoscale.Key {
	if op := object.Status.Operation; op != nil && op.Action == v1alpha1.ActionCreate {
		return exoscale.Key{Zone: zone, Name: op.Name}
	}
	return exoscale.Key{Zone: zone, ID: object.Status.ID}
}
