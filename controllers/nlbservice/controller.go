package nlbservice

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
	"github.com/exoscale-community/nlb-operator/internal/persist"
	"github.com/exoscale-community/nlb-operator/internal/vanished"
)

// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nlbservices,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nlbservices/status,verbs=patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nlbservices/finalizers,verbs=update
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services;nodes;namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// Services changes the services of NLBs. Each change is one request that returns
// once Exoscale has started the operation.
type Services interface {
	AddService(ctx context.Context, seen exoscale.Evidence, want nlb.ServiceAttributes) (exoscale.Operation, error)
	UpdateService(ctx context.Context, zone, loadBalancerID string, got nlb.Service, want nlb.ServiceAttributes) (exoscale.Operation, error)
	DeleteService(ctx context.Context, seen exoscale.Evidence, id string) (exoscale.Operation, error)
}

// Inventory answers reads of the cloud from memory.
type Inventory interface {
	Watch(zone string)
	LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error)
	KnownLoadBalancers(ctx context.Context) ([]nlb.LoadBalancer, error)
	Nowhere(ctx context.Context, is func(nlb.Service) bool) (exoscale.Absence, error)
	Evidence(ctx context.Context, zone, id string) (exoscale.Evidence, error)
	Without(ctx context.Context, zone, id string, is func(nlb.Service) bool) (exoscale.Evidence, exoscale.Absence, error)
	Missing(zone string, ids []string) (expected, missing int)
	Invalidate(key exoscale.Key)
	InstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	CurrentInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	FreshInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	Instances(ctx context.Context, zone string) ([]nlb.Instance, error)
	FreshInstances(ctx context.Context, zone string) ([]nlb.Instance, error)
	SKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error)
	FreshSKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error)
}

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	Client client.Client
	// APIReader reads past the cache: Pods, which nobody should watch for this.
	APIReader  client.Reader
	Services   Services
	Inventory  Inventory
	Operations journal.Operations
	Events     events.EventRecorder
	// Wakeups tells which objects to look at again because of the cloud, or of
	// the Nodes.
	Wakeups source.Source
	Clock   clock.Clock
	// ClusterID stands in the ownership labels of every NLB that this cluster makes.
	ClusterID string
	// Resumption follows what an earlier process has started.
	Resumption *journal.Resumption
	// AllowedPools are ids and names of the instance pools to which every object
	// may forward, besides those of the cluster's Nodes; identity.AllPools is all.
	AllowedPools []string
	// AllowedTargetPorts are the ports to which every object may forward, besides
	// those that Services were given.
	AllowedTargetPorts nlb.PortRanges
	// RestrictedNodeLabels: a nodeSelector may look only at labels that no kubelet can set.
	RestrictedNodeLabels bool
	// SyncPeriod is how often the cloud is looked at: a blocked object is looked at
	// again after it at the latest.
	SyncPeriod time.Duration
	// SeesAllNamespaces is true if the client knows the objects of all
	// namespaces, so that a UID which it doesn't know is of no live object.
	SeesAllNamespaces bool
	// MaxConcurrentReconciles is the number of objects looked at at once.
	MaxConcurrentReconciles int
	// InjectsSidecars is true if the operator has an image of the sidecar that
	// watches UDP applications.
	InjectsSidecars bool
	// VanishedIn are the namespaces whose objects tell whether too much is gone at once;
	// none: all that the client sees.
	VanishedIn []string
	// FindsNodes: NodeIdentities are kept current, and tell whether Exoscale shows us
	// this cluster's account.
	FindsNodes bool
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of NLBServices.
type Reconciler struct {
	Options
	journal   *journal.Journal
	probes    *journal.Journal // of the probe services
	told      *persist.Told[*v1alpha1.NLBService]
	pauses    *pauses
	refusals  *refusals
	endpoints *endpoints
	vanished  vanished.Guard
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	return &Reconciler{
		Options:   options,
		journal:   journal.New(journal.KindNLBService, options.Operations, options.Clock),
		probes:    journal.New(journal.KindNLBService, options.Operations, options.Clock),
		told:      persist.NewTold(telling, options.APIReader, options.Clock),
		pauses:    newPauses(options.Clock),
		refusals:  newRefusals(options.Clock),
		endpoints: &endpoints{},
		vanished:  vanished.Guard{Reader: options.Client, Inventory: options.Inventory, Namespaces: options.VanishedIn, FindsNodes: options.FindsNodes},
	}
}

