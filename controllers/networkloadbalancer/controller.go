package networkloadbalancer

import (
	"cmp"
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
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

// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers/status,verbs=patch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers/finalizers,verbs=update
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nlbservices,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// LoadBalancers reads and changes the NLBs of every zone. Each change is one
// request that returns once Exoscale has started the operation.
type LoadBalancers interface {
	CreateLoadBalancer(ctx context.Context, seen exoscale.ZoneEvidence, want nlb.LoadBalancerAttributes) (exoscale.Operation, error)
	UpdateLoadBalancer(ctx context.Context, zone, id string, change nlb.LoadBalancerChange) (exoscale.Operation, error)
	DeleteLoadBalancer(ctx context.Context, seen exoscale.Evidence) (exoscale.Operation, error)
	DeleteService(ctx context.Context, seen exoscale.Evidence, id string) (exoscale.Operation, error)
}

// Inventory answers reads of the cloud from memory.
type Inventory interface {
	Watch(zone string)
	LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error)
	LoadBalancers(ctx context.Context, zone string) ([]nlb.LoadBalancer, error)
	Evidence(ctx context.Context, zone, id string) (exoscale.Evidence, error)
	ZoneEvidence(ctx context.Context, zone string) (exoscale.ZoneEvidence, error)
	Missing(zone string, ids []string) (expected, missing int)
	NoteDeleted(id string)
	NoLoadBalancer(ctx context.Context, zone string, is func(nlb.LoadBalancer) bool) (exoscale.Absence, error)
	CurrentInstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error)
	Invalidate(key exoscale.Key)
}

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	Client client.Client
	// APIReader reads past the cache: who wrote what of an object.
	APIReader     client.Reader
	LoadBalancers LoadBalancers
	Inventory     Inventory
	Operations    journal.Operations
	Events        events.EventRecorder
	// Wakeups tells which objects to look at again because of the cloud.
	Wakeups source.Source
	Clock   clock.Clock
	// ClusterID stands in the ownership labels of every NLB that this cluster makes.
	ClusterID string
	// DefaultZone is for objects that name none; may be empty.
	DefaultZone string
	// Resumption follows what an earlier process has started.
	Resumption *journal.Resumption
	// SyncPeriod is how often the cloud is looked at: a blocked object is looked at
	// again after it at the latest.
	SyncPeriod time.Duration
	// SeesAllNamespaces is true if the client knows the objects of all
	// namespaces, so that a UID which it doesn't know is of no live object.
	SeesAllNamespaces bool
	// ExternalAllowed tells whether objects of a namespace may be External; nil: all.
	ExternalAllowed func(namespace string) bool
	// MaxConcurrentReconciles is the number of objects looked at at once.
	MaxConcurrentReconciles int
	// VanishedIn are the namespaces whose objects tell whether too much is gone at once;
	// none: all that the client sees.
	VanishedIn []string
	// FindsNodes: NodeIdentities are kept current, and tell whether Exoscale shows us
	// this cluster's account.
	FindsNodes bool
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of NetworkLoadBalancers.
type Reconciler struct {
	Options
	journal  *journal.Journal
	told     *persist.Told[*v1alpha1.NetworkLoadBalancer]
	vanished vanished.Guard
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	return &Reconciler{
		Options:  options,
		journal:  journal.New(journal.KindLoadBalancer, options.Operations, options.Clock),
		told:     persist.NewTold(telling, options.APIReader, options.Clock),
		vanished: vanished.Guard{Reader: options.Client, Inventory: options.Inventory, Namespaces: options.VanishedIn, FindsNodes: options.FindsNodes},
	}
}

// SetupWithManager adds the controller to a manager. The indexes of package
// index have to be set up there, too.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("networkloadbalancer").
		For(&v1alpha1.NetworkLoadBalancer{}, builder.WithPredicates(pacing.Asked())).
		WatchesRawSource(r.Wakeups).
		WithOptions(pacing.FairOptions(r.MaxConcurrentReconciles, r.SkipNameValidation)).
		Complete(r)
}

