package exoscale

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const metricPrefix = "exoscale_nlb_operator_cloud_"

// resultOK is the label result of a call that succeeded; else it is the Class.
const resultOK = "OK"

// metrics of the cloud layer; docs/metrics.md tells what they mean. The label
// operation is the operationId of Exoscale's API document; code is the HTTP
// status, or "none" without an answer.
type metrics struct {
	calls     *prometheus.CounterVec
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	throttles *prometheus.CounterVec
	inFlight  *prometheus.GaugeVec
	evidence  *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricPrefix + "calls_total",
			Help: "Calls of the Exoscale API by what came of them, after all attempts.",
		}, []string{"operation", "zone", "result"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricPrefix + "requests_total",
			Help: "HTTP requests to the Exoscale API, every attempt counted.",
		}, []string{"operation", "zone", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    metricPrefix + "request_duration_seconds",
			Help:    "How long the Exoscale API took to answer, without the wait for the rate limit.",
			Buckets: []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "zone"}),
		throttles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricPrefix + "throttled_seconds_total",
			Help: "Time that requests waited for the operator's own rate limit of the zone.",
		}, []string{"zone"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: metricPrefix + "operations_in_flight",
			Help: "Exoscale operations that were started and have not ended.",
		}, []string{"zone"}),
		evidence: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricPrefix + "evidence_reads_total",
			Help: "Reads of an NLB right before a step that can't be taken back.",
		}, []string{"zone"}),
	}
	return m, register(registerer, m.calls, m.requests, m.duration, m.throttles, m.inFlight, m.evidence)
}

func register(registerer prometheus.Registerer, collectors ...prometheus.Collector) error {
	if registerer == nil {
		return nil
	}
	var errs []error
	for _, c := range collectors {
		errs = append(errs, registerer.Register(c))
	}
	return errors.Join(errs...)
}

// foresee has the counters of a zone at 0, before anything is counted: an increase is
// seen only of what was there before. How long answers take is left out: of the first
// alone no quantile can be told.
func (m *metrics) foresee(zone string) {
	for _, operation := range allOperations {
		m.foreseeResults(operation, zone, allClasses...)
		m.calls.WithLabelValues(operation, zone, resultOK)
		m.requests.WithLabelValues(operation, zone, strconv.Itoa(http.StatusTooManyRequests))
	}
	m.throttles.WithLabelValues(zone)
	m.evidence.WithLabelValues(zone)
}

// foreseeNoZone is foresee for what is of no zone: the list of zones, and calls that
// fail since it can't be read, or lacks their zone.
func (m *metrics) foreseeNoZone() {
	for _, operation := range allOperations {
		m.foreseeResults(operation, "", Transient, Blocked, UnknownZone)
	}
	m.requests.WithLabelValues(opListZones, "", strconv.Itoa(http.StatusTooManyRequests))
	m.throttles.WithLabelValues("")
}

func (m *metrics) foreseeResults(operation, zone string, classes ...Class) {
	for _, class := range classes {
		m.calls.WithLabelValues(operation, zone, string(class))
	}
}

// ended counts a call by its error. zone is empty unless Exoscale has it: anybody
// can name any number of them.
func (m *metrics) ended(operation, zone string, err error) {
	result := resultOK
	if err != nil {
		result = string(ClassOf(err))
	}
	m.calls.WithLabelValues(operation, zone, result).Inc()
}

func (m *metrics) observe(operation, zone, code string, took time.Duration) {
	m.requests.WithLabelValues(operation, zone, code).Inc()
	m.duration.WithLabelValues(operation, zone).Observe(took.Seconds())
}

func (m *metrics) throttled(zone string, waited time.Duration) {
	m.throttles.WithLabelValues(zone).Add(waited.Seconds())
}
