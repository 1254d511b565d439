package metrics

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestTheExpiryIsThatOfTheCertificateThatIsShownNow(t *testing.T) {
	var shown *tls.Certificate
	registry := prometheus.NewRegistry()
	_, err := NewWebhook(registry, func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if shown == nil {
			return nil, errors.New("there is none yet")
		}
		return shown, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	expiry := func() float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == Prefix+"webhook_certificate_expiry_timestamp_seconds" {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return -1
	}
	if got := expiry(); got != 0 {
		t.Errorf("without a certificate it is %v", got)
	}
	shown = &tls.Certificate{Leaf: &x509.Certificate{NotAfter: noon}}
	if got := expiry(); got != float64(noon.Unix()) {
		t.Errorf("got %v, want %v", got, noon.Unix())
	}
}

func TestMetricsAreNamedAsPrometheusWantsThem(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewCounters(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := NewWebhook(registry, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
