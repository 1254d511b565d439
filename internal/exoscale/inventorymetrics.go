package exoscale

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	listLabels        = []string{"zone", "list"}
	inventoryAge      = prometheus.NewDesc(metricPrefix+"inventory_age_seconds", "How old the list is that reconcilers are answered from; if it could never be read, since when it is wanted.", listLabels, nil)
	inventoryInterval = prometheus.NewDesc(metricPrefix+"inventory_interval_seconds", "How often the list is read while nothing is wrong.", listLabels, nil)

	quotaLabels = []string{"zone", "resource"}
	quotaUsed   = prometheus.NewDesc(metricPrefix+"quota_used", "How much of its quota the organisation uses.", quotaLabels, nil)
	quotaLimit  = prometheus.NewDesc(metricPrefix+"quota_limit", "The organisation's quota; +Inf without one.", quotaLabels, nil)
)

// inventoryCollector tells of every list, and of the quotas, at the moment of a scrape.
type inventoryCollector struct{ inventory *Inventory }

// Describe implements prometheus.Collector.
func (c inventoryCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{inventoryAge, inventoryInterval, quotaUsed, quotaLimit} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c inventoryCollector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	for zone, z := range c.inventory.zones {
		if !c.inventory.client.zones.known(zone) {
			continue // anybody can name any number of them
		}
		for _, l := range z.wanted() {
			gauge(inventoryAge, l.age().Seconds(), zone, l.what)
			gauge(inventoryInterval, l.interval.Seconds(), zone, l.what)
		}
		if quota, known := z.quota.known(); known {
			limit := float64(quota.Limit)
			if quota.Limit < 0 {
				limit = math.Inf(1)
			}
			gauge(quotaUsed, float64(quota.Usage), zone, quotaLoadBalancers)
			gauge(quotaLimit, limit, zone, quotaLoadBalancers)
		}
	}
}
