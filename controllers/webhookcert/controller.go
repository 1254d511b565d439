package webhookcert

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// A create can't be limited to a name, so the Secret is made by the installation.
//
// +kubebuilder:rbac:groups="",namespace=exoscale-nlb-operator-system,resources=secrets,resourceNames=exoscale-nlb-operator-webhook,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations,resourceNames=exoscale-nlb-operator-webhook,verbs=get;list;watch;patch

// Defaults of Options.
const (
	DefaultLifetime = 90 * 24 * time.Hour
	DefaultSettle   = time.Minute
)

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	// Reader is a cache that is limited as Cached says.
	Reader client.Reader
	Writer client.Writer
	Clock  clock.PassiveClock
	// Name of the Secret, of the Service that leads to the webhook, and of the
	// MutatingWebhookConfiguration that calls it.
	Name string
	// Namespace of the Secret and the Service.
	Namespace string
	// Lifetime of a certificate; the next one is made when a third of it is left.
	// Default: DefaultLifetime.
	Lifetime time.Duration
	// Settle is how long API servers may take to hear of a change. Default:
	// DefaultSettle.
	Settle time.Duration
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of the webhook's certificate.
type Reconciler struct {
	Options
	// announced is the bundle that every webhook was seen to have, and since when.
	// Whoever leads next waits anew.
	announced struct {
		bundle string
		since  time.Time
	}
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	if options.Lifetime <= 0 {
		options.Lifetime = DefaultLifetime
	}
	if options.Settle <= 0 {
		options.Settle = DefaultSettle
	}
	return &Reconciler{Options: options}
}

// cacheSyncTimeout is for ever: a controller that can't read what it watches would
// else end the operator.
const cacheSyncTimeout = 100 * 365 * 24 * time.Hour

// SetupWithManager adds the controller to a manager. It watches what is in a cache
// that isn't the manager's.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, objects cache.Cache) error {
	options := pacing.Options(1, r.SkipNameValidation)
	options.CacheSyncTimeout = cacheSyncTimeout
	theOne := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{r.request()}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("webhook-certificate").
		WatchesRawSource(source.Kind[client.Object](objects, &admissionregistrationv1.MutatingWebhookConfiguration{}, theOne)).
		WatchesRawSource(source.Kind[client.Object](objects, &corev1.Secret{}, theOne)).
		// What isn't there gives no event, and somebody should be told.
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			queue.Add(r.request())
			return nil
		})).
		WithOptions(options).
		Complete(r)
}

func (r *Reconciler) request() reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: r.Namespace, Name: r.Name}}
}

// Reconcile does one round: what is held, what API servers believe, one step.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	secret := &corev1.Secret{}
	if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.Name}, secret); err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the webhook's Secret %s in namespace %s, which the installation makes: %w", r.Name, r.Namespace, err)
	}
	webhooks := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := r.Reader.Get(ctx, client.ObjectKey{Name: r.Name}, webhooks); err != nil {
		return ctrl.Result{}, fmt.Errorf("reading MutatingWebhookConfiguration %s, which the installation makes: %w", r.Name, err)
	}
	now := r.Clock.Now()
	held := readHeld(secret, names(r.Name, r.Namespace), now)
	s := situation{
		held: held, stale: string(secret.Data[keyAuthorities]) != string(held.bundle()),
		announced: believed(webhooks, held), now: now, lifetime: r.Lifetime, settle: r.Settle,
	}
	s.since = r.seen(s)
	next, rest := plan(s)
	if next == stepRest {
		return ctrl.Result{RequeueAfter: rest}, nil
	}
	return r.apply(ctx, next, held, secret, webhooks)
}

// seen is since when all that is held is announced.
func (r *Reconciler) seen(s situation) time.Time {
	switch bundle := string(s.held.bundle()); {
	case !s.announced:
		r.announced.bundle = ""
	case r.announced.bundle != bundle:
		r.announced.bundle, r.announced.since = bundle, s.now
	}
	return r.announced.since
}

// names that the API server may know the Service by; the first is the one it asks for.
func names(service, namespace string) []string {
	return []string{service + "." + namespace + ".svc", service + "." + namespace + ".svc.cluster.local"}
}
