package exoscale

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestClientReadsWhatItWrote(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	pool := cloud.pool(3)
	client := cloud.client()

	made := cloud.done(client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{
		Name: "web", Description: "of ours", Labels: map[string]string{"a": "b"},
	}))
	g.Expect(made.ReferenceID).NotTo(BeEmpty(), "a create names the NLB")
	id := made.ReferenceID
	want := serviceOnPort(443, pool)
	added := cloud.done(client.AddService(ctx, seen(cloud.zone, id), want))
	g.Expect(added.ReferenceID).To(Equal(id))

	lb, err := client.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.Name).To(Equal("web"))
	g.Expect(lb.Zone).To(Equal(cloud.zone))
	g.Expect(lb.Labels).To(Equal(map[string]string{"a": "b"}))
	g.Expect(lb.Address).NotTo(BeEmpty())
	g.Expect(lb.State).To(Equal(nlb.StateRunning))
	g.Expect(lb.Services).To(HaveLen(1))
	g.Expect(attributesOf(lb.Services[0])).To(Equal(want))

	list, err := client.LoadBalancers(ctx, "")
	g.Expect(err).NotTo(HaveOccurred(), "no zone is the default zone")
	g.Expect(list).To(HaveLen(1))
	g.Expect(attributesOf(list[0].Services[0])).To(Equal(want), "the list is complete")

	pools, err := client.InstancePools(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pools).To(ContainElement(HaveField("ID", pool)))
	instances, err := client.Instances(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(instances).To(HaveLen(3))
	g.Expect(instances).To(HaveEach(HaveField("InstancePoolID", pool)))
	_, err = client.SKSNodepools(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())

	cloud.done(client.DeleteService(ctx, seen(cloud.zone, id, lb.Services...), lb.Services[0].ID))
	cloud.done(client.DeleteLoadBalancer(ctx, seen(cloud.zone, id)))
	_, err = client.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(ClassOf(err)).To(Equal(NotFound))
}

// The API can't clear a field by an update: until nothing differs, each round
// starts the next part.
func TestUpdatesConvergeInRounds(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	client := cloud.client()
	id := cloud.loadBalancer("web", cloud.pool(1))
	empty, labels := "", map[string]string{}
	description, name := "described", "renamed"
	cloud.done(client.UpdateLoadBalancer(ctx, cloud.zone, id, nlb.LoadBalancerChange{Description: &description, Labels: &map[string]string{"a": "b"}}))
	cloud.done(client.UpdateLoadBalancer(ctx, cloud.zone, id, nlb.LoadBalancerChange{Name: &name, Description: &empty, Labels: &labels}))
	cloud.done(client.UpdateLoadBalancer(ctx, cloud.zone, id, nlb.LoadBalancerChange{Description: &empty, Labels: &labels}))
	cloud.done(client.UpdateLoadBalancer(ctx, cloud.zone, id, nlb.LoadBalancerChange{Labels: &labels}))
	lb, err := client.LoadBalancer(ctx, cloud.zone, id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lb.Name).To(Equal("renamed"))
	g.Expect(lb.Description).To(BeEmpty())
	g.Expect(lb.Labels).To(BeEmpty())

	service := lb.Services[0]
	want := attributesOf(service)
	want.Description, want.Strategy = "described", nlb.MaglevHash
	cloud.done(client.UpdateService(ctx, cloud.zone, id, service, want))
	want.Description, want.TargetPort = "", 31000
	for range 2 {
		cloud.done(client.UpdateService(ctx, cloud.zone, id, cloud.service(id), want))
	}
	g.Expect(attributesOf(cloud.service(id))).To(Equal(want))
}

func TestNothingToChangeIsInvalid(t *testing.T) {
	cloud := givenCloud(t)
	_, err := cloud.client().UpdateLoadBalancer(context.Background(), cloud.zone, someID, nlb.LoadBalancerChange{})
	if ClassOf(err) != Invalid {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoIDNeverGetsIntoAPath(t *testing.T) {
	cloud := givenCloud(t)
	client := cloud.client()
	for _, id := range []string{"", ".", "..", "x/../y", someID + "/labels", "{" + someID + "}"} {
		if _, err := client.DeleteLoadBalancer(context.Background(), seen(cloud.zone, id)); ClassOf(err) != Invalid {
			t.Errorf("id %q: %v", id, err)
		}
	}
	if n := cloud.writes(); n != 0 {
		t.Errorf("%d calls went out", n)
	}
}

func TestErrorsOfTheCloudHaveAClass(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	client := cloud.client()
	pool := cloud.pool(1)
	id := cloud.loadBalancer("web", pool)

	_, err := client.LoadBalancer(ctx, cloud.zone, someID)
	g.Expect(ClassOf(err)).To(Equal(NotFound))
	g.Expect(err).To(MatchError(ContainSubstring(someID)), "the error names the object")

	bad := serviceOnPort(80, pool)
	bad.HealthCheck.Retries = 99
	_, err = client.AddService(ctx, seen(cloud.zone, id), bad)
	g.Expect(ClassOf(err)).To(Equal(Invalid), "%v", err)

	_, err = client.LoadBalancers(ctx, "xx-nowhere-1")
	g.Expect(ClassOf(err)).To(Equal(UnknownZone))
	g.Expect(err).To(MatchError(And(ContainSubstring("xx-nowhere-1"), ContainSubstring(cloud.zone))), "the error names the zones that there are")
	before := cloud.calls(opListZones)
	_, _ = client.LoadBalancers(ctx, "xx-nowhere-1")
	g.Expect(cloud.calls(opListZones)).To(Equal(before), "an unknown zone isn't asked about again at once")

	cloud.quota(1)
	err = cloud.outcome(client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "second"}))
	g.Expect(ClassOf(err)).To(Equal(QuotaExceeded), "%v", err)
	cloud.quota(-1)
	err = cloud.outcome(client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "web"}))
	g.Expect(ClassOf(err)).To(Equal(Conflict), "%v", err)
}

