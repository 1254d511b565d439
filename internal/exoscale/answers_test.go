package exoscale

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// otherID is the id of something else than what was asked for.
const otherID = "11111111-0000-4000-8000-000000000000"

func TestAnAnswerThatIsntWhatWasAskedForIsTransient(t *testing.T) {
	ctx := context.Background()
	lists := map[string]struct {
		path, key string
		read      func(*Client, string) (int, error)
	}{
		opListLoadBalancers: {"load-balancer", "load-balancers", func(c *Client, zone string) (int, error) {
			list, err := c.LoadBalancers(ctx, zone)
			return len(list), err
		}},
		opListInstancePools: {"instance-pool", "instance-pools", func(c *Client, zone string) (int, error) {
			list, err := c.InstancePools(ctx, zone)
			return len(list), err
		}},
		opListInstances: {"instance", "instances", func(c *Client, zone string) (int, error) {
			list, err := c.Instances(ctx, zone)
			return len(list), err
		}},
		opListInstanceTypes: {"instance-type", "instance-types", func(c *Client, zone string) (int, error) {
			list, err := c.InstanceTypes(ctx, zone)
			return len(list), err
		}},
		opListNetworks: {"private-network", "private-networks", func(c *Client, zone string) (int, error) {
			list, err := c.PrivateNetworks(ctx, zone)
			return len(list), err
		}},
		opListSKSClusters: {"sks-cluster", "sks-clusters", func(c *Client, zone string) (int, error) {
			list, err := c.SKSNodepools(ctx, zone)
			return len(list), err
		}},
	}
	for operation, list := range lists {
		for name, answer := range map[string]string{
			"nothing":                "",
			"null":                   "null",
			"an empty object":        "{}",
			"no list":                `{"` + list.key + `": null}`,
			"another list":           `{"zones": []}`,
			"an entry that is empty": `{"` + list.key + `": [{}]}`,
			"an entry without an id": `{"` + list.key + `": [{"id": "` + someID + `"}, {"name": "web"}]}`,
			"a page of a proxy":      "<html><body>Please log in</body></html>",
		} {
			t.Run(operation+", "+name, func(t *testing.T) {
				cloud := givenCloud(t)
				gateway, through := cloud.gateway()
				gateway.with("GET", list.path, answer)
				n, err := list.read(cloud.client(through), cloud.zone)
				if ClassOf(err) != Transient || n != 0 || !strings.Contains(err.Error(), operation) || statusOf(err) != 0 {
					t.Errorf("%d entries, %v", n, err)
				}
				gateway.restore()
				gateway.with("GET", list.path, `{"`+list.key+`": []}`)
				if _, err := list.read(cloud.client(through), cloud.zone); err != nil {
					t.Errorf("an empty list is one: %v", err)
				}
			})
		}
	}
}

func TestAnObjectThatIsntTheOneAskedForIsTransient(t *testing.T) {
	ctx := context.Background()
	for operation, object := range map[string]struct {
		path string
		read func(*Client, string) (string, error)
	}{
		opGetLoadBalancer: {"load-balancer/", func(c *Client, zone string) (string, error) {
			lb, err := c.LoadBalancer(ctx, zone, someID)
			return lb.ID, err
		}},
		opGetInstance: {"instance/", func(c *Client, zone string) (string, error) {
			instance, err := c.Instance(ctx, zone, someID)
			return instance.ID, err
		}},
		opGetOperation: {"operation/", func(c *Client, zone string) (string, error) {
			op, err := c.GetOperation(ctx, zone, someID)
			return op.ID, err
		}},
		opGetQuota: {"quota/", func(c *Client, zone string) (string, error) {
			_, err := c.Quota(ctx, zone, quotaLoadBalancers)
			return "", err
		}},
	} {
		for name, answer := range map[string]string{
			"nothing": "", "null": "null", "an empty object": "{}", "a list": "[]",
			"another one": `{"id": "` + otherID + `", "state": "success", "name": "web", "services": []}`,
		} {
			t.Run(operation+", "+name, func(t *testing.T) {
				cloud := givenCloud(t)
				gateway, through := cloud.gateway()
				gateway.answer("GET", object.path, func(string) string { return answer })
				id, err := object.read(cloud.client(through), cloud.zone)
				if ClassOf(err) != Transient || id != "" || !strings.Contains(err.Error(), operation) {
					t.Errorf("%q, %v", id, err)
				}
			})
		}
	}
}

