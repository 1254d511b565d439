package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/networkloadbalancer"
	"github.com/exoscale-community/nlb-operator/controllers/nlbservice"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/release"
)

// ReleaseOptions say what is let go. Of the operator's own, those of Exoscale, the
// cluster's id and the namespace of the lease matter; the rest doesn't.
type ReleaseOptions struct {
	Options
	Mode release.Mode
	// Namespaces whose objects are meant; none: all.
	Namespaces []string
	// StopOperator is the Deployment to be scaled down first; empty: none.
	StopOperator string
	// DryRun only tells what would become of each object.
	DryRun bool
	// Timeout bounds how long is waited for the lease and for Exoscale.
	Timeout time.Duration
	// Out is told what becomes of each object.
	Out io.Writer
}

// Release lets go of what the operator holds on the cluster of kubernetes, once no
// operator works any more. It fails if anything stays held, and tells why; it may
// be repeated.
func Release(ctx context.Context, kubernetes *rest.Config, options ReleaseOptions) error {
	r, err := newReleasing(ctx, kubernetes, options)
	switch {
	case err != nil:
		return err
	case options.DryRun:
		return r.work(ctx, r.releaser.Plan)
	default:
		return r.run(ctx)
	}
}

// releasing is the operator as far as it takes to let go of what it holds: the same
// cache, the same lease and the same eyes, and no controller that runs.
type releasing struct {
	ReleaseOptions
	uncached client.Client
	manager  manager.Manager
	releaser *release.Releaser
}

func newReleasing(ctx context.Context, kubernetes *rest.Config, options ReleaseOptions) (*releasing, error) {
	kubernetes = forManyObjects(kubernetes)
	direct, err := uncached(kubernetes)
	if err != nil {
		return nil, err
	}
	r := &releasing{ReleaseOptions: options, uncached: direct}
	if r.ClusterID, err = clusterID(ctx, kubernetes, r.ClusterID); err != nil {
		return nil, err
	}
	if !r.DryRun {
		if err := r.findLease(ctx); err != nil {
			return nil, err
		}
	}
	r.LeaderElect = !r.DryRun && r.LeaderElectionNamespace != ""
	r.MetricsBindAddress, r.HealthProbeBindAddress = Off, Off
	r.WatchNamespaces, r.NodeLabels = nil, nil // whose an NLB is can be told only by who sees all
	if r.manager, err = newManager(kubernetes, r.Options); err != nil {
		return nil, err
	}
	with := release.Options{
		Client: r.manager.GetClient(), Mode: r.Mode, Namespaces: r.Namespaces,
		ClusterID: r.ClusterID, DefaultZone: r.Zone, PollInterval: cmp.Or(r.PollInterval, time.Second), Out: r.Out,
	}
	switch defined, err := kindsDefined(r.manager.GetRESTMapper()); {
	case err != nil:
		return nil, err
	case !defined:
		with.Mode = release.WithoutCloud // there are only Services, which know nothing of it
	default:
		if err := r.addCloud(ctx, &with); err != nil {
			return nil, err
		}
	}
	r.releaser = release.New(with)
	return r, nil
}

// kindsDefined tells whether the cluster still knows our kinds.
func kindsDefined(mapper meta.RESTMapper) (bool, error) {
	_, err := mapper.RESTMapping(v1alpha1.GroupVersion.WithKind("NetworkLoadBalancer").GroupKind(), v1alpha1.GroupVersion.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	return err == nil, err
}

// addCloud adds what knows of Exoscale: the reconcilers tell what the deletion of
// an object would do, as they do it themselves.
func (r *releasing) addCloud(ctx context.Context, with *release.Options) error {
	if err := index.Setup(ctx, r.manager.GetFieldIndexer()); err != nil {
		return fmt.Errorf("indexing the cache: %w", err)
	}
	if with.Mode == release.WithoutCloud {
		return nil
	}
	credentials, err := r.credentials()
	if err != nil {
		return err
	}
	clock := cmp.Or[clock.Clock](r.Clock, clock.RealClock{})
	cloud, err := exoscale.NewClient(exoscale.Options{
		Endpoint: r.APIEndpoint, Insecure: r.APIInsecure, MaxAnswer: r.maxAnswer(), Zone: r.Zone, Credentials: credentials,
		RateLimit: exoscale.RateLimit{PerSecond: r.RateLimit}, Log: r.Log, UserAgent: Name + "/" + r.Version,
	})
	if err != nil {
		return err
	}
	inventory, err := exoscale.NewInventory(cloud, exoscale.InventoryOptions{})
	if err != nil {
		return err
	}
	with.Cloud, with.Inventory = cloud, inventory
	with.LoadBalancers = networkloadbalancer.New(networkloadbalancer.Options{
		Client: with.Client, Inventory: inventory, Clock: clock,
		ClusterID: with.ClusterID, DefaultZone: with.DefaultZone, SeesAllNamespaces: true, VanishedIn: with.Namespaces,
	})
	with.NLBServices = nlbservice.New(nlbservice.Options{
		Client: with.Client, Inventory: inventory, Clock: clock,
		ClusterID: with.ClusterID, SeesAllNamespaces: true, VanishedIn: with.Namespaces,
	})
	return nil
}

// credentials are asked for at once: without any, nothing could be done.
func (r *releasing) credentials() (exoscale.CredentialsSource, error) {
	from := r.Credentials
	switch {
	case from != nil:
	case r.CredentialsFile != "":
		from = exoscale.NewFileCredentials(r.CredentialsFile, exoscale.FileCredentialsOptions{Log: r.Log})
	default:
		from = exoscale.EnvironmentCredentials()
	}
	if _, err := from.Credentials(); err != nil {
		return nil, fmt.Errorf("%w. Without an API key, --retain --without-cloud lets go of the objects, and leaves all as it is at Exoscale", err)
	}
	return from, nil
}

// run does it, once no operator works any more.
func (r *releasing) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("--timeout, %s, has passed", r.Timeout))
	defer cancel()
	if err := r.stopOperator(ctx); err != nil {
		return err
	}
	if err := r.work(ctx, r.releaser.Run); err != nil {
		return err
	}
	if err := r.freeGuard(ctx); err != nil {
		return err
	}
	fmt.Fprintln(r.Out, "The operator holds nothing of this any more.")
	return nil
}

// work runs something once the lease is ours and the cache is filled.
func (r *releasing) work(ctx context.Context, do func(context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	results := make(chan error, 1)
	if err := r.manager.Add(manager.RunnableFunc(func(ctx context.Context) error {
		results <- do(ctx)
		end(errDone)
		return nil
	})); err != nil {
		return err
	}
	if r.LeaderElect && r.StopOperator == "" {
		go r.refuseWhileRenewed(ctx, end)
	}
	err := r.manager.Start(ctx)
	cause := context.Cause(ctx)
	select {
	case result := <-results:
		if errors.Is(cause, errDone) {
			return result
		}
		return errors.Join(cause, err, result)
	default:
		return errors.Join(cause, err)
	}
}

var errDone = errors.New("done")