// SetupWithManager adds the controller to a manager. The indexes of package
// index have to be set up there, too.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	controller, err := ctrl.NewControllerManagedBy(mgr).
		Named("nlbservice").
		For(&v1alpha1.NLBService{}, builder.WithPredicates(pacing.Asked())).
		Watches(&v1alpha1.NetworkLoadBalancer{}, handler.EnqueueRequestsFromMapFunc(r.attached), builder.WithPredicates(placementChanged())).
		Watches(&v1alpha1.NLBService{}, handler.EnqueueRequestsFromMapFunc(r.beside), builder.WithPredicates(onlyDeletes())).
		Watches(&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(r.ofService), builder.WithPredicates(sidecarsChanged())).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.inNamespace), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.onNodes), builder.WithPredicates(nodeChanged())).
		Watches(&v1alpha1.NodeIdentity{}, handler.EnqueueRequestsFromMapFunc(r.onNodes), builder.WithPredicates(trustChanged())).
		WatchesRawSource(r.Wakeups).
		WithOptions(pacing.FairOptions(r.MaxConcurrentReconciles, r.SkipNameValidation)).
		Build(r)
	if err != nil {
		return err
	}
	r.endpoints.watch = func() error { return controller.Watch(r.endpointSlices(mgr.GetCache())) }
	return nil
}

