package app

import (
	"context"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/exoscale-community/nlb-operator/controllers/csr"
	"github.com/exoscale-community/nlb-operator/controllers/networkloadbalancer"
	"github.com/exoscale-community/nlb-operator/controllers/nlbservice"
	"github.com/exoscale-community/nlb-operator/controllers/node"
	"github.com/exoscale-community/nlb-operator/controllers/nodeidentity"
	"github.com/exoscale-community/nlb-operator/controllers/service"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// setupControllers adds every controller to the manager.
func (a *App) setupControllers(ctx context.Context, mgr manager.Manager) error {
	resumption := journal.NewResumption(mgr.GetClient(), a.cloud.operations)
	for _, controller := range []interface{ SetupWithManager(manager.Manager) error }{
		a.loadBalancers(mgr, resumption),
		a.nlbServices(mgr, resumption),
		a.services(mgr),
		a.nodeIdentities(mgr),
	} {
		if err := controller.SetupWithManager(mgr); err != nil {
			return err
		}
	}
	if err := a.setupUnused(mgr); err != nil {
		return err
	}
	return a.setupNodeFeatures(ctx, mgr)
}

// setupNodeFeatures adds the controllers that change Nodes, each if it is switched on.
func (a *App) setupNodeFeatures(ctx context.Context, mgr manager.Manager) error {
	const certificates = "CertificateSigningRequest"
	if a.options.NodeCSRApproval {
		a.counters.Foresee(certificates, corev1.EventTypeNormal, csr.ReasonNodeIdentityVerified)
		a.counters.Foresee(certificates, corev1.EventTypeWarning, csr.ReasonCertificateNotApproved)
		a.counters.Foresee(metrics.KindNode, corev1.EventTypeWarning, csr.ReasonCertificateNotApproved)
		if err := a.setupApprover(mgr); err != nil {
			return err
		}
	}
	a.counters.Foresee(metrics.KindNode, corev1.EventTypeNormal, node.ReasonNodeInitialised, node.ReasonDeletingNode)
	a.counters.Foresee(metrics.KindNode, corev1.EventTypeWarning, node.ReasonNodeNotInitialised, node.ReasonNodeDeletionHalted)
	return node.Setup(ctx, mgr, node.Options{
		Client:             mgr.GetClient(),
		Cloud:              a.cloud.client,
		Inventory:          a.cloud.inventory,
		Events:             a.events,
		Clock:              a.options.Clock,
		Initialise:         a.options.NodeInitialization,
		Delete:             a.options.NodeDeletion,
		Limits:             a.options.nodeDeletionLimits(),
		Recheck:            a.options.SyncPeriod / 2, // so that the second list is seen soon
		Removed:            a.counters.NodeRemoved,
		Halted:             a.counters.NodeDeletionHalted,
		SkipNameValidation: a.options.SkipNameValidation,
	})
}

// setupApprover gives the approver a cache of its own: addresses count in all
// namespaces, and what can't be read, since a right is missing, must hold up no other
// controller.
func (a *App) setupApprover(mgr manager.Manager) error {
	occupants, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
		ByObject:   csr.Occupants(),
	})
	if err != nil {
		return err
	}
	if err := mgr.Add(occupants); err != nil {
		return err
	}
	return csr.New(csr.Options{
		Client: mgr.GetClient(), Cluster: occupants, NodeCIDRs: a.options.nodeCIDRs(),
		Events: a.events, Clock: a.options.Clock,
		SkipNameValidation: a.options.SkipNameValidation,
	}).SetupWithManager(mgr)
}

func (a *App) loadBalancers(mgr manager.Manager, resumption *journal.Resumption) *networkloadbalancer.Reconciler {
	return networkloadbalancer.New(networkloadbalancer.Options{
		Client:                  mgr.GetClient(),
		APIReader:               mgr.GetAPIReader(),
		LoadBalancers:           a.cloud.client,
		Inventory:               a.cloud.inventory,
		Operations:              a.cloud.operations,
		Events:                  a.events,
		Wakeups:                 &a.wakeups.loadBalancers,
		Clock:                   a.options.Clock,
		ClusterID:               a.clusterID,
		DefaultZone:             a.options.Zone,
		Resumption:              resumption,
		SyncPeriod:              a.options.SyncPeriod,
		SeesAllNamespaces:       len(a.options.WatchNamespaces) == 0,
		FindsNodes:              true,
		ExternalAllowed:         a.options.externalAllowed(),
		MaxConcurrentReconciles: a.options.MaxConcurrentReconciles,
		SkipNameValidation:      a.options.SkipNameValidation,
	})
}

