package metrics

import (
	"crypto/tls"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Admission is what became of a Pod that the webhook was asked about.
type Admission string

// What may become of a Pod.
const (
	// Injected: it got the sidecar.
	Injected Admission = "injected"
	// Untouched: it is none that gets one.
	Untouched Admission = "untouched"
	// Refused: it asks for one, and can't have it as it is.
	Refused Admission = "refused"
	// Failed: it may be one that gets it, and that couldn't be found out.
	Failed Admission = "failed"
)

// Webhook is what is told of the webhook for Pods.
type Webhook struct{ pods *prometheus.CounterVec }

// NewWebhook registers the metrics of the webhook; nil registers them nowhere. The
// certificate is the one that is shown now.
func NewWebhook(registerer prometheus.Registerer, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*Webhook, error) {
	w := &Webhook{pods: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: Prefix + "webhook_pods_total",
		Help: "Pods that the webhook was asked about, by what became of them.",
	}, []string{"result"})}
	for _, result := range []Admission{Injected, Untouched, Refused, Failed} {
		w.pods.WithLabelValues(string(result))
	}
	expiry := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: Prefix + "webhook_certificate_expiry_timestamp_seconds",
		Help: "When the certificate expires that the webhook shows; 0 while it has none.",
	}, func() float64 { return seconds(expiryOf(certificate)) })
	return w, Register(registerer, w.pods, expiry)
}

// Pod counts one.
func (w *Webhook) Pod(result Admission) { w.pods.WithLabelValues(string(result)).Inc() }

func expiryOf(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) time.Time {
	shown, err := certificate(nil)
	if err != nil || shown == nil || shown.Leaf == nil {
		return time.Unix(0, 0)
	}
	return shown.Leaf.NotAfter
}
