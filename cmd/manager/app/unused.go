package app

import (
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/exoscale-community/nlb-operator/internal/unused"
	"github.com/exoscale-community/nlb-operator/internal/vanished"
)

// setupUnused looks for NLBs that no object uses, where the controllers run.
func (a *App) setupUnused(mgr manager.Manager) error {
	guard := vanished.Guard{Reader: mgr.GetClient(), Inventory: a.cloud.inventory}
	return mgr.Add(unused.New(unused.Options{
		Reader:            mgr.GetClient(),
		Inventory:         a.cloud.inventory,
		Doubtful:          guard.Doubtful,
		Events:            a.events,
		Count:             a.counters.UnusedLoadBalancers,
		ClusterID:         a.clusterID,
		Namespace:         a.options.eventNamespace(),
		SyncPeriod:        a.options.SyncPeriod,
		SeesAllNamespaces: len(a.options.WatchNamespaces) == 0,
		Log:               a.options.Log.WithName("unused"),
	}))
}

// eventNamespace is the operator's own, where Events are kept that are about no object;
// empty if it isn't known.
func (o Options) eventNamespace() string {
	if namespace, err := ownNamespace(); err == nil {
		return namespace
	}
	return o.LeaderElectionNamespace
}
