package app

import (
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// Name is the operator's: in user agents, Events and the lease of the leader.
const Name = "exoscale-nlb-operator"

// AllNamespaces stands for every namespace in Options.ExternalNLBNamespaces.
const AllNamespaces = "*"

// Options of an App. Those that have a flag are described by --help; begin with
// Defaults and set what differs.
type Options struct {
	Zone        string
	APIEndpoint string
	// APIInsecure lets the APIEndpoint be unencrypted elsewhere than on this machine.
	APIInsecure     bool
	CredentialsFile string
	// RateLimit is in requests a second, for each zone.
	RateLimit float64
	// MaxAnswer is in MiB, of one answer of the API.
	MaxAnswer  int
	SyncPeriod time.Duration
	ClusterID  string

	ClaimClasslessServices bool
	DefaultInstancePool    string
	AllowedPools           []string
	// AllowedTargetPorts are ports, such as 6443, and ranges, such as 30000-32767.
	AllowedTargetPorts    []string
	UDPDefaultHealthCheck string
	ExternalNLBNamespaces []string

	RequireRestrictedNodeLabels bool

	NodePools          []string
	NodeInitialization bool
	NodeCSRApproval    bool
	NodeCIDRs          []string
	NodeDeletion       bool
	// NodeDeletionMaxShare is in percent of all Nodes.
	NodeDeletionMaxShare int

	// UDPSidecarImage empty, or WebhookBindAddress Off: there is no webhook.
	UDPSidecarImage    string
	WebhookBindAddress string
	WebhookCertDir     string
	// WebhookClientCAFile empty: whoever reaches the webhook is answered.
	WebhookClientCAFile string
	WebhookClientNames  []string
	WebhookName         string
	WebhookNamespace    string

	WatchNamespaces         []string
	MaxConcurrentReconciles int
	LeaderElect             bool
	LeaderElectionNamespace string
	// UninstallGuard is a ConfigMap in the namespace of the lease; empty: none.
	UninstallGuard string

	MetricsBindAddress     string
	MetricsSecure          bool
	HealthProbeBindAddress string

	LogFormat string
	LogLevel  string

	// What follows has no flag: it is for whoever runs an App inside a program.

	// Version is what the operator calls itself towards Exoscale.
	Version string
	// Log gets what the App and its controllers tell; LogFormat and LogLevel are
	// those of Command. The zero value tells nobody.
	Log logr.Logger
	// Credentials come before CredentialsFile and the environment, unless nil.
	Credentials exoscale.CredentialsSource
	// Metrics is where the operator's own metrics are registered; nil: nowhere. Each
	// App in a process needs its own. Those of the controllers are the process's.
	Metrics prometheus.Registerer
	// RequestTimeout is how long one request to Exoscale may take; 0: 30 s.
	RequestTimeout time.Duration
	// PollInterval between two looks at the operations in flight; 0: 1 s.
	PollInterval time.Duration
	// LeaseDuration is how long the lease of a leader holds that died; 0: 15 s.
	LeaseDuration time.Duration
	// Clock is what the controllers measure by how long ago something was done;
	// nil: the real one. Timers are real in any case.
	Clock clock.Clock
	// NodeDeletionLimits are those of Node removals, besides NodeDeletionMaxShare;
	// the zero value of a field means its default.
	NodeDeletionLimits nodegone.Limits
	// WebhookCertLifetime and WebhookCertSettle are those of webhookcert.Options; 0:
	// the defaults there.
	WebhookCertLifetime, WebhookCertSettle time.Duration
	// NodeLabels are those of the Nodes to work with, and are set on their
	// NodeIdentities: several Apps may so share an API server. Nil: all Nodes.
	NodeLabels map[string]string
	// SkipNameValidation lets several Apps live in one process, which then share
	// the metrics of their controllers.
	SkipNameValidation bool
}

// What Options.LogFormat may be.
const (
	LogFormatJSON    = "json"
	LogFormatConsole = "console"
)

// Off, as a bind address, serves nothing.
const Off = "0"

// Defaults are the Options of a program that is started without any flag.
func Defaults() Options {
	return Options{
		RateLimit:               20,
		MaxAnswer:               32,
		SyncPeriod:              time.Minute,
		AllowedTargetPorts:      []string{nlb.NodePorts},
		UDPDefaultHealthCheck:   string(projection.UDPHealthCheckKubeProxy),
		ExternalNLBNamespaces:   []string{AllNamespaces},
		NodeDeletionMaxShare:    20,
		WebhookBindAddress:      ":9443",
		WebhookName:             Name + "-webhook",
		MaxConcurrentReconciles: 10,
		MetricsBindAddress:      ":8443",
		MetricsSecure:           true,
		HealthProbeBindAddress:  ":8081",
		LogFormat:               LogFormatJSON,
		LogLevel:                "info",
		Version:                 "unknown",
	}
}
