package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// ledger notes the Events that one operator sends, by the objects that they are of.
// Another operator knows nothing of them, and has a ledger of its own.
type ledger struct {
	mu    sync.Mutex
	times map[string][]time.Time
	story map[string][]string
	of    map[string]string // the object of an Event, by its name
	// counters are the operator's: what it asked for, and what the budget held back.
	counters *prometheus.Registry
}

func newLedger() *ledger {
	return &ledger{
		times: map[string][]time.Time{}, story: map[string][]string{}, of: map[string]string{}, counters: prometheus.NewRegistry(),
	}
}

// noting is a way to the API server that notes the Events which pass.
type noting struct {
	http.RoundTripper
	in *ledger
}

func (n noting) RoundTrip(request *http.Request) (*http.Response, error) {
	folder, name := path.Split(request.URL.Path)
	is := request.Method == http.MethodPost && name == "events" || request.Method == http.MethodPatch && strings.HasSuffix(folder, "/events/")
	if is && request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		n.in.note(name, body)
	}
	return n.RoundTripper.RoundTrip(request)
}

// note an Event that is made, or one, by its name, that has come again and is a series.
func (l *ledger) note(name string, body []byte) {
	var event eventsv1.Event
	if json.Unmarshal(body, &event) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, of := event.EventTime.Time, l.of[name]
	switch {
	case event.Regarding.UID != "":
		of = fmt.Sprintf("%s %s (%s)", event.Regarding.Kind, event.Regarding.Name, event.Regarding.UID)
		l.of[event.Name] = of
		l.story[of] = append(l.story[of], event.Type+" "+event.Reason+": "+event.Note)
	case of == "" || event.Series == nil:
		return
	default:
		at = event.Series.LastObservedTime.Time
		l.story[of] = append(l.story[of], name+" again")
	}
	l.times[of] = append(l.times[of], at)
}

// asked counts the Events that the operator asked for, and those of them that the budget
// held back: since the same was told a moment ago, or since it was used up.
func (l *ledger) asked() (all, repeated, beyond int, err error) {
	families, err := l.counters.Gather()
	if err != nil {
		return 0, 0, 0, err
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			count := int(metric.GetCounter().GetValue())
			switch family.GetName() {
			case metrics.Prefix + "events_total":
				all += count
			case metrics.Prefix + "events_dropped_total":
				for _, label := range metric.GetLabel() {
					switch {
					case label.GetName() != "cause":
					case label.GetValue() == outcome.DroppedRepeated:
						repeated += count
					default:
						beyond += count
					}
				}
			}
		}
	}
	return all, repeated, beyond, nil
}

// stormy are the objects of which more was told within a minute than anybody reads.
func (l *ledger) stormy() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var texts []string
	for of, times := range l.times {
		for i := range times {
			within := 0
			for _, at := range times {
				if since := at.Sub(times[i]); since >= 0 && since < outcome.EventsWithin {
					within++
				}
			}
			if within > outcome.EventsPerObject {
				texts = append(texts, fmt.Sprintf("%d Events of %s within a minute: %s", within, of, strings.Join(l.story[of], " | ")))
				break
			}
		}
	}
	return texts
}
