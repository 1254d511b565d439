package app

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// cloud is what the controllers know of Exoscale.
type cloud struct {
	client     *exoscale.Client
	inventory  *exoscale.Inventory
	operations *exoscale.Operations
}

// newCloud makes the cloud layer and lets the manager run it: the credentials are
// followed always, the inventory and the operations where the controllers run.
func newCloud(mgr manager.Manager, options Options, wakeups *wakeups) (cloud, error) {
	log := options.Log.WithName("cloud")
	credentials, err := credentials(mgr, options)
	if err != nil {
		return cloud{}, err
	}
	client, err := exoscale.NewClient(exoscale.Options{
		Endpoint:    options.APIEndpoint,
		Insecure:    options.APIInsecure,
		Zone:        options.Zone,
		Credentials: credentials,
		RateLimit:   exoscale.RateLimit{PerSecond: options.RateLimit},
		Timeout:     options.RequestTimeout,
		MaxAnswer:   options.maxAnswer(),
		Metrics:     options.Metrics,
		Log:         log,
		UserAgent:   Name + "/" + options.Version,
	})
	if err != nil {
		return cloud{}, err
	}
	inventory, err := exoscale.NewInventory(client, exoscale.InventoryOptions{
		Interval:       options.SyncPeriod,
		Changed:        wakeups.loadBalancerChanged,
		MembersChanged: wakeups.membersChanged,
		ZoneChanged:    wakeups.zoneChanged,
		Vanished:       wakeups.loadBalancersVanished,
		Waiting:        options.share(4),
		Quota:          options.Metrics != nil,
	})
	if err != nil {
		return cloud{}, fmt.Errorf("registering the inventory's metrics: %w", err)
	}
	operations := exoscale.NewOperations(client, inventory, wakeups.operationEnded,
		exoscale.OperationsOptions{PollInterval: options.PollInterval, MaxBeginning: options.share(2)})
	for _, runnable := range []manager.Runnable{inventory, manager.RunnableFunc(operations.Run)} {
		if err := mgr.Add(runnable); err != nil {
			return cloud{}, err
		}
	}
	return cloud{client: client, inventory: inventory, operations: operations}, nil
}

// credentials are those given, else those of the file, else the environment's.
func credentials(mgr manager.Manager, options Options) (exoscale.CredentialsSource, error) {
	switch {
	case options.Credentials != nil:
		return options.Credentials, nil
	case options.CredentialsFile != "":
		file := exoscale.NewFileCredentials(options.CredentialsFile, exoscale.FileCredentialsOptions{Log: options.Log.WithName("credentials")})
		return file, mgr.Add(file)
	default:
		return exoscale.EnvironmentCredentials(), nil
	}
}

// maxAnswer is in bytes.
func (o Options) maxAnswer() int64 { return int64(o.MaxAnswer) << 20 }

// share is one part of so many of a controller's workers: what one zone may occupy
// for long, so that others are served while it is slow.
func (o Options) share(parts int) int { return max(1, o.MaxConcurrentReconciles/parts) }
