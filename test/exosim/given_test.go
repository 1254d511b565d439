package exosim_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/exoscale/egoscale/v3/credentials"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// world is a simulated cloud and the real SDK that talks to it.
type world struct {
	*exosim.Server
	t     *testing.T
	sdk   *v3.Client
	clock *clock
	pool  exosim.InstancePool
}

// given is a cloud on a clock that stands still, with a pool of two instances.
func given(t *testing.T, options ...func(*exosim.Options)) *world {
	t.Helper()
	clock := &clock{now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	opts := exosim.Options{Clock: clock}
	for _, option := range options {
		option(&opts)
	}
	server := exosim.StartTestServer(t, opts)
	w := &world{Server: server, t: t, clock: clock}
	w.sdk = w.client(server.Key, server.Secret)
	w.pool = server.AddPool("", exosim.InstancePool{Name: "workers", InstancePrefix: "worker", Size: 2})
	return w
}

// client is an SDK that sends each request once.
func (w *world) client(key, secret string) *v3.Client {
	w.t.Helper()
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	sdk, err := v3.NewClient(credentials.NewStaticCredentials(key, secret),
		v3.ClientOptWithEndpoint(v3.Endpoint(w.Endpoint)),
		v3.ClientOptWithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		w.t.Fatal(err)
	}
	return sdk
}

// in makes operations take a second.
func slowly(o *exosim.Options) { o.OperationDelay = time.Second }

// clock stands still but for pass.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// must gives the value of a call that has to succeed.
func must[T any](t *testing.T, got T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(said(err))
	}
	return got
}

// said is an error with the API's own words, which the SDK's Error leaves out.
func said(err error) string {
	var api *v3.APIError
	if errors.As(err, &api) {
		return err.Error() + ": " + api.Message
	}
	return err.Error()
}

// ended is an operation that has to be over.
func (w *world) ended(op *v3.Operation, err error) *v3.Operation {
	w.t.Helper()
	op = must(w.t, op, err)
	op, err = w.sdk.GetOperation(context.Background(), op.ID)
	op = must(w.t, op, err)
	if op.State == v3.OperationStatePending {
		w.t.Fatalf("operation %s hasn't ended", op.ID)
	}
	return op
}

// done is an operation that has to have succeeded.
func (w *world) done(op *v3.Operation, err error) *v3.Operation {
	w.t.Helper()
	if op = w.ended(op, err); op.State != v3.OperationStateSuccess {
		w.t.Fatalf("operation ended as %s: %s (%s)", op.State, op.Message, op.Reason)
	}
	return op
}

// nlb makes an NLB.
func (w *world) nlb(name string) v3.UUID {
	w.t.Helper()
	return w.done(w.sdk.CreateLoadBalancer(context.Background(), v3.CreateLoadBalancerRequest{Name: name})).Reference.ID
}

// service adds a service and gives its id.
func (w *world) service(lb v3.UUID, name string, port int64) v3.UUID {
	w.t.Helper()
	w.done(w.sdk.AddServiceToLoadBalancer(context.Background(), lb, w.onPort(name, port)))
	got, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	for _, service := range must(w.t, got, err).Services {
		if service.Name == name {
			return service.ID
		}
	}
	w.t.Fatalf("the service %q isn't there", name)
	return ""
}

// onPort is the request for a service that is right in every respect.
func (w *world) onPort(name string, port int64) v3.AddServiceToLoadBalancerRequest {
	return v3.AddServiceToLoadBalancerRequest{
		Name: name, Description: "a service", Port: port, TargetPort: 30000 + port,
		Protocol:     v3.AddServiceToLoadBalancerRequestProtocolTCP,
		Strategy:     v3.AddServiceToLoadBalancerRequestStrategyRoundRobin,
		InstancePool: &v3.InstancePool{ID: v3.UUID(w.pool.ID)},
		Healthcheck: &v3.LoadBalancerServiceHealthcheck{
			Mode: v3.LoadBalancerServiceHealthcheckModeTCP, Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 2,
		},
	}
}

func ipOf(instance exosim.Instance) net.IP { return net.ParseIP(instance.PublicIP) }

// opDelay is how long operations take in a world made slowly.
func (w *world) opDelay() time.Duration { return time.Second }
