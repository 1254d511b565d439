package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// settings are what a command line and the environment say.
type settings struct {
	Options
	kubeconfig string
	help       bool
	version    bool
}

// group is a section of the help.
type group struct {
	title string
	flags *pflag.FlagSet
	// typed: only a command line can say it, no variable.
	typed bool
}

// groups are all flags, by what they are about. What isn't given keeps what s holds.
func (s *settings) groups() []group {
	return []group{
		{title: "Exoscale", flags: s.cloudFlags()},
		{title: "Services and NLBs", flags: s.serviceFlags()},
		{title: "Nodes", flags: s.nodeFlags()},
		{title: "UDP health checks", flags: s.sidecarFlags()},
		{title: "Kubernetes", flags: s.kubernetesFlags()},
		{title: "Serving", flags: s.servingFlags()},
		{title: "Logs", flags: s.logFlags()},
	}
}

func (s *settings) cloudFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.Zone, "zone", s.Zone, "`NAME` of the zone of all objects that name none, such as ch-gva-2")
	f.StringVar(&s.APIEndpoint, "exoscale-api-endpoint", s.APIEndpoint, "`URL` of the API that is asked for the list of zones; by default Exoscale's public one")
	f.BoolVar(&s.APIInsecure, "exoscale-api-insecure", s.APIInsecure,
		"let that endpoint be an http:// elsewhere than on this machine: what is sent is signed, but anybody on the way can read it, and change what is answered")
	f.StringVar(&s.CredentialsFile, "exoscale-credentials-file", s.CredentialsFile,
		"`PATH` of a file with lines EXOSCALE_API_KEY=… and EXOSCALE_API_SECRET=…, or of a folder with a file for each, as a Secret is mounted; "+
			"it is followed: changed credentials are taken over without a restart")
	f.Float64Var(&s.RateLimit, "exoscale-rate-limit", s.RateLimit, "most `REQUESTS` a second to the API of a zone; bursts of five times as many are let through")
	f.IntVar(&s.MaxAnswer, "exoscale-max-answer", s.MaxAnswer,
		"longest answer of the API that is taken, in `MEBIBYTES`. A list that is longer can't be read: raise it, and the memory of the operator by ten times as much")
	f.DurationVar(&s.SyncPeriod, "sync-period", s.SyncPeriod, "how often each zone is looked at: drift and health are seen after this `DURATION` at the latest")
	f.StringVar(&s.ClusterID, "cluster-id", s.ClusterID,
		"`NAME` of this cluster in the labels of its NLBs; by default the UID of the namespace kube-system. Set it to that of the former cluster when one is rebuilt from a backup")
	return f
}

func (s *settings) serviceFlags() *pflag.FlagSet {
	f := newFlags()
	f.BoolVar(&s.ClaimClasslessServices, "claim-classless-services", s.ClaimClasslessServices,
		"serve Services of type LoadBalancer without a loadBalancerClass too, in place of Exoscale's cloud controller manager")
	f.StringVar(&s.DefaultInstancePool, "default-instance-pool", s.DefaultInstancePool, "`ID` or name of the instance pool for Services that name none; by default it is inferred from their nodes")
	f.StringSliceVar(&s.AllowedPools, "allowed-pools", s.AllowedPools,
		"`POOLS` that may receive traffic although no Node of this cluster is in them, ids or names separated by commas; * is all of the account. The default pool is one of them")
	f.StringSliceVar(&s.AllowedTargetPorts, "allowed-target-ports", s.AllowedTargetPorts,
		"`PORTS` of the instances that NLBServices may forward to, and ranges of them, separated by commas: for a control plane, 6443,30000-32767. "+
			"What Services have as nodePort may always be forwarded to for them, and what is forwarded to already stays; an empty value is nothing else")
	f.StringVar(&s.UDPDefaultHealthCheck, "udp-default-healthcheck", s.UDPDefaultHealthCheck,
		"what is probed for a UDP port without a TCP port of the same number and without a sidecar, a `CHOICE` of kube-proxy (its port 10256 on each node) and none (the Service is asked to choose)")
	f.StringSliceVar(&s.ExternalNLBNamespaces, "external-nlb-namespaces", s.ExternalNLBNamespaces,
		"`NAMESPACES` whose objects may attach to NLBs made elsewhere, separated by commas; * is all of them, an empty value none")
	return f
}

