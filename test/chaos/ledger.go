package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"

	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// ledger notes the Events that one operator sends, by the objects that they are of.
// Another operator knows nothing of them, and has a ledger of its own.
type ledger struct {
	mu    sync.Mutex
	times map[string][]time.Time
	story map[string][]string
}

func newLedger() *ledger {
	return &ledger{times: map[string][]time.Time{}, story: map[string][]string{}}
}

// noting is a way to the API server that notes the Events which pass.
type noting struct {
	http.RoundTripper
	in *ledger
}

func (n noting) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/events") && request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		n.in.note(body)
	}
	return n.RoundTripper.RoundTrip(request)
}

func (l *ledger) note(body []byte) {
	var event eventsv1.Event
	if json.Unmarshal(body, &event) != nil || event.Regarding.UID == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := fmt.Sprintf("%s %s (%s)", event.Regarding.Kind, event.Regarding.Name, event.Regarding.UID)
	l.times[of] = append(l.times[of], event.EventTime.Time)
	l.story[of] = append(l.story[of], event.Type+" "+event.Reason+": "+event.Note)
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
