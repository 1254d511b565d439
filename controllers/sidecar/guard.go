package sidecar

import (
	"net/http"
	"time"
)

// The limits of what the webhook's port can be used for by whoever reaches it, for
// it shares the operator's memory.
const (
	mostAtOnce  = 16
	longestWait = time.Second // for a place among those
	longestBody = 4 << 20     // an API server takes Pods of up to 3 MiB
	slowestBody = 5 * time.Second
)

// guarded answers too much at once, and bodies that are too long or come too
// slowly, with an error; to an API server that is no answer, and the Pod passes.
func guarded(next http.Handler) http.Handler {
	places := make(chan struct{}, mostAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-r.Context().Done():
			return
		case <-time.After(longestWait):
			http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
			return
		}
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowestBody)); err != nil {
			http.Error(w, "the connection can't be limited in time", http.StatusInternalServerError)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, longestBody)
		next.ServeHTTP(w, r)
	})
}
