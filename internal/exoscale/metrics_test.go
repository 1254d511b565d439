package exoscale

import (
	"context"
	"math"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
)

// gathered gives the values of a metric by its labels' values, joined by commas
// in the order of the labels' names.
func gathered(t *testing.T, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := ""
			for n, label := range metric.GetLabel() {
				if n > 0 {
					labels += ","
				}
				labels += label.GetValue()
			}
			values[labels] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func TestMetricsTellWhatTheCloudIsAsked(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t, func(o *cloudOptions) { o.operationDelay = time.Hour })
	registry := prometheus.NewRegistry()
	client := cloud.client(func(o *Options) {
		o.Metrics = registry
		o.RateLimit = RateLimit{PerSecond: 50, Burst: 1}
	})
	inventory := cloud.inventory(client, InventoryOptions{Interval: never})
	operations := NewOperations(client, inventory, func(Owner) {}, OperationsOptions{})
	cloud.refuse(opListLoadBalancers, 503)
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = operations.Start(ctx, Key{Zone: cloud.zone, Name: "web"}, owner("web"), createNamed(client, cloud.zone, "web"))
	g.Expect(err).NotTo(HaveOccurred())

	calls := gathered(t, registry, metricPrefix+"calls_total")
	g.Expect(calls).To(HaveKeyWithValue("list-load-balancers,OK,"+cloud.zone, 1.0), "attempts aren't calls")
	requests := gathered(t, registry, metricPrefix+"requests_total")
	g.Expect(requests).To(HaveKeyWithValue("503,list-load-balancers,"+cloud.zone, 1.0))
	g.Expect(requests).To(HaveKeyWithValue("200,list-load-balancers,"+cloud.zone, 1.0))
	g.Expect(requests).To(HaveKeyWithValue("200,create-load-balancer,"+cloud.zone, 1.0))
	g.Expect(requests).To(HaveKeyWithValue("200,list-zones,", 1.0))
	g.Expect(gathered(t, registry, metricPrefix+"request_duration_seconds")).To(HaveKeyWithValue("list-load-balancers,"+cloud.zone, 2.0))
	g.Expect(gathered(t, registry, metricPrefix+"operations_in_flight")).To(HaveKeyWithValue(cloud.zone, 1.0))
	g.Expect(gathered(t, registry, metricPrefix+"inventory_age_seconds")).To(HaveKey("load balancers," + cloud.zone))
	g.Expect(gathered(t, registry, metricPrefix+"throttled_seconds_total")[cloud.zone]).To(BeNumerically(">", 0))
}

// A zone of a Kubernetes object is anybody's word: it must not become a series.
func TestMetricsNameOnlyZonesThatAreThere(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	registry := prometheus.NewRegistry()
	inventory := cloud.inventory(cloud.client(func(o *Options) { o.Metrics = registry }), InventoryOptions{Interval: never, Quota: true})
	_, err := inventory.LoadBalancers(ctx, "nowhere-1")
	g.Expect(ClassOf(err)).To(Equal(UnknownZone))

	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		g.Expect(family.String()).NotTo(ContainSubstring("nowhere-1"))
	}
	g.Expect(gathered(t, registry, metricPrefix+"calls_total")).To(HaveKey("list-load-balancers,UnknownZone,"))
}

func TestMetricsTellOfTheCredentials(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	registry, credentials := prometheus.NewRegistry(), &changing{}
	client := cloud.client(func(o *Options) { o.Metrics, o.Credentials = registry, credentials })
	state := func() (holds string) {
		for state, value := range gathered(t, registry, metricPrefix+"credentials") {
			if value == 1 {
				holds += state
			}
		}
		return holds
	}
	ask := func() { _, _ = client.LoadBalancers(ctx, cloud.zone) }

	ask()
	g.Expect(state()).To(Equal("missing"))
	credentials.set(cloud.credentials)
	g.Expect(state()).To(Equal("unproven"))
	ask()
	g.Expect(state()).To(Equal("accepted"))
	credentials.set(Credentials{Key: cloud.credentials.Key, Secret: "another one"})
	g.Expect(state()).To(Equal("unproven"), "nobody has asked with these yet")
	ask()
	g.Expect(state()).To(Equal("refused"))
	cloud.refuseAll(opListLoadBalancers, 503)
	ask()
	g.Expect(state()).To(Equal("refused"), "a fault says nothing about the key")
	credentials.set(cloud.credentials)
	cloud.clearFaults()
	cloud.refuseAll(opListLoadBalancers, 403)
	ask()
	g.Expect(state()).To(Equal("accepted"), "the key is known where it may not do something")
}

func TestMetricsTellOfTheQuota(t *testing.T) {
	g := NewWithT(t)
	cloud := givenCloud(t)
	cloud.quota(7)
	cloud.loadBalancer("web", cloud.pool(1))
	registry := prometheus.NewRegistry()
	inventory := cloud.inventory(cloud.client(func(o *Options) { o.Metrics = registry }), InventoryOptions{Interval: never, Quota: true})
	inventory.Watch(cloud.zone)
	const of = "network-load-balancer,"
	used := func() map[string]float64 { return gathered(t, registry, metricPrefix+"quota_used") }
	limit := func() map[string]float64 { return gathered(t, registry, metricPrefix+"quota_limit") }
	g.Eventually(used).Should(HaveKeyWithValue(of+cloud.zone, 1.0))
	g.Expect(limit()).To(HaveKeyWithValue(of+cloud.zone, 7.0))

	cloud.quota(-1)
	inventory.RefreshSoon()
	g.Eventually(limit).Should(HaveKeyWithValue(of+cloud.zone, math.Inf(1)))

	cloud.refuseAll(opGetQuota, 403)
	inventory.RefreshSoon()
	g.Eventually(used).Should(BeEmpty(), "what isn't known any more isn't told")
	g.Expect(inventory.zone(cloud.zone).quota.untilDue()).To(BeNumerically(">", time.Minute), "it isn't asked again and again")
	_, err := inventory.LoadBalancers(context.Background(), cloud.zone)
	g.Expect(err).NotTo(HaveOccurred(), "nobody else is concerned")
}

func TestTwoClientsCantCountInTheSamePlace(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewClient(Options{Metrics: registry}); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(Options{Metrics: registry}); err == nil {
		t.Error("the second client says nothing")
	}
}
