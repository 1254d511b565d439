package service

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
	"github.com/exoscale-community/nlb-operator/internal/persist"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=services/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=services/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers;nlbservices,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=kube-system,resources=leases,resourceNames=cloud-controller-manager;exoscale-cloud-controller-manager,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// Inventory tells of the cloud from memory.
type Inventory interface {
	LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error)
	InstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	FreshInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	SKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error)
	FreshSKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error)
	Instances(ctx context.Context, zone string) ([]nlb.Instance, error)
	FreshInstances(ctx context.Context, zone string) ([]nlb.Instance, error)
}

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	Client client.Client
	// APIReader reads past the cache: leases, which nobody should watch for this.
	APIReader client.Reader
	Inventory Inventory
	Events    events.EventRecorder
	Clock     clock.Clock
	// Wakeups tells which Services to look at again because of the cloud: its
	// instances or pools have changed.
	Wakeups source.Source
	// AddressAfter is told how long it took until the address of a Service was
	// published; nil: nobody is.
	AddressAfter func(time.Duration)
	// Zone is where new NLBs are made, and where the Nodes are.
	Zone string
	// ClaimClassless: Services without a class are ours, too.
	ClaimClassless bool
	// DefaultInstancePool is the id or the name of the pool of Services that name
	// none. Empty: it is inferred from the Nodes.
	DefaultInstancePool string
	// AllowedPools are ids and names of the instance pools to which every Service may
	// forward, the default one among them, besides those of the cluster's Nodes;
	// identity.AllPools is all.
	AllowedPools []string
	// UDPHealthCheck is for UDP ports without TCP twin; empty: kube-proxy.
	UDPHealthCheck projection.UDPHealthCheck
	// RestrictedNodeLabels: Nodes may be selected only by labels that no kubelet can set.
	RestrictedNodeLabels bool
	// SidecarsByNumber: this Kubernetes finds no named port of native sidecars.
	SidecarsByNumber bool
	// MaxConcurrentReconciles is the number of Services looked at at once;
	// default 10.
	MaxConcurrentReconciles int
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of Services.
type Reconciler struct {
	Options
	defaultTarget *v1alpha1.Target // nil: inferred
	told          *persist.Told[*corev1.Service]

	// ccm remembers for a moment whether a CCM is active.
	ccm struct {
		sync.Mutex
		asked  time.Time
		active string
	}
}

var poolID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// New makes a Reconciler.
func New(options Options) *Reconciler {
	r := &Reconciler{Options: options, told: persist.NewTold(telling, options.APIReader, options.Clock)}
	if r.MaxConcurrentReconciles <= 0 {
		r.MaxConcurrentReconciles = 10
	}
	switch id := strings.ToLower(r.DefaultInstancePool); {
	case id == "":
	case poolID.MatchString(id):
		r.defaultTarget = &v1alpha1.Target{InstancePoolID: id}
	default:
		r.defaultTarget = &v1alpha1.Target{InstancePoolName: r.DefaultInstancePool}
	}
	return r
}

// SetupWithManager adds the controller to a manager. The indexes of package
// index have to be set up there, too.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("service").
		For(&corev1.Service{}, builder.WithPredicates(ofConcern)).
		// Not only those that a Service owns: others may be in its way.
		Watches(&v1alpha1.NetworkLoadBalancer{}, handler.EnqueueRequestsFromMapFunc(r.servedBy)).
		Watches(&v1alpha1.NLBService{}, handler.EnqueueRequestsFromMapFunc(namesakes)).
		Watches(&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(accompanied)).
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.inferring), builder.WithPredicates(relevantNodes)).
		Watches(&v1alpha1.NodeIdentity{}, handler.EnqueueRequestsFromMapFunc(r.inferring), builder.WithPredicates(relevantIdentities)).
		WatchesRawSource(r.Wakeups).
		WithOptions(pacing.FairOptions(r.MaxConcurrentReconciles, r.SkipNameValidation)).
		Complete(r)
}

// contestedNet is how often a Service that a CCM serves is looked at again.
const contestedNet = 30 * time.Second

// round is one look at one Service.
type round struct {
	*persist.Object[*corev1.Service]
	own     children
	plan    projection.Plan
	foreign *persist.Foreign[*corev1.Service]
	notices outcome.Notices
}