// Reconcile does one round for one object.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object := &v1alpha1.NetworkLoadBalancer{}
	if err := r.Client.Get(ctx, req.NamespacedName, object); err != nil {
		if apierrors.IsNotFound(err) {
			r.told.Forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(object, v1alpha1.LoadBalancerFinalizer) {
		return ctrl.Result{}, nil
	}
	if err := r.Resumption.Once(ctx); err != nil {
		return ctrl.Result{}, err
	}
	round := &round{Object: persist.New(r.Client, object), object: object}
	round.foreign = r.told.Look(ctx, round.Object, true)
	out, err := r.converge(ctx, round)
	if err == nil {
		err = round.unlisted // what it came to blames others
	}
	if err == nil && !round.gone {
		describe(round, out)
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
		noteAddress(round)
		round.foreign.Remember()
	}
	round.notices.Send(r.Events, object)
	if round.gone || apierrors.IsNotFound(err) {
		r.journal.Succeeded(r.entry(object))
		return ctrl.Result{}, nil
	}
	return out.Paced(r.SyncPeriod).Result(nil)
}

// round is one look at one object.
type round struct {
	*persist.Object[*v1alpha1.NetworkLoadBalancer]
	object *v1alpha1.NetworkLoadBalancer // the same as Now
	want   nlb.LoadBalancerWant
	got    *nlb.LoadBalancerGot // nil if the cloud could not be looked at
	// evidence is the NLB, and listed the NLBs of the zone, as they were read for a step
	// that can't be taken back; absence is the proof that the object's isn't there.
	evidence exoscale.Evidence
	listed   exoscale.ZoneEvidence
	absence  exoscale.Absence
	byPools  bool // the instance pools spoke for the absence
	// unlisted is why the API server didn't tell who holds an NLB.
	unlisted error
	gone     bool // the finalizer has left
	// serviceTells: the Service that the object is of tells of what it is like.
	serviceTells bool
	foreign      *persist.Foreign[*v1alpha1.NetworkLoadBalancer]
	notices      outcome.Notices
}

// converge leads one step closer to what is wanted. Its error is one of the API
// server's; those of the cloud are outcomes.
func (r *Reconciler) converge(ctx context.Context, round *round) (outcome.Outcome, error) {
	object := round.object
	if err := round.Hold(ctx, v1alpha1.LoadBalancerFinalizer); err != nil {
		return outcome.Outcome{}, err
	}
	var err error
	if round.serviceTells, err = index.ServiceTells(ctx, r.Client, object); err != nil {
		return outcome.Outcome{}, err
	}
	claim, stale, err := r.claim(ctx, object, &round.unlisted)
	if err != nil {
		return outcome.Outcome{}, err
	}
	round.want = nlb.WantedLoadBalancer(object, claim)
	round.want.Zone = r.zoneOf(object)
	round.want.Retain = round.want.Retain || stale
	if text := r.invalid(object, claim); text != "" && !round.want.Deleting {
		return outcome.Invalid(v1alpha1.ReasonInvalid, text), nil
	}
	if round.want.Deleting && nlb.NeverStarted(object) {
		return r.release(ctx, round, exoscale.NothingBegun())
	}
	creating := object.Status.Operation != nil && object.Status.Operation.Action == v1alpha1.ActionCreate
	inFlight := r.entry(object)
	inFlight.Notices = &round.notices
	out, ended := r.journal.Progress(ctx, inFlight)
	if out != nil {
		if op := object.Status.Operation; creating && (op == nil || op.ID == "") {
			object.Status.ID = "" // it failed; if the NLB is there all the same, its labels tell
		}
		return *out, nil
	}
	if unknown, err := r.look(ctx, round, claim); unknown != nil || err != nil {
		if unknown != nil && round.want.Deleting && unknown.Reason == v1alpha1.ReasonUnknownZone && object.Status.ID == "" && object.Status.Operation == nil {
			return r.release(ctx, round, exoscale.NothingBegun())
		}
		return deref(unknown), err
	}
	if unseen := r.unseen(round, ended); unseen != nil {
		return *unseen, nil
	}
	if out, err := r.missing(ctx, round, claim, ended && deletes(object)); out != nil || err != nil {
		return deref(out), err
	}
	r.conclude(ctx, round)
	move := nlb.DiffLoadBalancer(round.want, *round.got)
	if move.Change.Labels != nil {
		if out, err := r.lookForLabels(ctx, round, claim, move); out != nil || err != nil {
			return deref(out), err
		}
		move = nlb.DiffLoadBalancer(round.want, *round.got)
	}
	move, out, err = r.confirm(ctx, round, claim, move)
	if out != nil || err != nil {
		return deref(out), err
	}
	return r.apply(ctx, round, move)
}

// lookForLabels reads the NLB again, unless nothing can be written now: labels can only be
// written all together, so those that others set a moment ago have to be among them.
func (r *Reconciler) lookForLabels(ctx context.Context, round *round, claim nlb.Claim, move nlb.LoadBalancerMove) (*outcome.Outcome, error) {
	if held := r.held(round, move); held != nil {
		return held, nil
	}
	r.Inventory.Invalidate(r.entry(round.object).Key)
	return r.look(ctx, round, claim)
}

// deletes tells whether the operation of an object deletes its NLB, and not one of
// the services on it.
func deletes(object *v1alpha1.NetworkLoadBalancer) bool {
	op := object.Status.Operation
	return op.Action == v1alpha1.ActionDelete && op.ServiceID == "" && op.Name == object.Status.Name
}

// look reads the NLB; the outcome is set if it can't.
func (r *Reconciler) look(ctx context.Context, round *round, claim nlb.Claim) (*outcome.Outcome, error) {
	got, err := r.observe(ctx, round.object, claim)
	var cloud *exoscale.Error
	switch {
	case errors.As(err, &cloud):
		out := outcome.FromCloud("Looking the NLB up", err)
		return &out, nil
	case err != nil, round.unlisted != nil:
		return nil, cmp.Or(err, round.unlisted)
	}
	round.got = &got
	return nil, nil
}

// unseen tells to wait while what an operation did, or may have done, isn't
// shown yet. ended: it has succeeded.
func (r *Reconciler) unseen(round *round, ended bool) *outcome.Outcome {
	entry := r.entry(round.object)
	lost := round.want.Deleting && round.got.NLB == nil && r.journal.Lost(entry)
	if !lost && (!ended || effectSeen(round)) {
		return nil
	}
	r.Inventory.Invalidate(entry.Key)
	return r.journal.Unseen(entry)
}

// invalid says what stands against the spec.
func (r *Reconciler) invalid(object *v1alpha1.NetworkLoadBalancer, claim nlb.Claim) string {
	if claim.External && r.ExternalAllowed != nil && !r.ExternalAllowed(object.Namespace) {
		return nlb.ExternalNotAllowed(object.Namespace)
	}
	return nlb.InvalidLoadBalancer(object, claim.ServiceUID)
}

// release lets the object go: the cloud holds nothing of it any more.
func (r *Reconciler) release(ctx context.Context, round *round, absence exoscale.Absence) (outcome.Outcome, error) {
	if err := round.Release(ctx, v1alpha1.LoadBalancerFinalizer, absence); err != nil {
		return outcome.Outcome{}, err
	}
	round.gone = true
	return outcome.Done(), nil
}
