package app

import (
	"crypto/tls"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// metricsOptions guards the metrics where tokens are safe on the wire.
func metricsOptions(options Options) metricsserver.Options {
	served := metricsserver.Options{BindAddress: options.MetricsBindAddress, SecureServing: options.MetricsSecure}
	if options.MetricsSecure {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
		// HTTP/2 lets one client open and reset streams without end (CVE-2023-44487).
		served.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }}
	}
	return served
}

// addProbes answers as long as the process does. Neither a standby nor a cloud
// that can't be reached makes a Pod unready: restarting it would mend nothing,
// and a webhook that is served from it has to go on. Only the webhook's own beginning
// is waited for, for some seconds.
func addProbes(mgr manager.Manager) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("ping", healthz.Ping)
}