// Reconcile does one round for one Service.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	service := &corev1.Service{}
	if err := r.Client.Get(ctx, req.NamespacedName, service); err != nil {
		if apierrors.IsNotFound(err) {
			r.told.Forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	round := &round{Object: persist.New(r.Client, service)}
	round.foreign = r.told.Look(ctx, round.Object, claimOf(service, r.ClaimClassless) == serve)
	out, err := r.converge(ctx, round)
	if err == nil {
		out = out.Again(round.foreign.Settle(ctx))
		err = round.Status(ctx)
	}
	if err == nil {
		tellOverwritten(round)
		tell(&round.notices, round.foreign.Said, round.foreign.Now, round.own)
		round.foreign.Remember()
		if after, published := addressAfter(round.foreign.Said, round.foreign.Now, r.Clock.Now()); published && r.AddressAfter != nil {
			r.AddressAfter(after)
		}
		round.notices.Send(r.Events, round.Now)
		err = r.settle(ctx, round)
	}
	if apierrors.IsConflict(err) {
		// The cache was behind.
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	}
	return out.Result(client.IgnoreNotFound(err))
}

// converge leads a Service to what its claim says.
func (r *Reconciler) converge(ctx context.Context, round *round) (outcome.Outcome, error) {
	service := round.Now
	switch claimOf(service, r.ClaimClassless) {
	case release:
		return outcome.Done(), r.release(ctx, round)
	case handOver:
		return outcome.Done(), r.handOver(ctx, round)
	case keep:
		describeUnclaimed(service)
		return outcome.Done(), nil
	case serve:
		return r.serve(ctx, round)
	case serveUnlessCCM:
		active, err := r.activeCCM(ctx)
		if err != nil {
			return outcome.Outcome{}, err
		}
		if active != "" {
			describeContested(service, active)
			return outcome.Waiting(v1alpha1.ReasonInUseByOther, active).Within(contestedNet), nil
		}
		return r.serve(ctx, round)
	default:
		if service.DeletionTimestamp.IsZero() {
			forget(service)
		}
		return outcome.Done(), nil
	}
}

// serve makes the objects of a Service what it asks for.
func (r *Reconciler) serve(ctx context.Context, round *round) (outcome.Outcome, error) {
	service := round.Now
	if !controllerutil.ContainsFinalizer(service, v1alpha1.ServiceFinalizer) {
		// In the same write, so that no CCM and we hold it at once.
		controllerutil.RemoveFinalizer(service, ccmFinalizer)
		if err := round.Hold(ctx, v1alpha1.ServiceFinalizer); err != nil {
			return outcome.Outcome{}, err
		}
	}
	if err := r.dropCCMFinalizer(ctx, round); err != nil {
		return outcome.Outcome{}, err
	}
	got, err := r.observe(ctx, service)
	if err != nil {
		return outcome.Outcome{}, err
	}
	round.own = got.own(service)
	pool, err := r.pool(ctx, service, round.own)
	if err != nil {
		return outcome.Outcome{}, err
	}
	round.plan = projection.Project(projection.Input{
		Service: service, Pool: pool, LoadBalancer: got.loadBalancer, Services: got.services, Companion: got.companion,
		Zone: r.Zone, UDPHealthCheck: r.UDPHealthCheck, SidecarsByNumber: r.SidecarsByNumber,
		RestrictedNodeLabels: r.RestrictedNodeLabels,
	})
	if problem := r.adoption(ctx, service, round.plan, got.loadBalancer); problem != nil {
		round.plan = round.plan.Refused(*problem)
	}
	if round.plan, err = r.firstTarget(ctx, service, round.plan, round.own); err != nil {
		return outcome.Outcome{}, err
	}
	if err := r.apply(ctx, round); err != nil {
		return outcome.Outcome{}, err
	}
	describe(service, round.plan, round.own)
	if problem := round.plan.FirstProblem(); problem != nil {
		// What wakes us when it ends can't be told of all of them, such as a quota
		// of the API server; this is the net.
		return outcome.Blocked(problem.Reason, problem.Message), nil
	}
	if len(round.plan.Waits) > 0 {
		return outcome.Waiting(round.plan.Waits[0].Reason, round.plan.Waits[0].Message), nil
	}
	return outcome.Done(), nil
}

// dropCCMFinalizer frees a Service that we hold from a CCM that took it meanwhile
// and runs no more: nobody else would, and the Service could never be deleted.
func (r *Reconciler) dropCCMFinalizer(ctx context.Context, round *round) error {
	if !controllerutil.ContainsFinalizer(round.Now, ccmFinalizer) || !controllerutil.ContainsFinalizer(round.Now, v1alpha1.ServiceFinalizer) {
		return nil
	}
	if active, err := r.activeCCM(ctx); err != nil || active != "" {
		return err
	}
	return round.Release(ctx, ccmFinalizer, persist.InKubernetes{})
}

// release removes the objects of a Service that is none of ours any more, and
// lets it go when they are gone.
func (r *Reconciler) release(ctx context.Context, round *round) error {
	service := round.Now
	err := r.dropCCMFinalizer(ctx, round)
	if err != nil {
		return err
	}
	if round.own, err = r.ownObjects(ctx, service); err != nil {
		return err
	}
	if err := r.setPolicyToLeave(ctx, service, round.own.loadBalancer); err != nil {
		return err
	}
	left, err := r.removeAll(ctx, round.own)
	if apierrors.IsForbidden(err) && round.own.onlyCompanion() {
		leaveCompanion(round, err)
		left, err = nil, nil
	}
	if err != nil {
		return err
	}
	if len(left) > 0 {
		describeReleasing(service, left, round.own)
		return nil
	}
	if service.DeletionTimestamp.IsZero() {
		forget(service)
		service.Status.LoadBalancer = corev1.LoadBalancerStatus{}
	}
	return nil
}

// ownObjects are the objects of a Service that lets them go: none only if the API
// server itself has none, since the cache may be behind what was made last.
func (r *Reconciler) ownObjects(ctx context.Context, service *corev1.Service) (children, error) {
	got, err := r.observe(ctx, service)
	if err != nil {
		return children{}, err
	}
	own := got.own(service)
	if own.none() {
		return r.observeUncached(ctx, service)
	}
	return own, nil
}

// settle does what comes after the status is written: the id is kept in the
// annotation, and a Service whose objects are gone is let go.
func (r *Reconciler) settle(ctx context.Context, round *round) error {
	service := round.Now
	switch claimOf(service, r.ClaimClassless) {
	case serve:
		return r.writeID(ctx, service, round.own)
	case handOver:
		if round.own.none() {
			return round.Release(ctx, v1alpha1.ServiceFinalizer, persist.InKubernetes{})
		}
	case release:
		if round.own.none() {
			return round.Release(ctx, v1alpha1.ServiceFinalizer, persist.InKubernetes{})
		}
		if service.DeletionTimestamp.IsZero() {
			return r.writeID(ctx, service, round.own)
		}
	}
	return nil
}
