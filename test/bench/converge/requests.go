package main

import (
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"sync"
)

// requests counts what the operator asks of the Kubernetes API server: on a
// small machine that is what the time goes to.
type requests struct {
	mutex  sync.Mutex
	counts map[string]int
}

// wrap is for rest.Config.Wrap.
func (r *requests) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		what := request.Method + " " + resourceOf(request.URL.Path)
		if response != nil && response.StatusCode >= http.StatusBadRequest {
			what += " (" + strconv.Itoa(response.StatusCode) + ")"
		}
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.counts[what]++
		return response, err
	})
}

// so far.
func (r *requests) soFar() map[string]int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return maps.Clone(r.counts)
}

func (r *requests) reset() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.counts = map[string]int{}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

var namespaced = regexp.MustCompile(`/namespaces/[^/]+/([^/]+)(?:/[^/]+(/[^/]+)?)?$`)

// resourceOf is, for example, services or services/status.
func resourceOf(path string) string {
	if parts := namespaced.FindStringSubmatch(path); parts != nil {
		return parts[1] + parts[2]
	}
	return "others"
}
