package exoscale

import "github.com/prometheus/client_golang/prometheus"

var inventoryAge = prometheus.NewDesc(metricPrefix+"inventory_age_seconds",
	"How old the list is that reconcilers are answered from.", []string{"zone", "list"}, nil)

// ageCollector tells the age of every list at the moment it is scraped.
type ageCollector struct{ inventory *Inventory }

// Describe implements prometheus.Collector.
func (c ageCollector) Describe(descs chan<- *prometheus.Desc) { descs <- inventoryAge }

// Collect implements prometheus.Collector.
func (c ageCollector) Collect(metrics chan<- prometheus.Metric) {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	for _, z := range c.inventory.zones {
		for _, l := range z.wanted() {
			if age, read := l.age(); read {
				metrics <- prometheus.MustNewConstMetric(inventoryAge, prometheus.GaugeValue, age.Seconds(), l.zone, l.what)
			}
		}
	}
}
