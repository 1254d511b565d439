package exoscale

import (
	"net/url"
	"strings"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// Options of a Client. The zero value of a field means its default.
type Options struct {
	// Endpoint is the API that is asked for the list of zones, with its version
	// ("https://api-ch-gva-2.exoscale.com/v2", the default). Every zone is then
	// reached at the endpoint that the list gives. "/v2" is added if it has no path.
	Endpoint string
	// Insecure lets the Endpoint be unencrypted elsewhere than on this machine.
	Insecure bool
	// Zone is used by calls that name none. Without it such a call is an UnknownZone.
	Zone string
	// Credentials are asked at every call; required.
	Credentials CredentialsSource
	// RateLimit holds for each zone; default 20 requests a second, burst 100: an
	// idle operator can start what fifty new objects need without a wait.
	RateLimit RateLimit
	// MaxAnswer is how long an answer may be, in bytes; default 32 MiB. The largest
	// list seen in practice is about 2 KB an NLB.
	MaxAnswer int64
	// Timeout of one HTTP attempt; default 30 s.
	Timeout time.Duration
	// Metrics is where the metrics are registered; nil: nowhere.
	Metrics prometheus.Registerer
	Log     logr.Logger
	Clock   clock.WithTicker
	// UserAgent comes before the SDK's own; default "exoscale-nlb-operator".
	UserAgent string
}

// RateLimit of the requests to a zone.
type RateLimit struct {
	PerSecond float64
	Burst     int
}

func (o Options) withDefaults() Options {
	if o.Endpoint == "" {
		o.Endpoint = string(v3.CHGva2)
	}
	o.Endpoint = strings.TrimRight(o.Endpoint, "/")
	if u, err := url.Parse(o.Endpoint); err == nil && u.Path == "" {
		o.Endpoint += "/v2"
	}
	if o.Credentials == nil {
		o.Credentials = StaticCredentials("", "")
	}
	if o.RateLimit.PerSecond <= 0 {
		o.RateLimit.PerSecond = 20
	}
	if o.RateLimit.Burst <= 0 {
		o.RateLimit.Burst = max(1, int(5*o.RateLimit.PerSecond))
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 32 << 20
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.UserAgent == "" {
		o.UserAgent = "exoscale-nlb-operator"
	}
	return o
}
