package exoscale

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
)

// gateway stands between a client and the cloud, and changes answers on their way.
type gateway struct {
	mu    sync.Mutex
	edits []edit
	hits  int
	holds []*held
}

// held are the calls to a method and a path that get no answer until they are let go.
type held struct {
	method, path string
	free         chan struct{}
	arrived      atomic.Int32
}

// edit replaces the answers to a method and a path below the version; a path that
// ends with a slash stands for all below it.
type edit struct {
	method, path string
	to           func(body string) string
}

// gateway makes one, and gives a client the way through it.
func (c *cloud) gateway() (*gateway, func(*Options)) {
	c.t.Helper()
	g := &gateway{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.wait(r)
		recorder := httptest.NewRecorder()
		c.sim.ServeHTTP(recorder, r)
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		body, changed := g.edited(r, recorder.Body.String())
		if changed {
			recorder.Code = http.StatusOK
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write([]byte(body))
	}))
	c.t.Cleanup(server.Close)
	c.t.Cleanup(g.letGo)
	return g, func(o *Options) { o.Endpoint = server.URL }
}

// answer every such call, also one that the cloud refuses, with what to makes of the
// cloud's answer, until restore.
func (g *gateway) answer(method, path string, to func(body string) string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.edits = append(g.edits, edit{method, path, to})
}

// with answers every such call with a text.
func (g *gateway) with(method, path, text string) {
	g.answer(method, path, func(string) string { return text })
}

// replace a text within the answers to every such call.
func (g *gateway) replace(method, path, old, text string) {
	g.answer(method, path, func(body string) string { return strings.ReplaceAll(body, old, text) })
}

func (g *gateway) restore() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.edits, g.hits = nil, 0
}

// hold lets such calls hang until letGo.
func (g *gateway) hold(method, path string) *held {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := &held{method: method, path: path, free: make(chan struct{})}
	g.holds = append(g.holds, h)
	return h
}

// letGo answers all that hangs, and lets nothing hang any more.
func (g *gateway) letGo() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.holds {
		close(h.free)
	}
	g.holds = nil
}

func (g *gateway) wait(r *http.Request) {
	g.mu.Lock()
	holds := g.holds
	g.mu.Unlock()
	for _, h := range holds {
		if concerns(r, h.method, h.path) {
			h.arrived.Add(1)
			select {
			case <-h.free:
			case <-r.Context().Done():
			}
		}
	}
}

// concerns reports whether a call is one of a method and a path.
func concerns(r *http.Request, method, path string) bool {
	got := strings.TrimPrefix(r.URL.Path, "/v2/")
	return r.Method == method && (got == path || strings.HasSuffix(path, "/") && strings.HasPrefix(got, path))
}

// changed is how many answers were changed since restore.
func (g *gateway) changed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hits
}

func (g *gateway) edited(r *http.Request, body string) (answer string, changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.edits {
		if concerns(r, e.method, e.path) {
			body, changed = e.to(body), true
			g.hits++
		}
	}
	return body, changed
}
