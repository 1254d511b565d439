package sidecar

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// The limits of what the webhook's port can be used for by whoever reaches it, for
// it shares the operator's memory. A value in a body is a container, say, or the
// name of one: of a few bytes decoding makes several hundred.
const (
	mostAtOnce  = 16
	longestWait = time.Second // for a place among those
	longestBody = 4 << 20     // an API server takes Pods of up to 3 MiB
	slowestBody = 5 * time.Second
	mostValues  = 20_000
	// Nearly all Pods are smaller than these; of those that aren't there is one at once.
	lightBody, lightValues = 64 << 10, 2_000
)

// guard lets requests through whose bodies are known to be harmless.
type guard struct {
	next http.Handler
	// places of those that are decided, and of the one that may be large.
	places, heavy places
}

// guarded answers too much at once, and bodies that are too long, hold too much or
// come too slowly, with an error; to an API server that is no answer, and the Pod
// passes.
func guarded(next http.Handler) http.Handler {
	return &guard{next, make(places, mostAtOnce), make(places, 1)}
}

// ServeHTTP implements http.Handler. No place is taken before there is work for it:
// who sends slowly holds nobody up.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowestBody)); err != nil {
		http.Error(w, "the connection can't be limited in time", http.StatusInternalServerError)
		return
	}
	body, err := read(nil, r.Body, lightBody)
	heavy := err == nil && (len(body) > lightBody || values(body) > lightValues)
	if heavy {
		if !g.heavy.take(r) {
			http.Error(w, busy, http.StatusServiceUnavailable)
			return
		}
		defer g.heavy.leave()
		body, err = read(body, r.Body, longestBody)
	}
	switch {
	case err != nil:
		http.Error(w, "the body can't be read", http.StatusBadRequest)
		return
	case len(body) > longestBody || heavy && values(body) > mostValues:
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	case !json.Valid(body): // what isn't would be tried as YAML, of which a byte may be a value
		http.Error(w, "the body isn't JSON", http.StatusBadRequest)
		return
	case !g.places.take(r):
		http.Error(w, busy, http.StatusServiceUnavailable)
		return
	}
	defer g.places.leave()
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.next.ServeHTTP(w, r)
}

const busy = "too many requests at once"

// read goes on until there are more bytes than most, or no more.
func read(begun []byte, from io.Reader, most int) ([]byte, error) {
	body := bytes.NewBuffer(begun)
	_, err := body.ReadFrom(io.LimitReader(from, int64(most+1-len(begun))))
	return body.Bytes(), err
}

// places are how many may do something at once.
type places chan struct{}

// take waits for a place, but not for long.
func (p places) take(r *http.Request) bool {
	select {
	case p <- struct{}{}:
		return true
	case <-r.Context().Done():
		return false
	case <-time.After(longestWait):
		return false
	}
}

func (p places) leave() { <-p }

// values is about how many values a JSON text has: at least half of those that
// decoding it makes.
func values(text []byte) int {
	count, within := 0, false // a string
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case within && c == '\\':
			i++
		case c == '"':
			within = !within
		case !within && (c == ',' || c == '{' || c == '['):
			count++
		}
	}
	return count
}
