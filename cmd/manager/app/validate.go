package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// Between these the sync period makes sense: more often, the lists of the cloud
// would use up its rate limit; more seldom, drift stays for too long.
const (
	shortestSyncPeriod = 100 * time.Millisecond // for tests and the demo
	longestSyncPeriod  = 24 * time.Hour
)

// longestPoolName is Exoscale's limit for the name of an instance pool.
const longestPoolName = 255

var (
	zoneName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// imageName is what Kubernetes takes for one: host and port, path, tag, digest.
	imageName   = regexp.MustCompile(`^([a-zA-Z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$`)
	clusterName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
)

// Validate tells, in one error, every option that isn't allowed: the flag, the
// value, and what is allowed.
func (o Options) Validate() error {
	var wrong findings
	wrong.unless(o.Zone == "" || zoneName.MatchString(o.Zone), "zone", o.Zone, `the name of a zone, such as "ch-gva-2"`)
	wrong.endpoint("exoscale-api-endpoint", o.APIEndpoint)
	unencrypted := exoscale.CheckEndpoint(o.APIEndpoint, true) == nil && exoscale.CheckEndpoint(o.APIEndpoint, false) != nil
	wrong.unless(!unencrypted || o.APIInsecure, "exoscale-api-endpoint", o.APIEndpoint,
		"encrypted (https://), unless it is on this machine (127.0.0.1, ::1, localhost), or --exoscale-api-insecure accepts that anybody on the way reads and changes what is said")
	wrong.unless(o.MaxAnswer >= 1 && o.MaxAnswer <= 1024, "exoscale-max-answer", strconv.Itoa(o.MaxAnswer), "1 to 1024 MiB")
	wrong.unless(o.RateLimit > 0 && o.RateLimit <= 1000, "exoscale-rate-limit", strconv.FormatFloat(o.RateLimit, 'g', -1, 64), "more than 0 and up to 1000 requests a second")
	wrong.unless(o.SyncPeriod >= shortestSyncPeriod && o.SyncPeriod <= longestSyncPeriod, "sync-period", o.SyncPeriod.String(),
		fmt.Sprintf("%s to %s", shortestSyncPeriod, longestSyncPeriod))
	wrong.unless(o.ClusterID == "" || clusterName.MatchString(o.ClusterID), "cluster-id", o.ClusterID,
		"1 to 63 letters, digits and . _ - within, since it stands in labels")
	wrong.unless(len([]rune(o.DefaultInstancePool)) <= longestPoolName, "default-instance-pool", o.DefaultInstancePool, "the id or the name of an instance pool, up to 255 characters")
	wrong.pools("allowed-pools", o.AllowedPools)
	wrong.pools("node-pools", o.NodePools)
	wrong.ports("allowed-target-ports", o.AllowedTargetPorts)
	for flag, on := range map[string]bool{"node-initialization": o.NodeInitialization, "node-csr-approval": o.NodeCSRApproval, "node-deletion": o.NodeDeletion} {
		wrong.unless(!on || o.Zone != "", flag, "true", "true only together with --zone, the zone of the Nodes")
	}
	wrong.cidrs("node-cidrs", o.NodeCIDRs)
	wrong.unless(o.NodeDeletionMaxShare >= 1 && o.NodeDeletionMaxShare <= 100, "node-deletion-max-share", strconv.Itoa(o.NodeDeletionMaxShare), "1 to 100 percent")
	wrong.oneOf("udp-default-healthcheck", o.UDPDefaultHealthCheck, string(projection.UDPHealthCheckKubeProxy), string(projection.UDPHealthCheckNone))
	wrong.namespaces("external-nlb-namespaces", o.ExternalNLBNamespaces, AllNamespaces)
	wrong.namespaces("watch-namespaces", o.WatchNamespaces)
	wrong.unless(o.MaxConcurrentReconciles >= 1 && o.MaxConcurrentReconciles <= 1000, "max-concurrent-reconciles", strconv.Itoa(o.MaxConcurrentReconciles), "1 to 1000")
	if o.LeaderElectionNamespace != "" {
		wrong.namespaces("leader-election-namespace", []string{o.LeaderElectionNamespace})
	}
	wrong.unless(o.UninstallGuard == "" || len(validation.IsDNS1123Subdomain(o.UninstallGuard)) == 0, "uninstall-guard", o.UninstallGuard, "the name of a ConfigMap")
	wrong.unless(o.UDPSidecarImage == "" || imageName.MatchString(o.UDPSidecarImage), "udp-sidecar-image", o.UDPSidecarImage,
		`an image, such as "registry.example.com/udp-healthcheck:v1", since Pods with another don't start`)
	wrong.address("webhook-bind-address", o.WebhookBindAddress)
	wrong.unless(len(o.WebhookClientNames) == 0 || o.WebhookClientCAFile != "", "webhook-client-names", strings.Join(o.WebhookClientNames, ","),
		"given only together with --webhook-client-ca-file, by which certificates are believed")
	wrong.unless(!slices.Contains(o.WebhookClientNames, ""), "webhook-client-names", strings.Join(o.WebhookClientNames, ","), "names, none of them empty")
	wrong.unless(len(validation.IsDNS1035Label(o.WebhookName)) == 0, "webhook-name", o.WebhookName, "the name of a Service")
	if o.WebhookNamespace != "" {
		wrong.namespaces("webhook-namespace", []string{o.WebhookNamespace})
	}
	wrong.address("metrics-bind-address", o.MetricsBindAddress)
	wrong.address("health-probe-bind-address", o.HealthProbeBindAddress)
	wrong.oneOf("log-format", o.LogFormat, LogFormatJSON, LogFormatConsole)
	wrong.oneOf("log-level", o.LogLevel, logLevels()...)
	return errors.Join(wrong...)
}