func TestAnOperationInAnUnknownStateIsNotTaken(t *testing.T) {
	for _, state := range []string{`null`, `""`, `"done"`} {
		cloud := givenCloud(t)
		gateway, through := cloud.gateway()
		gateway.with("GET", "operation/", `{"id": "`+someID+`", "state": `+state+`}`)
		if op, err := cloud.client(through).GetOperation(context.Background(), cloud.zone, someID); ClassOf(err) != Transient {
			t.Errorf("%s: %+v, %v", state, op, err)
		}
	}
}

// A GET that is answered with nothing led to an endless loop of GETs, and to an
// NLB without id among all.
func TestAnEmptyAnswerMakesNoNLB(t *testing.T) {
	for name, answer := range map[string]string{
		"an empty object": "{}", "null": "null", "another NLB": `{"id": "` + otherID + `", "name": "other", "state": "running", "services": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cloud := givenCloud(t)
			id := cloud.loadBalancer("web", cloud.pool(1))
			gateway, through := cloud.gateway()
			inventory := cloud.inventory(cloud.client(through), InventoryOptions{Interval: never})
			_, err := inventory.LoadBalancers(context.Background(), cloud.zone)
			g.Expect(err).NotTo(HaveOccurred())

			gateway.with("GET", "load-balancer/", answer)
			inventory.Invalidate(Key{Zone: cloud.zone, ID: id})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			result := make(chan error, 1)
			go func() {
				_, err := inventory.LoadBalancer(ctx, cloud.zone, id)
				result <- err
			}()
			g.Eventually(func() int { return len(result) + gateway.changed() }).Should(BeNumerically(">", 0))
			g.Eventually(func() error { return gateway.bounded(len(result) > 0) }).Should(Succeed())
			err = <-result
			g.Expect(ClassOf(err)).To(Equal(Transient), "%v", err)

			gateway.restore()
			list, err := inventory.LoadBalancers(context.Background(), cloud.zone)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list).To(ConsistOf(HaveField("ID", id)))
		})
	}
}

// bounded is nil once a reader has been answered, and stops a test of one that
// asks on and on.
func (g *gateway) bounded(answered bool) error {
	switch {
	case answered:
		return nil
	case g.changed() > 100:
		g.restore()
		return StopTrying("it asks on and on")
	default:
		return errors.New("not answered yet")
	}
}

func TestAnEmptyListIsNotBelieved(t *testing.T) {
	for name, answer := range map[string]string{"an empty object": "{}", "null": "null", "no list": `{"load-balancers": null}`} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cloud := givenCloud(t)
			id := cloud.loadBalancer("web", cloud.pool(1))
			gateway, through := cloud.gateway()
			told := &news{}
			inventory := cloud.inventory(cloud.client(through), told.options(10*time.Millisecond))
			_, err := inventory.LoadBalancers(context.Background(), cloud.zone)
			g.Expect(err).NotTo(HaveOccurred())
			gateway.with("GET", "load-balancer", answer)
			g.Eventually(told.count(&told.zones)).Should(Equal(1), "the zone is in trouble")
			_, err = inventory.LoadBalancers(context.Background(), cloud.zone)
			g.Expect(ClassOf(err)).To(Equal(Transient), "%v", err)
			g.Expect(told.of(id)()).To(BeFalse(), "the NLB hasn't vanished")
			gateway.restore()
			g.Eventually(told.count(&told.zones)).Should(Equal(2))
			list, err := inventory.LoadBalancers(context.Background(), cloud.zone)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list).To(HaveLen(1))
		})
	}
}

func TestAnEmptyAnswerAboutAnOperationIsNotItsEnd(t *testing.T) {
	for name, answer := range map[string]string{
		"an empty object": "{}", "null": "null", "another operation": `{"id": "` + otherID + `", "state": "success"}`,
		"no state": `{"id": "ID"}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cloud := givenCloud(t)
			gateway, through := cloud.gateway()
			client := cloud.client(through)
			inventory := cloud.inventory(client, InventoryOptions{Interval: never})
			b := &bells{}
			operations := NewOperations(client, inventory, b.ring, OperationsOptions{PollInterval: 5 * time.Millisecond})
			tr := &tracker{cloud: cloud, client: client, inventory: inventory, operations: operations, bells: b}
			op, err := tr.create("web")
			g.Expect(err).NotTo(HaveOccurred())
			gateway.with("GET", "operation/", strings.ReplaceAll(answer, "ID", op.ID))
			cloud.run(operations.Run)
			g.Eventually(func() Class { return operations.Result(cloud.zone, op.ID).Class }).Should(Equal(Transient), "its owner can tell why")
			g.Expect(operations.Result(cloud.zone, op.ID).State).To(Equal(Pending))
			gateway.restore()
			g.Eventually(b.of(owner("web"))).Should(Equal(1))
			g.Expect(operations.Result(cloud.zone, op.ID).State).To(Equal(Success))
		})
	}
}

