package metrics

import (
	"errors"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counters are told by the controllers at the moment something happens.
type Counters struct {
	events         *prometheus.CounterVec
	eventsDropped  *prometheus.CounterVec
	addressAfter   prometheus.Histogram
	foreignNodes   prometheus.Gauge
	nodesRemoved   prometheus.Counter
	deletionHalted *prometheus.GaugeVec
	orphans        *prometheus.GaugeVec
	duplicates     *prometheus.GaugeVec
}

// NewCounters makes the counters and registers them; nil registers them nowhere.
func NewCounters(registerer prometheus.Registerer) (*Counters, error) {
	c := &Counters{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: Prefix + "events_total",
			Help: "Events that the operator sent, by what they are about.",
		}, []string{"kind", "type", "reason"}),
		eventsDropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: Prefix + "events_dropped_total",
			Help: "Events that weren't sent, by why: the same was told within the last minute, or the budget of the object is used up.",
		}, []string{"kind", "cause"}),
		addressAfter: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    Prefix + "service_address_seconds",
			Help:    "How long it took from the first look at a Service until its address was published.",
			Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600},
		}),
		foreignNodes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: Prefix + "foreign_nodes",
			Help: "Nodes that are no Exoscale instance: no NLB forwards to them.",
		}),
		nodesRemoved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: Prefix + "nodes_removed_total",
			Help: "Nodes that were removed, since their instance is gone.",
		}),
		deletionHalted: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: Prefix + "node_deletion_halted",
			Help: "1 for each Node whose instance seems to be gone and that stays, by what speaks against its removal.",
		}, []string{"object_name", "cause"}),
		orphans: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: Prefix + "orphaned_load_balancers",
			Help: "NLBs at Exoscale that this cluster made and whose owner doesn't exist any more.",
		}, []string{"zone"}),
		duplicates: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: Prefix + "duplicate_load_balancers",
			Help: "NLBs at Exoscale that this cluster made for an object which uses another.",
		}, []string{"zone"}),
	}
	c.foreseeOwn()
	return c, Register(registerer, c.events, c.eventsDropped, c.addressAfter, c.foreignNodes, c.nodesRemoved, c.deletionHalted, c.orphans, c.duplicates)
}

// AddressAfter counts a Service whose address was published.
func (c *Counters) AddressAfter(d time.Duration) { c.addressAfter.Observe(d.Seconds()) }

// ForeignNodes tells how many Nodes are no Exoscale instance.
func (c *Counters) ForeignNodes(count int) { c.foreignNodes.Set(float64(count)) }

// NodeRemoved counts a Node that was removed.
func (c *Counters) NodeRemoved() { c.nodesRemoved.Inc() }

// NodeDeletionHalted tells what speaks against the removal of a Node; an empty
// cause: nothing.
func (c *Counters) NodeDeletionHalted(node, cause string) {
	c.deletionHalted.DeletePartialMatch(prometheus.Labels{"object_name": node})
	if cause != "" {
		c.deletionHalted.WithLabelValues(node, cause).Set(1)
	}
}

// UnusedLoadBalancers tells how many NLBs of a zone no object uses: orphans have no
// owner any more, duplicates have one that uses another.
func (c *Counters) UnusedLoadBalancers(zone string, orphans, duplicates int) {
	c.orphans.WithLabelValues(zone).Set(float64(orphans))
	c.duplicates.WithLabelValues(zone).Set(float64(duplicates))
}

// RegisterProcess tells which version runs, and whether it is the replica that
// works: once working is closed.
func RegisterProcess(registerer prometheus.Registerer, version string, working <-chan struct{}) error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        Prefix + "build_info",
		Help:        "1, with the version of the operator and of the Go that it was built with.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	leading := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: Prefix + "leading",
		Help: "1 for the replica that works, 0 for those that stand by.",
	}, func() float64 {
		select {
		case <-working:
			return 1
		default:
			return 0
		}
	})
	return Register(registerer, build, leading)
}

// Register collectors; nil registers them nowhere.
func Register(registerer prometheus.Registerer, collectors ...prometheus.Collector) error {
	if registerer == nil {
		return nil
	}
	var errs []error
	for _, c := range collectors {
		errs = append(errs, registerer.Register(c))
	}
	return errors.Join(errs...)
}
