package app

import "github.com/prometheus/client_golang/prometheus"

// newForeignNodes registers the gauge of the Nodes that are no Exoscale instance;
// nil registers it nowhere.
func newForeignNodes(registerer prometheus.Registerer) (prometheus.Gauge, error) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "exoscale_nlb_operator_foreign_nodes",
		Help: "Nodes that are no Exoscale instance: no NLB forwards to them.",
	})
	if registerer == nil {
		return gauge, nil
	}
	return gauge, registerer.Register(gauge)
}