// What a read leaves out is unknown: not absent, and not different.
func TestWhatAReadLeavesOutIsUnknown(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(1)
	id := cloud.loadBalancer("web", pool)
	empty := cloud.done(cloud.client().CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "empty"})).ReferenceID
	gateway, through := cloud.gateway()
	client := cloud.client(through)

	lb, err := client.LoadBalancer(ctx, cloud.zone, empty)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.ServicesUnknown).To(BeFalse(), "an empty list says that there is none")

	for what, with := range map[string]string{"null": `"services":null,"was":`, "missing": `"was":`, "without id": `"services":[{"name":"web"}],"was":`} {
		gateway.restore()
		gateway.replace("GET", "load-balancer/", `"services":`, with)
		gateway.replace("GET", "load-balancer", `"services":`, with)
		lb, err := client.LoadBalancer(ctx, cloud.zone, id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lb.ServicesUnknown).To(BeTrue(), what)
		g.Expect(lb.Services).To(BeEmpty(), what)
		list, err := client.LoadBalancers(ctx, cloud.zone)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(list).To(HaveEach(HaveField("ServicesUnknown", true)), what)
	}

	for part, change := range map[string][2]string{
		"instance-pool":        {`"instance-pool":`, `"was":`},
		"healthcheck":          {`"healthcheck":`, `"was":`},
		"healthcheck.mode":     {`"mode":"tcp"`, `"mode":null`},
		"healthcheck.interval": {`"interval":`, `"was":`},
		"healthcheck.timeout":  {`"timeout":`, `"was":`},
		"healthcheck.retries":  {`"retries":`, `"was":`},
		"target-port":          {`"target-port":`, `"was":`},
		"strategy":             {`"strategy":`, `"was":`},
		"protocol":             {`"protocol":`, `"was":`},
	} {
		gateway.restore()
		gateway.replace("GET", "load-balancer/", change[0], change[1])
		lb, err := client.LoadBalancer(ctx, cloud.zone, id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lb.Services).To(HaveLen(1))
		g.Expect(lb.Services[0].Incomplete).To(Equal([]string{part}))
	}
	gateway.restore()
	lb, err = client.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.Services[0].Incomplete).To(BeEmpty())
}

func TestWhatAReadLeavesOutIsRemembered(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(1)
	id := cloud.loadBalancer("web", pool)
	gateway, through := cloud.gateway()
	told := &news{}
	inventory := cloud.inventory(cloud.client(through), told.options(10*time.Millisecond))
	whole, err := inventory.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred())

	gateway.replace("GET", "load-balancer", `"services":`, `"was":`)
	g.Eventually(told.of(id)).Should(BeTrue(), "whom it concerns looks again")
	lb, err := inventory.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.ServicesUnknown).To(BeTrue())
	g.Expect(lb.Services).To(Equal(whole.Services), "those seen last")

	told.forget()
	gateway.restore()
	g.Eventually(told.of(id)).Should(BeTrue(), "and when it is known again")
	gateway.replace("GET", "load-balancer", `"instance-pool":{"id":"`+pool+`"}`, `"instance-pool":null`)
	g.Eventually(func(g Gomega) {
		lb, err = inventory.LoadBalancer(ctx, cloud.zone, id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lb.ServicesUnknown).To(BeFalse())
		g.Expect(lb.Services[0].Incomplete).To(Equal([]string{"instance-pool"}))
	}).Should(Succeed())
	g.Expect(lb.Services[0].Attributes()).To(Equal(whole.Services[0].Attributes()), "as it was seen last")

	// One that was never seen whole: nobody knows what is on it.
	gateway.replace("GET", "load-balancer", `"services":`, `"was":`)
	gateway.replace("GET", "load-balancer/", `"services":`, `"was":`)
	other := cloud.loadBalancer("other", pool)
	g.Eventually(func(g Gomega) {
		lb, err := inventory.LoadBalancer(ctx, cloud.zone, other)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(lb.ServicesUnknown).To(BeTrue())
		g.Expect(lb.Services).To(BeEmpty())
	}).Should(Succeed())
}
