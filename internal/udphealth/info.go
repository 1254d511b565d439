package udphealth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Info is the port that is always open: it tells how things are, and why.
//
//	/healthz   200 while the health port is to be open, else 503; the Status as JSON
//	/readyz    200 while every target is healthy and, draining, the health port lingers;
//	           else 503; the same
//	/metrics   for Prometheus
type Info struct {
	// Port, 1-65535, at every address.
	Port  int
	Board *Board
	// Version is told by /metrics.
	Version string
}

// Listen opens the port; closing is to be called in the end. An error is that the
// port is taken.
func (i *Info) Listen(ctx context.Context) (closing func() error, err error) {
	listener, err := listenAt(ctx, i.Port)
	if err != nil {
		return nil, err
	}
	return serve(listener, i.routes()).Close, nil
}

func (i *Info) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		status := i.Board.Status()
		answer(w, status, status.Healthy)
	})
	routes.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status := i.Board.Status()
		answer(w, status, status.Ready && (!status.Draining || status.HealthPort.Open))
	})
	routes.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", metricsType)
		writeMetrics(w, i.Board.Status(), i.Version)
	})
	routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "/healthz /readyz /metrics")
	})
	return routes
}

func answer(w http.ResponseWriter, status Status, good bool) {
	w.Header().Set("Content-Type", "application/json")
	if !good {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(status) // whoever asked may have gone
}
