package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

type passing struct{}

func (passing) RoundTrip(request *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, request.Body)
	return &http.Response{StatusCode: http.StatusOK}, err
}

// An Event that comes again is patched, not made.
func TestALedgerNotesMadeAndRepeatedEvents(t *testing.T) {
	t.Parallel()
	l, at := newLedger(), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	send := func(method, path, body string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := (noting{passing{}, l}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body != nil {
			response.Body.Close()
		}
	}
	const events = "/apis/events.k8s.io/v1/namespaces/shop/events"
	micro := func(i int) string {
		return at.Add(time.Duration(i) * time.Second).Format("2006-01-02T15:04:05.000000Z07:00")
	}
	send(http.MethodPost, events, fmt.Sprintf(`{"metadata":{"name":"web.1"},"eventTime":%q,"type":"Warning","reason":"Invalid","regarding":{"kind":"Service","name":"web","uid":"u"}}`, micro(0)))
	for i := range outcome.EventsPerObject - 1 {
		send(http.MethodPatch, events+"/web.1", fmt.Sprintf(`{"series":{"count":%d,"lastObservedTime":%q}}`, i+2, micro(i+1)))
	}
	send(http.MethodPatch, events+"/unknown", fmt.Sprintf(`{"series":{"count":2,"lastObservedTime":%q}}`, micro(1)))
	send(http.MethodPatch, "/api/v1/namespaces/shop/services/web", `{"series":{}}`)
	if stormy := l.stormy(); len(stormy) > 0 {
		t.Errorf("it isn't too much yet: %v", stormy)
	}
	send(http.MethodPatch, events+"/web.1", fmt.Sprintf(`{"series":{"count":9,"lastObservedTime":%q}}`, micro(9)))
	if stormy := l.stormy(); len(stormy) != 1 || !strings.Contains(stormy[0], "6 Events of Service web (u)") {
		t.Errorf("it is too much now: %v", stormy)
	}
}

func TestALedgerAddsUpWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	l := newLedger()
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: metrics.Prefix + "events_total"}, []string{"kind"})
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: metrics.Prefix + "events_dropped_total"}, []string{"kind", "cause"})
	l.counters.MustRegister(sent, dropped)
	sent.WithLabelValues("Service").Add(90)
	sent.WithLabelValues("Node").Add(10)
	dropped.WithLabelValues("Service", outcome.DroppedRepeated).Add(3)
	dropped.WithLabelValues("Service", outcome.DroppedBudget).Add(11)
	all, repeated, beyond, err := l.asked()
	if all != 100 || repeated != 3 || beyond != 11 || err != nil {
		t.Errorf("%d, %d, %d, %v", all, repeated, beyond, err)
	}
	for total, storm := range map[tallies]bool{{Events: all, Beyond: beyond}: true, {Events: 100, Beyond: 10}: false, {Events: 20, Beyond: 10}: false} {
		if total.storm() != storm {
			t.Errorf("%+v: a storm is %t", total, !storm)
		}
	}
}
