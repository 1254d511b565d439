package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// children are the objects of a Service, and others that bear their names.
type children struct {
	loadBalancer *v1alpha1.NetworkLoadBalancer // nil if there is none
	services     []v1alpha1.NLBService
	// serving is the NetworkLoadBalancer that the Service is to be served by: its
	// own or, if shared, that of others; nil if there is none.
	serving *v1alpha1.NetworkLoadBalancer
	shared  bool
	// companion is the Service at which sidecars are probed; nil if there is none.
	companion *corev1.Service
}

// observe reads the objects that serve a Service, or are in its way.
func (r *Reconciler) observe(ctx context.Context, service *corev1.Service) (children, error) {
	got, err := namesakesOf(ctx, r.Client, service)
	if err != nil {
		return children{}, err
	}
	list := &v1alpha1.NLBServiceList{}
	if err := r.Client.List(ctx, list, client.InNamespace(service.Namespace), client.MatchingFields{index.ByService: string(service.UID)}); err != nil {
		return children{}, fmt.Errorf("listing the NLBServices: %w", err)
	}
	// An index gives them in no order; all decisions about the Service go by this one.
	slices.SortFunc(list.Items, func(a, b v1alpha1.NLBService) int { return strings.Compare(a.Name, b.Name) })
	named := map[string]bool{}
	for _, item := range list.Items {
		named[item.Name] = true
		got.services = append(got.services, item)
	}
	if got.serving, got.shared, err = r.serving(ctx, service, got.services); err != nil {
		return children{}, err
	}
	// One of a port's name that isn't the Service's is in the way.
	for _, port := range projection.Ports(service) {
		name := projection.ServiceName(service, port, list.Items)
		if named[name] {
			continue
		}
		item := v1alpha1.NLBService{}
		if err := r.Client.Get(ctx, types.NamespacedName{Namespace: service.Namespace, Name: name}, &item); err == nil {
			got.services = append(got.services, item)
		} else if !apierrors.IsNotFound(err) {
			return children{}, fmt.Errorf("reading an NLBService: %w", err)
		}
	}
	return got, nil
}

// namesakesOf reads the objects that are found by the name of the Service, whoever
// made them.
func namesakesOf(ctx context.Context, from client.Reader, service *corev1.Service) (children, error) {
	got := children{loadBalancer: &v1alpha1.NetworkLoadBalancer{}, companion: &corev1.Service{}}
	key := client.ObjectKeyFromObject(service)
	if err := from.Get(ctx, key, got.loadBalancer); apierrors.IsNotFound(err) {
		got.loadBalancer = nil
	} else if err != nil {
		return children{}, fmt.Errorf("reading the NetworkLoadBalancer: %w", err)
	}
	key.Name = projection.CompanionName(service.Name)
	if err := from.Get(ctx, key, got.companion); apierrors.IsNotFound(err) {
		got.companion = nil
	} else if err != nil {
		return children{}, fmt.Errorf("reading Service %s: %w", key.Name, err)
	}
	return got, nil
}

// serving reads the NetworkLoadBalancer that a Service with these NLBServices is to be
// served by.
func (r *Reconciler) serving(ctx context.Context, service *corev1.Service, services []v1alpha1.NLBService) (lb *v1alpha1.NetworkLoadBalancer, shared bool, err error) {
	name, shared := projection.LoadBalancerOf(service, services)
	lb = &v1alpha1.NetworkLoadBalancer{}
	switch err := r.Client.Get(ctx, name, lb); {
	case apierrors.IsNotFound(err):
		return nil, shared, nil
	case err != nil:
		return nil, shared, fmt.Errorf("reading NetworkLoadBalancer %s: %w", name, err)
	case !shared && !metav1.IsControlledBy(lb, service):
		return nil, shared, nil
	default:
		return lb, shared, nil
	}
}

// observeUncached reads the objects that the Service owns from the API server itself.
func (r *Reconciler) observeUncached(ctx context.Context, service *corev1.Service) (children, error) {
	got, err := namesakesOf(ctx, r.APIReader, service)
	if err != nil {
		return children{}, err
	}
	list := &v1alpha1.NLBServiceList{}
	if err := r.APIReader.List(ctx, list, client.InNamespace(service.Namespace), client.MatchingLabels{v1alpha1.LabelService: service.Name}); err != nil {
		return children{}, fmt.Errorf("listing the NLBServices: %w", err)
	}
	got.services = list.Items
	return got.own(service), nil
}

