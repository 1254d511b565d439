package exoscale

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/exoscale/egoscale/v3/credentials"
	"github.com/google/uuid"
	"golang.org/x/time/rate"
)

// Client speaks to the Exoscale API in every zone. It is safe for concurrent use;
// a process needs one, since the rate limits are the client's. Every error is an
// *Error. A call to a zone that is "" goes to the default zone.
type Client struct {
	opts    Options
	base    http.RoundTripper
	metrics *metrics
	zones   *zones
	renewed atomic.Uint64 // how often the credentials have changed

	mu  sync.Mutex
	sdk map[string]*zoneClient
	key keyJudgement
}

// zoneClient is the SDK's client of a zone, with the credentials that it signs with.
type zoneClient struct {
	http        *http.Client
	credentials Credentials
	endpoint    string
	sdk         *v3.Client
}

// NewClient calls nobody: wrong or missing credentials, an unreachable API and
// unknown zones are errors of the calls that meet them. It fails only if the
// metrics can't be registered.
func NewClient(opts Options) (*Client, error) {
	opts = opts.withDefaults()
	m, err := newMetrics(opts.Metrics)
	if err != nil {
		return nil, fmt.Errorf("registering the cloud metrics: %w", err)
	}
	m.foreseeNoZone()
	if opts.Zone != "" {
		m.foresee(opts.Zone) // the others with their first call
	}
	c := &Client{opts: opts, base: baseTransport(), metrics: m, sdk: map[string]*zoneClient{}}
	c.zones = &zones{base: opts.Endpoint, insecure: opts.Insecure, clock: opts.Clock, list: c.listZones}
	if source, ok := opts.Credentials.(changingSource); ok {
		source.OnChange(func() { c.renewed.Add(1) }) // before those are told who look then
	}
	return c, register(opts.Metrics, credentialsCollector{c})
}

// DefaultZone is the zone of the calls that name none.
func (c *Client) DefaultZone() string { return c.opts.Zone }

// readLimit is longer than a read takes with all its attempts.
func (c *Client) readLimit() time.Duration {
	return time.Duration(defaultRetries.attempts)*c.opts.Timeout + 30*time.Second
}

// listZones asks the base endpoint. The call isn't signed, so any credentials do.
func (c *Client) listZones(ctx context.Context) ([]v3.Zone, error) {
	sdk, err := c.newSDK(Credentials{Key: "unsigned", Secret: "unsigned"}, c.opts.Endpoint, c.newHTTP(""))
	if err != nil {
		return nil, err
	}
	answer, err := sdk.ListZones(ctx)
	if err != nil {
		return nil, err
	}
	return answer.Zones, nil
}

// zone gives the SDK's client of a zone, made anew when the credentials changed,
// and the credentials that it signs with.
// The rate limit and the connections of the zone live on.
func (c *Client) zone(ctx context.Context, zone string) (*v3.Client, Credentials, error) {
	endpoint, err := c.zones.endpoint(ctx, zone)
	if err != nil {
		return nil, Credentials{}, err
	}
	creds, err := c.opts.Credentials.Credentials()
	if err != nil {
		return nil, Credentials{}, &Error{Class: InvalidCredentials, Zone: zone, Message: err.Error(), cause: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	z := c.sdk[zone]
	if z == nil {
		z = &zoneClient{http: c.newHTTP(zone)}
		c.metrics.foresee(zone)
		c.sdk[zone] = z
	}
	if z.sdk == nil || z.credentials != creds || z.endpoint != endpoint {
		sdk, err := c.newSDK(creds, endpoint, z.http)
		if err != nil {
			return nil, Credentials{}, &Error{Class: InvalidCredentials, Zone: zone, Message: err.Error(), cause: err}
		}
		z.sdk, z.credentials, z.endpoint = sdk, creds, endpoint
	}
	return z.sdk, creds, nil
}

func (c *Client) newSDK(creds Credentials, endpoint string, client *http.Client) (*v3.Client, error) {
	return v3.NewClient(credentials.NewStaticCredentials(creds.Key, creds.Secret),
		v3.ClientOptWithHTTPClient(client),
		v3.ClientOptWithEndpoint(v3.Endpoint(endpoint)),
		v3.ClientOptWithUserAgent(c.opts.UserAgent))
}

func (c *Client) newHTTP(zone string) *http.Client {
	return httpClient(&transport{
		zone:    zone,
		next:    c.base,
		limiter: rate.NewLimiter(rate.Limit(c.opts.RateLimit.PerSecond), c.opts.RateLimit.Burst),
		timeout: c.opts.Timeout,
		most:    c.opts.MaxAnswer,
		retry:   defaultRetries,
		metrics: c.metrics,
		clock:   c.opts.Clock,
	})
}

// request runs one call of the SDK in a zone and classifies its failure.
func request[T any](ctx context.Context, client *Client, c call, do func(context.Context, *v3.Client) (*T, error)) (*T, error) {
	if c.zone == "" {
		c.zone = client.opts.Zone
	}
	if err := checkIDs(c); err != nil {
		return nil, err
	}
	answer, err := send(ctx, client, &c, do)
	zone := c.zone
	if !client.zones.known(zone) {
		zone = ""
	}
	client.metrics.ended(c.operation, zone, err)
	return answer, err
}

// send runs a call with the credentials that hold now.
func send[T any](ctx context.Context, client *Client, c *call, do func(context.Context, *v3.Client) (*T, error)) (*T, error) {
	sdk, key, err := client.zone(ctx, c.zone)
	if err != nil {
		return nil, err
	}
	answer, err := do(withCall(ctx, c), sdk)
	client.key.judge(key, c.status)
	if err != nil {
		return nil, newError(c, err)
	}
	return answer, nil
}

// checkIDs refuses what is no id before it gets into a path: "" or ".." would
// lead to another object or operation.
func checkIDs(c call) error {
	for _, id := range c.ids {
		if len(id) != 36 || uuid.Validate(id) != nil {
			return &Error{Class: Invalid, Operation: c.operation, Object: c.object, Zone: c.zone, Message: fmt.Sprintf("%q is not an Exoscale id (a UUID)", id)}
		}
	}
	return nil
}
