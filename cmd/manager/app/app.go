package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/csr"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// The cluster's default id is the UID of kube-system.
// +kubebuilder:rbac:groups="",resources=namespaces,resourceNames=kube-system,verbs=get

// App is the operator, ready to run once.
type App struct {
	options   Options
	clusterID string
	manager   manager.Manager
	cloud     cloud
	wakeups   *wakeups
	counters  *metrics.Counters
	events    metrics.Recorder
	// sidecarsByNumber: see service.Options.
	sidecarsByNumber bool
}

// New makes an App that works on the cluster of kubernetes. It fails if the
// options are wrong or the API server can't be asked for the cluster's id; it
// never asks the cloud.
func New(ctx context.Context, kubernetes *rest.Config, options Options) (*App, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	if options.Log.GetSink() == nil {
		options.Log = logr.Discard()
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	kubernetes = forManyObjects(kubernetes)
	clusterID, err := clusterID(ctx, kubernetes, options.ClusterID)
	if err != nil {
		return nil, err
	}
	mgr, err := newManager(kubernetes, options)
	if err != nil {
		return nil, err
	}
	if err := index.Setup(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, fmt.Errorf("indexing the cache: %w", err)
	}
	a := &App{options: options, clusterID: clusterID, manager: mgr, wakeups: newWakeups(mgr.GetCache(), options.Log.WithName("wakeups"))}
	a.sidecarsByNumber = sidecarsByNumber(kubernetes, options.Log)
	if err := mgr.Add(a.wakeups); err != nil {
		return nil, err
	}
	if a.cloud, err = newCloud(mgr, options, a.wakeups); err != nil {
		return nil, err
	}
	if err := a.setupMetrics(mgr); err != nil {
		return nil, fmt.Errorf("registering the metrics: %w", err)
	}
	if err := a.setupControllers(ctx, mgr); err != nil {
		return nil, fmt.Errorf("setting the controllers up: %w", err)
	}
	if err := a.setupGuard(kubernetes); err != nil {
		return nil, fmt.Errorf("setting the guard of the uninstallation up: %w", err)
	}
	if err := a.setupWebhook(mgr); err != nil {
		return nil, fmt.Errorf("setting the webhook up: %w", err)
	}
	return a, nil
}

// setupMetrics registers what isn't told by the cloud layer or controller-runtime.
func (a *App) setupMetrics(mgr manager.Manager) (err error) {
	registerer := a.options.Metrics
	if a.counters, err = metrics.NewCounters(registerer); err != nil {
		return err
	}
	events := outcome.WithinBudget(mgr.GetEventRecorder(Name), clock.RealClock{}, a.counters.Dropped(mgr.GetScheme())) // the Events of Kubernetes go by the real time
	a.events = a.counters.Counting(events, mgr.GetScheme())
	objects := metrics.NewCollector(mgr.GetCache(), mgr.Elected(), a.options.Log.WithName("metrics"))
	return errors.Join(
		metrics.Register(registerer, objects),
		metrics.RegisterProcess(registerer, a.options.Version, mgr.Elected()))
}

// Run works until ctx ends, or until something fails that the App can't go on
// without: the lease is lost, an address can't be listened at. Afterwards nothing
// of it runs any more, and it can't be run again.
func (a *App) Run(ctx context.Context) error {
	a.options.Log.Info("starting", "version", a.options.Version, "cluster", a.clusterID, "zone", a.options.Zone)
	return a.manager.Start(ctx)
}

// forManyObjects raises client-go's limit of 5 requests a second, which would
// make objects wait for each other; the API server protects itself by priority
// and fairness.
func forManyObjects(kubernetes *rest.Config) *rest.Config {
	kubernetes = rest.CopyConfig(kubernetes)
	kubernetes.QPS = max(kubernetes.QPS, 100)
	kubernetes.Burst = max(kubernetes.Burst, 200)
	return kubernetes
}

// clusterID is what this cluster is called in the labels of its NLBs: as given,
// else the UID of kube-system, which lives as long as the cluster.
func clusterID(ctx context.Context, kubernetes *rest.Config, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	reader, err := client.New(kubernetes, client.Options{})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	namespace := &corev1.Namespace{}
	if err := reader.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, namespace); err != nil {
		return "", fmt.Errorf("reading the UID of namespace kube-system, the default of --cluster-id: %w", err)
	}
	return string(namespace.UID), nil
}

func newManager(kubernetes *rest.Config, options Options) (manager.Manager, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	leaseNamespace, err := leaseNamespace(options)
	if err != nil {
		return nil, err
	}
	lease, renewal, retry := leaseTimes(options)
	mgr, err := manager.New(kubernetes, manager.Options{
		Scheme: scheme,
		Logger: options.Log,
		Cache: cache.Options{
			DefaultNamespaces: watched(options.WatchNamespaces),
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Service{}:        {Transform: ownManagedFieldsOnly},
				&corev1.Node{}:           {Label: labels.SelectorFromSet(options.NodeLabels)},
				&v1alpha1.NodeIdentity{}: {Label: labels.SelectorFromSet(options.NodeLabels)},

				&certificatesv1.CertificateSigningRequest{}: csr.Cached(),
			},
		},
		Controller:              config.Controller{SkipNameValidation: &options.SkipNameValidation},
		Metrics:                 metricsOptions(options),
		HealthProbeBindAddress:  options.HealthProbeBindAddress,
		LeaderElection:          options.LeaderElect,
		LeaderElectionID:        Name,
		LeaderElectionNamespace: leaseNamespace,
		LeaseDuration:           lease, RenewDeadline: renewal, RetryPeriod: retry,
		// Once Run has returned, nothing works any more.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, err
	}
	return mgr, addProbes(mgr)
}

// newScheme knows the kinds of Kubernetes and ours.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

// ownManagedFieldsOnly keeps, of who wrote what of a Service, what tells our own
// annotations from the user's (see projection.WroteID).
func ownManagedFieldsOnly(object any) (any, error) {
	if o, is := object.(client.Object); is {
		o.SetManagedFields(slices.DeleteFunc(o.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
			return entry.Manager != projection.FieldOwner
		}))
	}
	return object, nil
}

// watched limits the cache to namespaces; none means all.
func watched(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := make(map[string]cache.Config, len(namespaces))
	for _, namespace := range namespaces {
		configs[namespace] = cache.Config{}
	}
	return configs
}

// ownNamespaceFile is where a Pod finds the name of its namespace.
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// leaseNamespace is where the leader's lease is kept.
func leaseNamespace(options Options) (string, error) {
	if !options.LeaderElect || options.LeaderElectionNamespace != "" {
		return options.LeaderElectionNamespace, nil
	}
	namespace, err := ownNamespace()
	if err != nil {
		return "", fmt.Errorf("--leader-elect: outside of a Pod, --leader-election-namespace has to say where the lease is kept (%w)", err)
	}
	return namespace, nil
}

// ownNamespace is the Pod's.
func ownNamespace() (string, error) {
	namespace, err := os.ReadFile(ownNamespaceFile)
	return strings.TrimSpace(string(namespace)), err
}

// leaseTimes are how long the lease holds, how long a leader tries to renew it, and
// how often: in the ratio that Kubernetes' own components keep.
func leaseTimes(options Options) (lease, renewal, retry *time.Duration) {
	holds := cmp.Or(options.LeaseDuration, 15*time.Second)
	return &holds, new(holds * 2 / 3), new(holds * 2 / 15)
}