func (s *settings) nodeFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringSliceVar(&s.NodePools, "node-pools", s.NodePools,
		"`POOLS` whose instances have a NodeIdentity before their Nodes join, in every zone that has NLBs, ids or names separated by commas; those that a Node is in always have")
	f.BoolVar(&s.RequireRestrictedNodeLabels, "require-restricted-node-labels", s.RequireRestrictedNodeLabels,
		"let nodeSelectors of NLBServices, and the annotation nlb.exoscale.com/node-selector, look only at labels whose keys begin with node-restriction.kubernetes.io/: "+
			"others a kubelet may set on its own Node, and so attract traffic")
	f.BoolVar(&s.NodeInitialization, "node-initialization", s.NodeInitialization,
		"give verified Nodes their providerID, addresses and labels, and take the taint node.cloudprovider.kubernetes.io/uninitialized off, in place of Exoscale's cloud controller manager")
	f.BoolVar(&s.NodeCSRApproval, "node-csr-approval", s.NodeCSRApproval, "approve the serving certificates that verified Nodes ask for, if all that they ask for is theirs")
	f.StringSliceVar(&s.NodeCIDRs, "node-cidrs", s.NodeCIDRs,
		"`CIDRS` of the private networks of Nodes, separated by commas, such as 10.0.0.0/24. In these, addresses of which Exoscale shows no lease are certified, "+
			"each for the one Node that was verified with it first; by default none is")
	f.BoolVar(&s.NodeDeletion, "node-deletion", s.NodeDeletion, "remove Nodes whose instance is gone, once that is certain")
	f.IntVar(&s.NodeDeletionMaxShare, "node-deletion-max-share", s.NodeDeletionMaxShare, "most `PERCENT` of all Nodes to remove within ten minutes, 1-100; one always may be")
	return f
}

func (s *settings) sidecarFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.UDPSidecarImage, "udp-sidecar-image", s.UDPSidecarImage,
		"`IMAGE` of the sidecar that is added to Pods which ask for it, to watch their UDP applications; by default none is, and no webhook is served")
	f.StringVar(&s.WebhookBindAddress, "webhook-bind-address", s.WebhookBindAddress, "`ADDRESS` that serves the webhook by which it is added; 0 is none")
	f.StringVar(&s.WebhookCertDir, "webhook-cert-dir", s.WebhookCertDir,
		"`PATH` of a folder with the webhook's tls.crt and tls.key, which somebody else makes, cert-manager for example; they are followed. By default the operator makes them, and keeps them in its Secret")
	f.StringVar(&s.WebhookClientCAFile, "webhook-client-ca-file", s.WebhookClientCAFile,
		"`PATH` of a file with authorities, as PEM: only who shows a client certificate of theirs is answered by the webhook. It is followed. By default whoever reaches the webhook is: set it where the API server shows one (--admission-control-config-file)")
	f.StringSliceVar(&s.WebhookClientNames, "webhook-client-names", s.WebhookClientNames,
		"the only common or DNS `NAMES` that the certificate may be of, separated by commas; by default any, of whomever these authorities have signed")
	f.StringVar(&s.WebhookName, "webhook-name", s.WebhookName,
		"`NAME` of the Service that leads to the webhook, of the MutatingWebhookConfiguration that calls it, and of the Secret that the operator keeps its certificate in")
	f.StringVar(&s.WebhookNamespace, "webhook-namespace", s.WebhookNamespace, "`NAMESPACE` of that Service and that Secret; by default the Pod's")
	return f
}