func (c children) none() bool {
	return c.loadBalancer == nil && len(c.services) == 0 && c.companion == nil
}

func (c children) onlyCompanion() bool {
	return c.loadBalancer == nil && len(c.services) == 0 && c.companion != nil
}

// own are the children that the Service owns.
func (c children) own(service *corev1.Service) children {
	own := children{serving: c.serving, shared: c.shared}
	if c.loadBalancer != nil && metav1.IsControlledBy(c.loadBalancer, service) {
		own.loadBalancer = c.loadBalancer
	}
	if c.companion != nil && metav1.IsControlledBy(c.companion, service) {
		own.companion = c.companion
	}
	for _, item := range c.services {
		if metav1.IsControlledBy(&item, service) {
			own.services = append(own.services, item)
		}
	}
	return own
}

// target is where the traffic goes, or is to go; nil if it goes nowhere.
func (c children) target() *v1alpha1.Target {
	if len(c.services) == 0 {
		return nil
	}
	return c.services[0].Spec.Target.DeepCopy()
}

// movesWhenHealthy reports whether the pool of an object was chosen by the Nodes: its
// traffic goes there only once it is seen to be healthy.
func movesWhenHealthy(item v1alpha1.NLBService) bool {
	return item.Annotations[v1alpha1.AnnotationPoolChoice] != "" && item.Spec.Target.InstancePoolID != ""
}

// poolID is the id of the pool that receives the traffic now; empty if none is known.
// Once one port has moved to the pool that is wanted, it is that one for all: the others
// finish the move.
func (c children) poolID() string {
	var now string
	for _, item := range c.services {
		wanted, at := item.Spec.Target.InstancePoolID, item.Status.InstancePoolID
		switch {
		case wanted != "" && (at == wanted || at == "" || !movesWhenHealthy(item)):
			return wanted
		case now == "":
			now = at
		}
	}
	return now
}

// pool finds the pool of a Service that doesn't name one: the operator's
// default, else the one that the Nodes are in. While that can't be told, the
// traffic goes where it went.
func (r *Reconciler) pool(ctx context.Context, service *corev1.Service, own children) (projection.Pool, error) {
	if projection.NamesPool(service) {
		return projection.Pool{}, nil
	}
	if r.defaultTarget != nil {
		return projection.Pool{Target: r.defaultTarget}, nil
	}
	inferred, cloud, err := r.infer(ctx, own)
	switch {
	case err != nil:
		return projection.Pool{}, err
	case cloud != nil && own.target() != nil:
		return projection.Pool{Target: own.target(), ByNodes: true}, nil // the NLBServices tell of the cloud
	case cloud != nil:
		out := outcome.FromCloud("Finding the instance pool of the nodes", cloud)
		return projection.Pool{Problem: &projection.Problem{Reason: out.Reason, Message: out.Message}}, nil
	case inferred.Reason == v1alpha1.ReasonWaitingForVerification:
		return projection.Pool{Target: own.target(), ByNodes: true, Wait: &projection.Problem{Reason: inferred.Reason, Message: inferred.Message}}, nil
	case inferred.PoolID == "":
		return projection.Pool{Target: own.target(), ByNodes: true, Problem: &projection.Problem{
			Reason: inferred.Reason, Message: fmt.Sprintf("%s; name a pool in %s", inferred.Message, v1alpha1.AnnotationInstancePoolID),
		}}, nil
	default:
		return projection.Pool{Target: &v1alpha1.Target{InstancePoolID: inferred.PoolID}, ByNodes: true}, nil
	}
}

// infer asks which pool the Nodes are in. cloud is the failure of the cloud, err
// that of the API server.
func (r *Reconciler) infer(ctx context.Context, own children) (inferred identity.Inference, cloud, err error) {
	nodes := &corev1.NodeList{}
	if err := r.Client.List(ctx, nodes, client.UnsafeDisableDeepCopy); err != nil {
		return identity.Inference{}, nil, fmt.Errorf("listing the Nodes: %w", err)
	}
	zone := r.Zone
	switch lb := own.serving; {
	case lb == nil:
	case lb.Status.Zone != "":
		zone = lb.Status.Zone
	case lb.Spec.Zone != "":
		zone = lb.Spec.Zone
	}
	return r.inferOf(ctx, nodes.Items, zone, own.poolID())
}

