package exoscale

import (
	"context"
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

func TestTwoClientsCantCountInTheSamePlace(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewClient(Options{Metrics: registry}); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(Options{Metrics: registry}); err == nil {
		t.Error("the second client says nothing")
	}
}