func TestStatusesOfTheCloudHaveAClass(t *testing.T) {
	for status, want := range map[int]Class{
		400: Invalid, 401: InvalidCredentials, 402: Blocked, 403: Forbidden, 409: Conflict, 423: Busy, 429: Transient, 500: Transient, 503: Transient,
	} {
		cloud := givenCloud(t)
		cloud.refuse(opCreateLoadBalancer, status)
		_, err := cloud.client().CreateLoadBalancer(context.Background(), emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "web"})
		if ClassOf(err) != want || statusOf(err) != status {
			t.Errorf("HTTP %d: got %s, HTTP %d (%v); want %s", status, ClassOf(err), statusOf(err), err, want)
		}
	}
}

func TestAnUnreachableAPIIsTransient(t *testing.T) {
	client, err := NewClient(Options{Endpoint: "http://127.0.0.1:1", Zone: "ch-gva-2", Credentials: StaticCredentials("k", "s3cret")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.LoadBalancers(context.Background(), "")
	if ClassOf(err) != Transient || !strings.Contains(err.Error(), "http://127.0.0.1:1/v2") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %s: %v", ClassOf(err), err)
	}
}

// An answer that got lost may have had its effect: a second create is a second NLB.
func TestAChangeIsSentOnce(t *testing.T) {
	for name, breaks := range map[string]func(*cloud, string){
		"the connection breaks before the effect": (*cloud).resetBefore,
		"the connection breaks after the effect":  (*cloud).resetAfter,
		"the cloud is unavailable":                func(c *cloud, operation string) { c.refuse(operation, 503) },
		"the cloud asks to slow down":             func(c *cloud, operation string) { c.refuse(operation, 429) },
	} {
		t.Run(name, func(t *testing.T) {
			g, ctx := NewWithT(t), context.Background()
			cloud := givenCloud(t)
			client := cloud.client()
			pool := cloud.pool(1)
			id := cloud.loadBalancer("existing", pool)
			lb, err := client.LoadBalancer(ctx, cloud.zone, id)
			g.Expect(err).NotTo(HaveOccurred())
			described := "changed"
			for _, change := range []struct {
				operation string
				call      func() (Operation, error)
			}{
				{opCreateLoadBalancer, func() (Operation, error) {
					return client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "new"})
				}},
				{opUpdateLoadBalancer, func() (Operation, error) {
					return client.UpdateLoadBalancer(ctx, cloud.zone, id, nlb.LoadBalancerChange{Description: &described})
				}},
				{opAddService, func() (Operation, error) {
					return client.AddService(ctx, seen(cloud.zone, id), serviceOnPort(81, pool))
				}},
				{opUpdateService, func() (Operation, error) {
					return client.UpdateService(ctx, cloud.zone, id, lb.Services[0], attributesOf(lb.Services[0]))
				}},
				{opDeleteService, func() (Operation, error) {
					return client.DeleteService(ctx, seen(cloud.zone, id, lb.Services...), lb.Services[0].ID)
				}},
				{opDeleteLoadBalancer, func() (Operation, error) { return client.DeleteLoadBalancer(ctx, seen(cloud.zone, id)) }},
			} {
				before := cloud.calls(change.operation)
				breaks(cloud, change.operation)
				_, err := change.call()
				g.Expect(ClassOf(err)).To(Equal(Transient), "%s: %v", change.operation, err)
				g.Expect(cloud.calls(change.operation)-before).To(Equal(1), change.operation)
			}
		})
	}
}

func TestAReadIsRepeated(t *testing.T) {
	for name, breaks := range map[string]func(*cloud, string){
		"after a broken connection": (*cloud).resetBefore,
		"after a lost answer":       (*cloud).resetAfter,
		"after a 503":               func(c *cloud, operation string) { c.refuse(operation, 503) },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cloud := givenCloud(t)
			breaks(cloud, opListLoadBalancers)
			_, err := cloud.client().LoadBalancers(context.Background(), cloud.zone)
			g.Expect(err).NotTo(HaveOccurred())
		})
	}
}

func TestCredentialsAreSwappedWithoutRestart(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	source := &changing{}
	client := cloud.client(func(o *Options) { o.Credentials = source })

	_, err := client.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(InvalidCredentials), "none are set")
	source.set(Credentials{Key: cloud.credentials.Key, Secret: "s3cret-but-wrong"})
	_, err = client.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(InvalidCredentials), "%v", err)
	g.Expect(statusOf(err)).To(Equal(401))
	g.Expect(err.Error()).NotTo(ContainSubstring("s3cret"))
	source.set(cloud.credentials)
	_, err = client.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
}