func (s *settings) kubernetesFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.kubeconfig, "kubeconfig", "", "`PATH` of a kubeconfig; by default KUBECONFIG, ~/.kube/config, or, in a Pod, its service account")
	f.StringSliceVar(&s.WatchNamespaces, "watch-namespaces", s.WatchNamespaces, "the only `NAMESPACES` to work in, separated by commas; by default all")
	f.IntVar(&s.MaxConcurrentReconciles, "max-concurrent-reconciles", s.MaxConcurrentReconciles, "`NUMBER` of objects of a kind that are looked at at once")
	f.BoolVar(&s.LeaderElect, "leader-elect", s.LeaderElect, "let one replica work at a time; the others stand by")
	f.StringVar(&s.LeaderElectionNamespace, "leader-election-namespace", s.LeaderElectionNamespace, "`NAMESPACE` of the lease "+Name+"; by default the Pod's")
	f.StringVar(&s.UninstallGuard, "uninstall-guard", s.UninstallGuard,
		"`NAME` of a ConfigMap in that namespace that bears a finalizer while the operator holds any object: whoever deletes it before the operator, as Argo CD does, waits. One that Helm installed never does, since helm has a hook; by default there is none")
	return f
}

func (s *settings) servingFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.MetricsBindAddress, "metrics-bind-address", s.MetricsBindAddress, "`ADDRESS` that serves /metrics; 0 is none")
	f.BoolVar(&s.MetricsSecure, "metrics-secure", s.MetricsSecure,
		"serve the metrics over HTTPS and to those only whom RBAC allows to get /metrics; if false, over HTTP and to everybody")
	f.StringVar(&s.HealthProbeBindAddress, "health-probe-bind-address", s.HealthProbeBindAddress, "`ADDRESS` that serves /healthz and /readyz; 0 is none")
	return f
}

func (s *settings) logFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.LogFormat, "log-format", s.LogFormat, "`FORMAT` of the log on stderr: json or console")
	f.StringVar(&s.LogLevel, "log-level", s.LogLevel, "the least grave `LEVEL` to log: debug, info, warn or error")
	return f
}

func newFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	return f
}

// parse reads the command line of the operator.
func parse(args []string, lookup func(string) (string, bool)) (settings, error) {
	s := settings{Options: Defaults()}
	if err := s.read(s.groups(), args, lookup); err != nil || s.help || s.version {
		return s, err
	}
	return s, s.Validate()
}

// read the command line, then, for the flags that it doesn't have, the environment.
func (s *settings) read(groups []group, args []string, lookup func(string) (string, bool)) error {
	all := newFlags()
	all.Usage = func() {}
	all.BoolVarP(&s.help, "help", "h", false, "")
	all.BoolVar(&s.version, "version", false, "")
	for _, g := range groups {
		all.AddFlagSet(g.flags)
	}
	if err := all.Parse(args); err != nil {
		return explained(err)
	}
	if s.help || s.version {
		return nil
	}
	if all.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: there are only flags, --help lists them", all.Arg(0))
	}
	var wrong []error
	for _, g := range groups {
		if !g.typed {
			g.flags.VisitAll(func(flag *pflag.Flag) { wrong = append(wrong, fromEnvironment(flag, lookup)) })
		}
	}
	return errors.Join(wrong...)
}

// explained says in our words what pflag says in those of Go's parsers.
func explained(err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s: must be %s; it is %q", invalid.GetFlag().Name, taken(invalid.GetFlag()), invalid.GetValue())
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; --help lists all flags", err)
	default:
		return err
	}
}

// taken is what a flag's parser understands.
func taken(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "bool":
		return "true or false"
	case "duration":
		return `a duration such as "90s" or "5m"`
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	default:
		return "a list separated by commas"
	}
}

// fromEnvironment sets a flag that wasn't given. A variable that is empty counts
// as not set: templates leave such behind.
func fromEnvironment(flag *pflag.Flag, lookup func(string) (string, bool)) error {
	if flag.Changed {
		return nil
	}
	for _, name := range variables(flag.Name) {
		value, _ := lookup(name)
		if value == "" {
			continue
		}
		if err := flag.Value.Set(value); err != nil {
			return fmt.Errorf("%s, which stands for --%s: must be %s; it is %q", name, flag.Name, taken(flag), value)
		}
		return nil
	}
	return nil
}

// variables are the names of the environment that stand for a flag, the first
// that is set counts. Those of Exoscale's own tools come last.
func variables(flag string) []string {
	names := []string{"EXOSCALE_NLB_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
	switch flag {
	case "zone":
		names = append(names, "EXOSCALE_ZONE")
	case "exoscale-api-endpoint":
		names = append(names, "EXOSCALE_API_ENDPOINT")
	}
	return names
}