// inferOf asks which pool some Nodes are in.
func (r *Reconciler) inferOf(ctx context.Context, nodes []corev1.Node, zone, current string) (inferred identity.Inference, cloud, err error) {
	known := &v1alpha1.NodeIdentityList{}
	if err := r.Client.List(ctx, known, client.UnsafeDisableDeepCopy); err != nil {
		return identity.Inference{}, nil, fmt.Errorf("listing the NodeIdentities: %w", err)
	}
	in := identity.Input{Nodes: nodes, Trust: identity.TrustBy(known.Items), Current: current}
	if in.Pools, cloud = r.Inventory.InstancePools(ctx, zone); cloud != nil {
		return identity.Inference{}, cloud, nil
	}
	if in.Instances, cloud = r.Inventory.Instances(ctx, zone); cloud != nil {
		return identity.Inference{}, cloud, nil
	}
	inferred = identity.InferPool(in)
	if inferred.PoolID != "" || len(inferred.Candidates) > 0 || inferred.Reason == v1alpha1.ReasonWaitingForVerification {
		return inferred, nil, nil
	}
	// The instances of new Nodes may be newer than what is remembered.
	if in.Instances, cloud = r.Inventory.FreshInstances(ctx, zone); cloud != nil {
		return identity.Inference{}, cloud, nil
	}
	return identity.InferPool(in), nil, nil
}

// adoption tells why a plan can't be applied that binds the Service to an NLB
// for good: there is no such NLB, or that can't be told now. nil if all is well.
func (r *Reconciler) adoption(ctx context.Context, service *corev1.Service, plan projection.Plan, child *v1alpha1.NetworkLoadBalancer) *projection.Problem {
	zone, id := plan.Adopts(child)
	if zone == "" || id == "" { // the NetworkLoadBalancer tells of a missing zone
		return nil
	}
	_, err := r.Inventory.LoadBalancer(ctx, zone, id)
	switch exoscale.ClassOf(err) {
	case "":
		return nil
	case exoscale.NotFound:
		way := "set the id of one that exists, or remove the annotation: the Service then gets its former NLB if that is still there, else a new one"
		if plan.LoadBalancer.Spec.ManagementPolicy == v1alpha1.External {
			way = "set the id of one that exists"
		}
		return &projection.Problem{Reason: v1alpha1.ReasonNotFound, Message: fmt.Sprintf("annotation %s is %q, and zone %s has no such NLB; %s",
			v1alpha1.AnnotationID, service.Annotations[v1alpha1.AnnotationID], zone, way)}
	default:
		out := outcome.FromCloud("Looking the NLB up that the Service names", err)
		return &projection.Problem{Reason: out.Reason, Message: out.Message}
	}
}

// ccmLeases are the leases that a CCM holds while it runs, in kube-system: the
// default of every cloud controller manager, and the name of Exoscale's.
var ccmLeases = []string{"cloud-controller-manager", "exoscale-cloud-controller-manager"}

// ccmRemembered is how long the answer about the CCM is used for other Services:
// claiming a thousand of them is no reason to ask a thousand times.
const ccmRemembered = 5 * time.Second

// activeCCM tells of a CCM that serves the classless Services; empty if there
// is none.
func (r *Reconciler) activeCCM(ctx context.Context) (string, error) {
	r.ccm.Lock()
	defer r.ccm.Unlock()
	if !r.ccm.asked.IsZero() && r.Clock.Since(r.ccm.asked) < ccmRemembered {
		return r.ccm.active, nil
	}
	active := ""
	for _, name := range ccmLeases {
		lease := &coordinationv1.Lease{}
		err := r.APIReader.Get(ctx, types.NamespacedName{Namespace: metav1.NamespaceSystem, Name: name}, lease)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("reading lease %s: %w", name, err)
		}
		if renewed(lease, r.Clock.Now()) {
			active = fmt.Sprintf("a cloud controller manager is running: %q holds the lease %s/%s", holder(lease), lease.Namespace, lease.Name)
			break
		}
	}
	r.ccm.active, r.ccm.asked = active, r.Clock.Now()
	return active, nil
}

// renewed tells whether a lease is held: twice its duration allows for clocks
// that differ and for a slow renewal.
func renewed(lease *coordinationv1.Lease, now time.Time) bool {
	if lease.Spec.RenewTime == nil || holder(lease) == "" {
		return false
	}
	duration := 15 * time.Second // what client-go's leader election uses
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil && *seconds > 0 {
		duration = time.Duration(*seconds) * time.Second
	}
	return now.Sub(lease.Spec.RenewTime.Time) < 2*duration
}

func holder(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