// findings are the flags that are wrong.
type findings []error

func (f *findings) unless(ok bool, flag, value, allowed string) {
	if !ok {
		*f = append(*f, fmt.Errorf("--%s: must be %s; it is %q", flag, allowed, value))
	}
}

func (f *findings) oneOf(flag, value string, allowed ...string) {
	last := len(allowed) - 1
	f.unless(slices.Contains(allowed, value), flag, value, strings.Join(allowed[:last], ", ")+" or "+allowed[last])
}

func (f *findings) pools(flag string, names []string) {
	for _, name := range names {
		named := name == strings.TrimSpace(name) && name != "" && len([]rune(name)) <= longestPoolName
		f.unless(named, flag, name, "ids or names of instance pools, each of 1 to 255 characters, or "+identity.AllPools)
	}
}

func (f *findings) ports(flag string, texts []string) {
	for _, text := range texts {
		_, err := nlb.ParsePortRanges([]string{text})
		f.unless(err == nil, flag, text, "ports from 1 to 65535, and ranges of them such as "+nlb.NodePorts)
	}
}

// cidrs name networks: one of all addresses names none.
func (f *findings) cidrs(flag string, texts []string) {
	for _, text := range texts {
		cidr, err := netip.ParsePrefix(text)
		f.unless(err == nil && cidr == cidr.Masked() && cidr.Bits() > 0 && !cidr.Addr().Is4In6(), flag, text,
			`networks such as "10.0.0.0/24" or "fd00:1::/64", each without host bits and narrower than /0`)
	}
}

// namespaces may also hold the words.
func (f *findings) namespaces(flag string, names []string, words ...string) {
	allowed := "a namespace's name"
	if len(words) > 0 {
		allowed += " or " + strings.Join(words, ", ")
	}
	for _, name := range names {
		f.unless(slices.Contains(words, name) || len(validation.IsDNS1123Label(name)) == 0, flag, name, allowed)
	}
}

// endpoint must be a URL without anything that would get lost or leak.
func (f *findings) endpoint(flag, value string) {
	if value == "" {
		return
	}
	const allowed = `a URL such as "https://api-ch-gva-2.exoscale.com/v2", without user, query and fragment`
	u, err := url.Parse(value)
	if err != nil {
		f.unless(false, flag, "(not a URL)", allowed) // the value may hold a password
		return
	}
	ok := (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
	f.unless(ok, flag, u.Redacted(), allowed)
}

func (f *findings) address(flag, value string) {
	if value == Off {
		return
	}
	_, port, err := net.SplitHostPort(value)
	_, notNumber := strconv.ParseUint(port, 10, 16)
	f.unless(err == nil && notNumber == nil, flag, value, `an address to listen at such as ":8081", or "0" for none`)
}
