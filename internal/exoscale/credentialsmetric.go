package exoscale

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// What the label state of the credentials may be; one of them holds at a time.
const (
	keyMissing  = "missing"  // there are none, or they can't be read
	keyUnproven = "unproven" // Exoscale has answered no call with them yet
	keyRefused  = "refused"  // Exoscale doesn't know the key, or the secret is wrong
	keyAccepted = "accepted"
)

var credentialsDesc = prometheus.NewDesc(metricPrefix+"credentials",
	"1 for the state that the API key is in, 0 for the others.", []string{"state"}, nil)

// keyJudgement is what Exoscale's last answer says of an API key.
type keyJudgement struct {
	mu      sync.Mutex
	of      Credentials
	refused bool
}

// judge takes the status of an answer to a call that was signed with a key. None,
// or a fault of the server's, says nothing.
func (j *keyJudgement) judge(key Credentials, status int) {
	if status == 0 || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.of, j.refused = key, status == http.StatusUnauthorized
}

// state of the key that holds now.
func (j *keyJudgement) state(key Credentials, err error) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil:
		return keyMissing
	case j.of != key:
		return keyUnproven
	case j.refused:
		return keyRefused
	default:
		return keyAccepted
	}
}

// credentialsCollector tells the state of the API key at the moment of a scrape.
type credentialsCollector struct{ client *Client }

// Describe implements prometheus.Collector.
func (c credentialsCollector) Describe(descs chan<- *prometheus.Desc) { descs <- credentialsDesc }

// Collect implements prometheus.Collector.
func (c credentialsCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.client.key.state(c.client.opts.Credentials.Credentials())
	for _, state := range []string{keyMissing, keyUnproven, keyRefused, keyAccepted} {
		value := 0.0
		if state == now {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(credentialsDesc, prometheus.GaugeValue, value, state)
	}
}