// Reconcile does one round for one object.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object := &v1alpha1.NLBService{}
	if err := r.Client.Get(ctx, req.NamespacedName, object); err != nil {
		if apierrors.IsNotFound(err) {
			r.told.Forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(object, v1alpha1.NLBServiceFinalizer) {
		return ctrl.Result{}, nil
	}
	if err := r.Resumption.Once(ctx); err != nil {
		return ctrl.Result{}, err
	}
	round := &round{Object: persist.New(r.Client, object), object: object}
	round.foreign = r.told.Look(ctx, round.Object, true)
	out, err := r.converge(ctx, round)
	if err == nil && !round.gone {
		r.describe(ctx, round, out)
		out = out.Again(round.foreign.Settle(ctx))
		err = round.Status(ctx)
	}
	switch {
	case apierrors.IsConflict(err):
		// The cache was behind; nothing was begun.
		return ctrl.Result{RequeueAfter: pacing.CacheLag}, nil
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, err
	}
	if err == nil && !round.gone {
		if writer := round.foreign.Writer; writer != "" {
			round.notices.Overwritten("Observe", writer, "")
		}
		round.foreign.Remember()
	}
	round.notices.Send(r.Events, object)
	round.toService.Send(r.Events, r.teller(ctx, round))
	if round.gone || apierrors.IsNotFound(err) {
		r.journal.Succeeded(r.entry(round))
		r.refusals.forget(object.UID)
		r.pauses.forget(object.UID)
		return ctrl.Result{}, nil
	}
	return out.Paced(r.SyncPeriod).Result(nil)
}

// round is one look at one object.
type round struct {
	*persist.Object[*v1alpha1.NLBService]
	object *v1alpha1.NLBService // the same as Now
	place  placement
	lb     *nlb.LoadBalancer // nil if the cloud could not be looked at
	pool   nlb.InstancePool  // what the target means
	claim  nlb.ServiceClaim  // what proves that a service is the object's
	got    nlb.ServiceGot
	// handedBack: the object is being deleted, and leaves its service to another
	// controller.
	handedBack bool
	// evidence is the NLB as it was read for a step that can't be taken back, absence
	// the proof that the object has no service.
	evidence exoscale.Evidence
	absence  exoscale.Absence
	gone     bool // the finalizer has left
	// unsearched: it isn't known yet whether the object has a service (see findStray, lostStatus).
	unsearched bool
	// unseen says why nothing is known of the NLB; empty if it was looked at.
	unseen string
	// serviceTells: the Service that the object is of tells of what it is like.
	serviceTells bool
	// judged: the target was looked at; kept is what of it stays only because it runs.
	judged      bool
	kept        []kept
	portRefused bool // see wanted
	// probe is the object's probe service on the NLB, others the objects beside it.
	probe  *nlb.Service
	others []v1alpha1.NLBService
	// decided: the round got as far as a decision on where traffic goes; pending is why
	// it stays, because why it moves.
	decided bool
	pending *pending
	because string
	foreign *persist.Foreign[*v1alpha1.NLBService]
	notices outcome.Notices
	// toService are notices that the Service of the object gets, if it has one.
	toService outcome.Notices
}

// converge leads one step closer to what is wanted. Its error is one of the API
// server's; those of the cloud are outcomes.
func (r *Reconciler) converge(ctx context.Context, round *round) (outcome.Outcome, error) {
	object := round.object
	if err := round.Hold(ctx, v1alpha1.NLBServiceFinalizer); err != nil {
		return outcome.Outcome{}, err
	}
	var err error
	if round.serviceTells, err = index.ServiceTells(ctx, r.Client, object); err != nil {
		return outcome.Outcome{}, err
	}
	lb, allowed, err := r.loadBalancer(ctx, object)
	if err != nil {
		return outcome.Outcome{}, err
	}
	round.place, round.handedBack = place(object, lb, allowed), leftBehind(object)
	ownUIDs, err := r.ownUIDs(ctx, object)
	if err != nil {
		return outcome.Outcome{}, err
	}
	if out, err := r.findStray(ctx, round, ownUIDs); out != nil || err != nil {
		return deref(out), err
	}
	if round.place.loadBalancerID == "" {
		return r.nowhere(ctx, round)
	}
	r.Inventory.Watch(round.place.zone)
	out, ended := r.journal.Progress(ctx, r.entry(round))
	if out != nil {
		return r.backFrom(round, *out), nil
	}
	text := nlb.InvalidService(object, ownUIDs)
	if text != "" && !round.place.absent && object.Status.Probe == nil {
		round.unsearched = lostStatus(round)
		return outcome.Invalid(v1alpha1.ReasonInvalid, text), nil
	}
	round.claim.OwnUIDs = ownUIDs
	if looked, err := r.look(ctx, round); looked != nil || err != nil {
		return deref(looked), err
	}
	if unseen := r.unseen(round, ended); unseen != nil {
		return *unseen, nil
	}
	if out, err := r.missing(ctx, round, ended && object.Status.Operation.Action == v1alpha1.ActionDelete); out != nil || err != nil {
		return deref(out), err
	}
	r.conclude(ctx, round)
	switch until := round.place.until; {
	case round.place.absent:
	case text != "":
		round.decided = true
		return r.withoutProbe(ctx, round, outcome.Invalid(v1alpha1.ReasonInvalid, text), nil)
	case until != nil:
		round.decided = true
		return r.withoutProbe(ctx, round, *until, nil)
	}
	return r.decide(ctx, round)
}

// teller is the object that the Events about a port are for: its Service, if that reports
// its own state, else the NLBService. The Service is read anew, because the recorder folds
// Events of one version into one.
func (r *Reconciler) teller(ctx context.Context, round *round) client.Object {
	if !round.serviceTells || len(round.toService) == 0 {
		return round.object
	}
	service := &corev1.Service{}
	key := types.NamespacedName{Namespace: round.object.Namespace, Name: metav1.GetControllerOf(round.object).Name}
	if err := r.Client.Get(ctx, key, service); err != nil {
		return round.object
	}
	return service
}

// nowhere ends a round for an object whose service is on no NLB.
func (r *Reconciler) nowhere(ctx context.Context, round *round) (outcome.Outcome, error) {
	if !round.place.absent {
		return *round.place.until, nil
	}
	if round.absence == (exoscale.Absence{}) {
		round.absence = exoscale.NothingBegun() // the NLB is recorded before anything is made on it
	}
	return r.release(ctx, round)
}

// look reads the NLB. The outcome is set if there is nothing more to do.
func (r *Reconciler) look(ctx context.Context, round *round) (*outcome.Outcome, error) {
	where, status := round.place, round.object.Status
	lb, err := r.Inventory.LoadBalancer(ctx, where.zone, where.loadBalancerID)
	switch class := exoscale.ClassOf(err); {
	case class == "":
		return r.observe(ctx, round, lb)
	case class == exoscale.NotFound:
		round.unseen = "Exoscale doesn't show NLB " + where.loadBalancerID
		return r.withoutNLB(ctx, round, exoscale.Evidence{})
	case class == exoscale.UnknownZone && where.absent && status.ID == "" && status.Operation == nil && status.Probe == nil:
		return r.releasing(ctx, round, exoscale.NothingBegun())
	default:
		round.unsearched = lostStatus(round)
		out := outcome.FromCloud("Looking the NLB up", err)
		if !out.Quiet {
			round.unseen = out.Message
		}
		return &out, nil
	}
}

// lostStatus reports whether an object was described before, and lost that: it may have
// a service. An object that had no finalizer before this round is new.
func lostStatus(round *round) bool {
	before := round.Before
	return before.Status.ObservedGeneration <= 0 && controllerutil.ContainsFinalizer(before, v1alpha1.NLBServiceFinalizer)
}

// unseen tells to wait while what an operation did, or may have done, isn't
// shown yet. ended: it has succeeded.
func (r *Reconciler) unseen(round *round, ended bool) *outcome.Outcome {
	entry := r.entry(round)
	lost := round.place.absent && round.got.Own == nil && r.journal.Lost(entry)
	if !lost && (!ended || effectSeen(round)) {
		return nil
	}
	r.Inventory.Invalidate(entry.Key)
	return r.journal.Unseen(entry)
}

// release ends a round for a service that is to be absent, and is.
func (r *Reconciler) release(ctx context.Context, round *round) (outcome.Outcome, error) {
	switch {
	case !round.object.DeletionTimestamp.IsZero():
		if err := round.Release(ctx, v1alpha1.NLBServiceFinalizer, round.absence); err != nil {
			return outcome.Outcome{}, err
		}
		round.gone = true
		return outcome.Done(), nil
	case round.place.moved:
		if err := round.absence.Cleared(); err != nil {
			return outcome.Outcome{}, err
		}
		status := &round.object.Status
		status.ID, status.LoadBalancerID, status.Operation, status.Probe, round.lb = "", "", nil, nil, nil
	}
	return *round.place.until, nil
}

func deref(out *outcome.Outcome) outcome.Outcome {
	if out == nil {
		return outcome.Outcome{}
	}
	return *out
}
