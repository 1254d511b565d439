package app

import (
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, tc := range map[string]struct {
		set  func(*Options)
		want string // "" if it is allowed
	}{
		"the defaults":                       {func(*Options) {}, ""},
		"a zone that Exoscale may open":      {func(o *Options) { o.Zone = "xx-new-1" }, ""},
		"a zone in capitals":                 {func(o *Options) { o.Zone = "CH-GVA-2" }, "--zone"},
		"a zone with a blank":                {func(o *Options) { o.Zone = "ch-gva-2 " }, "--zone"},
		"an endpoint":                        {func(o *Options) { o.APIEndpoint = "https://api-ch-gva-2.exoscale.com/v2" }, ""},
		"an endpoint without a scheme":       {func(o *Options) { o.APIEndpoint = "127.0.0.1:8080" }, "--exoscale-api-endpoint"},
		"an endpoint of another scheme":      {func(o *Options) { o.APIEndpoint = "ftp://127.0.0.1" }, "--exoscale-api-endpoint"},
		"an endpoint without a host":         {func(o *Options) { o.APIEndpoint = "https:///v2" }, "--exoscale-api-endpoint"},
		"an endpoint with a query":           {func(o *Options) { o.APIEndpoint = "https://host/v2?a=b" }, "--exoscale-api-endpoint"},
		"no requests at all":                 {func(o *Options) { o.RateLimit = 0 }, "--exoscale-rate-limit"},
		"too many requests":                  {func(o *Options) { o.RateLimit = 1001 }, "--exoscale-rate-limit"},
		"the shortest sync period":           {func(o *Options) { o.SyncPeriod = 100 * time.Millisecond }, ""},
		"no sync period":                     {func(o *Options) { o.SyncPeriod = 0 }, "--sync-period"},
		"a sync period of two days":          {func(o *Options) { o.SyncPeriod = 48 * time.Hour }, "--sync-period"},
		"a UUID as cluster id":               {func(o *Options) { o.ClusterID = "0b12c3d4-0000-4000-8000-000000000000" }, ""},
		"a cluster id with a slash":          {func(o *Options) { o.ClusterID = "a/b" }, "--cluster-id"},
		"a cluster id of 64 characters":      {func(o *Options) { o.ClusterID = long[:64] }, "--cluster-id"},
		"a cluster id that ends in a dash":   {func(o *Options) { o.ClusterID = "a-" }, "--cluster-id"},
		"a pool's name with blanks":          {func(o *Options) { o.DefaultInstancePool = "my pool" }, ""},
		"a pool's name that is too long":     {func(o *Options) { o.DefaultInstancePool = long }, "--default-instance-pool"},
		"a pool that is allowed":             {func(o *Options) { o.AllowedPools = []string{"my pool", "0b12c3d4-0000-4000-8000-000000000000"} }, ""},
		"all pools allowed":                  {func(o *Options) { o.AllowedPools = []string{"*"} }, ""},
		"a pool without a name":              {func(o *Options) { o.AllowedPools = []string{"a", ""} }, "--allowed-pools"},
		"a blank after the comma":            {func(o *Options) { o.AllowedPools = []string{"a", " b"} }, "--allowed-pools"},
		"a pool that is named at length":     {func(o *Options) { o.AllowedPools = []string{long} }, "--allowed-pools"},
		"ports of a control plane":           {func(o *Options) { o.AllowedTargetPorts = []string{"6443", "9345", "30000-32767"} }, ""},
		"no port but those of Services":      {func(o *Options) { o.AllowedTargetPorts = nil }, ""},
		"a port that is none":                {func(o *Options) { o.AllowedTargetPorts = []string{"6443", "0"} }, "--allowed-target-ports"},
		"a range that goes backwards":        {func(o *Options) { o.AllowedTargetPorts = []string{"32767-30000"} }, "--allowed-target-ports"},
		"networks of Nodes":                  {func(o *Options) { o.NodeCIDRs = []string{"10.0.0.0/24", "10.1.0.7/32", "fd00:1::/64"} }, ""},
		"a network without its length":       {func(o *Options) { o.NodeCIDRs = []string{"10.0.0.0"} }, "--node-cidrs"},
		"a network with host bits":           {func(o *Options) { o.NodeCIDRs = []string{"10.0.0.1/24"} }, "--node-cidrs"},
		"all addresses as a network":         {func(o *Options) { o.NodeCIDRs = []string{"0.0.0.0/0"} }, "--node-cidrs"},
		"a network in the form of IPv6":      {func(o *Options) { o.NodeCIDRs = []string{"::ffff:10.0.0.0/120"} }, "--node-cidrs"},
		"a network and a blank":              {func(o *Options) { o.NodeCIDRs = []string{"10.0.0.0/24", " 10.1.0.0/24"} }, "--node-cidrs"},
		"no health check for UDP":            {func(o *Options) { o.UDPDefaultHealthCheck = "none" }, ""},
		"an unknown health check for UDP":    {func(o *Options) { o.UDPDefaultHealthCheck = "udp" }, "--udp-default-healthcheck"},
		"all external namespaces":            {func(o *Options) { o.ExternalNLBNamespaces = []string{"*"} }, ""},
		"no external namespace":              {func(o *Options) { o.ExternalNLBNamespaces = nil }, ""},
		"a pattern of external namespaces":   {func(o *Options) { o.ExternalNLBNamespaces = []string{"team-*"} }, "--external-nlb-namespaces"},
		"a namespace to watch":               {func(o *Options) { o.WatchNamespaces = []string{"a", "b"} }, ""},
		"a star to watch":                    {func(o *Options) { o.WatchNamespaces = []string{"*"} }, "--watch-namespaces"},
		"a namespace to watch that can't be": {func(o *Options) { o.WatchNamespaces = []string{"a", "B"} }, "--watch-namespaces"},
		"no workers":                         {func(o *Options) { o.MaxConcurrentReconciles = 0 }, "--max-concurrent-reconciles"},
		"too many workers":                   {func(o *Options) { o.MaxConcurrentReconciles = 1001 }, "--max-concurrent-reconciles"},
		"a lease's namespace that can't be":  {func(o *Options) { o.LeaderElectionNamespace = "a/b" }, "--leader-election-namespace"},
		"an image of the sidecar":            {func(o *Options) { o.UDPSidecarImage = "registry.example.com:5000/nlb/udp-healthcheck:v1.2.3" }, ""},
		"an image by its digest":             {func(o *Options) { o.UDPSidecarImage = "udp-healthcheck@sha256:" + strings.Repeat("0a", 32) }, ""},
		"an image in capitals":               {func(o *Options) { o.UDPSidecarImage = "Healthcheck" }, "--udp-sidecar-image"},
		"an image with a blank":              {func(o *Options) { o.UDPSidecarImage = "udp-healthcheck:v1 " }, "--udp-sidecar-image"},
		"an image by half a digest":          {func(o *Options) { o.UDPSidecarImage = "udp-healthcheck@sha256:0a" }, "--udp-sidecar-image"},
		"no webhook":                         {func(o *Options) { o.WebhookBindAddress = "0" }, ""},
		"a webhook without a port":           {func(o *Options) { o.WebhookBindAddress = "127.0.0.1" }, "--webhook-bind-address"},
		"authorities of who asks":            {func(o *Options) { o.WebhookClientCAFile = "/etc/ca.crt" }, ""},
		"names of who asks": {func(o *Options) {
			o.WebhookClientCAFile, o.WebhookClientNames = "/etc/ca.crt", []string{"kube-apiserver"}
		}, ""},
		"names of who asks, and no authority":  {func(o *Options) { o.WebhookClientNames = []string{"kube-apiserver"} }, "--webhook-client-names"},
		"a name of nobody":                     {func(o *Options) { o.WebhookClientCAFile, o.WebhookClientNames = "/etc/ca.crt", []string{"a", ""} }, "--webhook-client-names"},
		"an endpoint that isn't encrypted":     {func(o *Options) { o.APIEndpoint = "http://api-ch-gva-2.exoscale.com/v2" }, "--exoscale-api-endpoint"},
		"one that may be read on the way":      {func(o *Options) { o.APIEndpoint, o.APIInsecure = "http://exosim.default.svc:8080", true }, ""},
		"one on this machine":                  {func(o *Options) { o.APIEndpoint = "http://127.0.0.1:8080/v2" }, ""},
		"one on this machine, by name":         {func(o *Options) { o.APIEndpoint = "http://localhost:8080/v2" }, ""},
		"longer answers":                       {func(o *Options) { o.MaxAnswer = 1024 }, ""},
		"no answers":                           {func(o *Options) { o.MaxAnswer = 0 }, "--exoscale-max-answer"},
		"answers that no memory holds":         {func(o *Options) { o.MaxAnswer = 1025 }, "--exoscale-max-answer"},
		"a webhook's name with a dot":          {func(o *Options) { o.WebhookName = "web.hook" }, "--webhook-name"},
		"no name of the webhook":               {func(o *Options) { o.WebhookName = "" }, "--webhook-name"},
		"a webhook's namespace in capitals":    {func(o *Options) { o.WebhookNamespace = "Ours" }, "--webhook-namespace"},
		"no metrics":                           {func(o *Options) { o.MetricsBindAddress = "0" }, ""},
		"metrics on loopback":                  {func(o *Options) { o.MetricsBindAddress = "127.0.0.1:0" }, ""},
		"metrics on IPv6":                      {func(o *Options) { o.MetricsBindAddress = "[::1]:8443" }, ""},
		"metrics without a port":               {func(o *Options) { o.MetricsBindAddress = "127.0.0.1" }, "--metrics-bind-address"},
		"metrics nowhere, without saying so":   {func(o *Options) { o.MetricsBindAddress = "" }, "--metrics-bind-address"},
		"probes on a port that there can't be": {func(o *Options) { o.HealthProbeBindAddress = ":65536" }, "--health-probe-bind-address"},
		"probes on a port that isn't a number": {func(o *Options) { o.HealthProbeBindAddress = ":http" }, "--health-probe-bind-address"},
		"the log for people":                   {func(o *Options) { o.LogFormat = "console" }, ""},
		"an unknown format of the log":         {func(o *Options) { o.LogFormat = "text" }, "--log-format"},
		"an unknown level":                     {func(o *Options) { o.LogLevel = "verbose" }, "--log-level"},
		"no level":                             {func(o *Options) { o.LogLevel = "" }, "--log-level"},
	} {
		t.Run(name, func(t *testing.T) {
			options := Defaults()
			tc.set(&options)
			err := options.Validate()
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && err == nil:
				t.Error("accepted")
			case tc.want != "" && (!strings.HasPrefix(err.Error(), tc.want+": must be ") || strings.Contains(err.Error(), "\n")):
				t.Errorf("expected that %s and nothing else is told, got: %v", tc.want, err)
			}
		})
	}
}

func TestAPasswordInTheEndpointIsNotTold(t *testing.T) {
	for _, endpoint := range []string{"https://me:hunter2@host/v2", "https://me:hunter2@ho st/v2", "://me:hunter2@host"} {
		options := Defaults()
		options.APIEndpoint = endpoint
		if err := options.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
