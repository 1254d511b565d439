package exoscale

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// someID is the id of nothing in the cloud.
const someID = "00000000-0000-4000-8000-000000000000"

// client makes a client of the cloud, fast enough for tests.
func (c *cloud) client(options ...func(*Options)) *Client {
	c.t.Helper()
	o := Options{
		Endpoint: c.sim.Endpoint, Zone: c.zone, Credentials: StaticCredentials(c.credentials.Key, c.credentials.Secret),
		RateLimit: RateLimit{PerSecond: 10000, Burst: 10000}, Timeout: patience, Metrics: prometheus.NewRegistry(),
	}
	for _, option := range options {
		option(&o)
	}
	client, err := NewClient(o)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

// inventory makes a running inventory.
func (c *cloud) inventory(client *Client, options InventoryOptions) *Inventory {
	c.t.Helper()
	inventory, err := NewInventory(client, options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.run(inventory.Start)
	return inventory
}

// run runs something until the test ends, and waits for its end.
func (c *cloud) run(start func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = start(ctx)
	}()
	c.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// done waits, by asking the cloud, until a started operation has succeeded.
func (c *cloud) done(op Operation, err error) Operation {
	c.t.Helper()
	op, err = c.ended(op, err)
	if err != nil || op.State != Success {
		c.t.Fatalf("the operation ended as %+v: %v", op, err)
	}
	return op
}

// outcome is the error of a change, whether it was refused or failed later.
func (c *cloud) outcome(op Operation, err error) error {
	c.t.Helper()
	op, err = c.ended(op, err)
	if err != nil {
		return err
	}
	return resultOf(op).Err()
}

func (c *cloud) ended(op Operation, err error) (Operation, error) {
	c.t.Helper()
	client := c.client()
	for begun := time.Now(); err == nil && op.State == Pending; {
		if time.Since(begun) > patience {
			c.t.Fatalf("the operation %s doesn't end", op.ID)
		}
		op, err = client.GetOperation(context.Background(), c.zone, op.ID)
	}
	return op, err
}

// loadBalancer makes an NLB with a service on port 80, and gives its id.
func (c *cloud) loadBalancer(name, pool string) string {
	c.t.Helper()
	client := c.client()
	id := c.done(client.CreateLoadBalancer(context.Background(), emptyZone(c.zone), nlb.LoadBalancerAttributes{Name: name})).ReferenceID
	c.done(client.AddService(context.Background(), seen(c.zone, id), serviceOnPort(80, pool)))
	return id
}

// emptyZone is the evidence for a create, as if the zone had no NLBs.
func emptyZone(zone string) ZoneEvidence { return ZoneEvidence{zone: zone, read: true} }

// seen is the evidence of an NLB with these services.
func seen(zone, id string, services ...nlb.Service) Evidence {
	return Evidence{zone: zone, id: id, lb: &nlb.LoadBalancer{ID: id, Zone: zone, Services: services}, read: true}
}

// service is the one service of an NLB.
func (c *cloud) service(id string) nlb.Service {
	c.t.Helper()
	lb, err := c.client().LoadBalancer(context.Background(), c.zone, id)
	if err != nil || len(lb.Services) != 1 {
		c.t.Fatalf("%+v, %v", lb, err)
	}
	return lb.Services[0]
}

func serviceOnPort(port int32, pool string) nlb.ServiceAttributes {
	return nlb.ServiceAttributes{
		Name: "web", InstancePoolID: pool, Protocol: nlb.TCP, Port: port, TargetPort: 30000 + port, Strategy: nlb.RoundRobin,
		HealthCheck: nlb.HealthCheck{Mode: nlb.ProbeTCP, Port: 30000 + port, Interval: 10 * time.Second, Timeout: 5 * time.Second, Retries: 1},
	}
}

func attributesOf(s nlb.Service) nlb.ServiceAttributes {
	return nlb.ServiceAttributes{
		Name: s.Name, Description: s.Description, InstancePoolID: s.InstancePoolID, Protocol: s.Protocol,
		Port: s.Port, TargetPort: s.TargetPort, Strategy: s.Strategy, HealthCheck: s.HealthCheck,
	}
}

// changing credentials tell of their change as those of a file do.
type changing struct {
	mu    sync.Mutex
	now   Credentials
	calls []func()
}

func (c *changing) Credentials() (Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.now.validate()
}

func (c *changing) OnChange(call func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

func (c *changing) set(to Credentials) {
	c.mu.Lock()
	c.now = to
	calls := c.calls
	c.mu.Unlock()
	for _, call := range calls {
		call()
	}
}