func (a *App) nlbServices(mgr manager.Manager, resumption *journal.Resumption) *nlbservice.Reconciler {
	return nlbservice.New(nlbservice.Options{
		Client:                  mgr.GetClient(),
		APIReader:               mgr.GetAPIReader(),
		Services:                a.cloud.client,
		Inventory:               a.cloud.inventory,
		Operations:              a.cloud.operations,
		Events:                  a.events,
		Wakeups:                 &a.wakeups.nlbServices,
		Clock:                   a.options.Clock,
		ClusterID:               a.clusterID,
		Resumption:              resumption,
		AllowedPools:            a.options.allowedPools(),
		AllowedTargetPorts:      a.options.allowedTargetPorts(),
		RestrictedNodeLabels:    a.options.RequireRestrictedNodeLabels,
		SyncPeriod:              a.options.SyncPeriod,
		SeesAllNamespaces:       len(a.options.WatchNamespaces) == 0,
		FindsNodes:              true,
		InjectsSidecars:         a.options.servesWebhook(),
		MaxConcurrentReconciles: a.options.MaxConcurrentReconciles,
		SkipNameValidation:      a.options.SkipNameValidation,
	})
}

func (a *App) services(mgr manager.Manager) *service.Reconciler {
	return service.New(service.Options{
		Client:                  mgr.GetClient(),
		APIReader:               mgr.GetAPIReader(),
		Inventory:               a.cloud.inventory,
		Events:                  a.events,
		Wakeups:                 &a.wakeups.services,
		AddressAfter:            a.counters.AddressAfter,
		Clock:                   a.options.Clock,
		Zone:                    a.options.Zone,
		ClaimClassless:          a.options.ClaimClasslessServices,
		DefaultInstancePool:     a.options.DefaultInstancePool,
		AllowedPools:            a.options.allowedPools(),
		UDPHealthCheck:          projection.UDPHealthCheck(a.options.UDPDefaultHealthCheck),
		SidecarsByNumber:        a.sidecarsByNumber,
		RestrictedNodeLabels:    a.options.RequireRestrictedNodeLabels,
		MaxConcurrentReconciles: a.options.MaxConcurrentReconciles,
		SkipNameValidation:      a.options.SkipNameValidation,
	})
}

func (a *App) nodeIdentities(mgr manager.Manager) *nodeidentity.Reconciler {
	return nodeidentity.New(nodeidentity.Options{
		Client:             mgr.GetClient(),
		Inventory:          a.cloud.inventory,
		Events:             a.events,
		Wakeups:            &a.wakeups.nodes,
		Zone:               a.options.Zone,
		WatchedPools:       a.options.NodePools,
		Certifies:          a.options.NodeCSRApproval,
		Labels:             a.options.NodeLabels,
		Foreign:            a.counters.ForeignNodes,
		SkipNameValidation: a.options.SkipNameValidation,
	})
}

// nodeDeletionLimits let lists be as old as they get between two sync periods.
func (o Options) nodeDeletionLimits() nodegone.Limits {
	limits := o.NodeDeletionLimits
	limits.MaxShare = o.NodeDeletionMaxShare
	limits = limits.WithDefaults()
	limits.MaxListAge = max(limits.MaxListAge, 2*o.SyncPeriod)
	return limits
}

// nodeCIDRs are the valid ones, as Validate has found them all to be.
func (o Options) nodeCIDRs() []netip.Prefix {
	var cidrs []netip.Prefix
	for _, text := range o.NodeCIDRs {
		if cidr, err := netip.ParsePrefix(text); err == nil {
			cidrs = append(cidrs, cidr)
		}
	}
	return cidrs
}

// allowedPools are those that whoever runs the operator has named.
func (o Options) allowedPools() []string {
	if o.DefaultInstancePool == "" {
		return o.AllowedPools
	}
	return append(slices.Clone(o.AllowedPools), o.DefaultInstancePool)
}

// allowedTargetPorts are those that Validate has passed.
func (o Options) allowedTargetPorts() nlb.PortRanges {
	ports, err := nlb.ParsePortRanges(o.AllowedTargetPorts)
	if err != nil {
		return nil
	}
	return ports
}

// externalAllowed tells whether objects of a namespace may be External; nil: all.
func (o Options) externalAllowed() func(namespace string) bool {
	if slices.Contains(o.ExternalNLBNamespaces, AllNamespaces) {
		return nil
	}
	return func(namespace string) bool { return slices.Contains(o.ExternalNLBNamespaces, namespace) }
}
