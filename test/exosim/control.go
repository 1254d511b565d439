package exosim

import (
	"io"
	"net"
	"net/http"
	"strings"
)

// control is one thing that can be done under /sim/.
type control struct {
	method, pattern string
	about           string
	serve           func(c *Cloud, params map[string]string, body []byte) (any, error)
}

var controls = []control{
	{"GET", "calls", "counts of calls by operationId, of reads and of writes", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { return c.Calls(), nil }},
	{"POST", "calls/reset", "count calls anew", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { c.ResetCalls(); return done() }},
	{"GET", "calls/mutating", "the calls that change something, with body and status", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { return c.MutatingCalls(), nil }},
	{"GET", "state", "everything that the cloud holds", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { return c.Snapshot(), nil }},
	{"POST", "reset", "back to the beginning: state file, keys, settings, the faults of the flags; no calls counted", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { c.Reset(); return done() }},
	{"GET", "faults", "the rules for what goes wrong, and how many calls each has hit", controlFaults},
	{"POST", "faults", `add a rule or an array of them, e.g. {"operation": "create-load-balancer", "nth": 1, "kind": "reset-after"}`, controlAddFault},
	{"DELETE", "faults", "remove all rules", func(c *Cloud, _ map[string]string, _ []byte) (any, error) { c.ClearFaults(); return done() }},
	{"DELETE", "faults/{id}", "remove a rule", controlRemoveFault},
	{"POST", "operations/{id}/end", "end an operation that is pending, as success and with its effect", controlEndOperation},
	{"POST", "settings", `change {"operation-delay": "5s"}, {"addressless": true} or {"cascade-delete": true}`, controlSettings},
	{"POST", "quotas/{resource}", `set {"limit": 2}, optionally in {"zone": …}; -1 is unlimited`, controlQuota},
	{"POST", "keys", `add or change an API key: {"key": …, "secret": …, "operations": […], "organization": …}`, controlAddKey},
	{"DELETE", "keys/{key}", "revoke an API key", controlRevokeKey},
	{"POST", "pools/{id}/scale", `scale an instance pool at once: {"size": 4}`, controlScale},
	{"POST", "instances/{id}/stop", "stop an instance at once", controlStop},
	{"POST", "instances/{id}/start", "start an instance at once", controlStart},
	{"DELETE", "instances/{id}", "remove an instance at once", controlDeleteInstance},
	{"POST", "instances/{id}/replace", "let the pool of an instance replace it by a new one at once", controlReplace},
	{"POST", "instances/{id}/health", `let its health checks fail: {"healthy": false}, optionally of one {"service": …}`, controlHealth},
	{"DELETE", "load-balancers/{id}", "remove an NLB at once, with its services", controlDeleteLoadBalancer},
}

// serveControl answers /sim/. It is unsigned, hence for this machine only.
func (c *Cloud) serveControl(w http.ResponseWriter, r *http.Request) {
	if !fromLoopback(r) {
		reply(w, refuse(http.StatusForbidden, "/sim/ is for clients on this machine only"), nil)
		return
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/sim"), "/")
	if path == "" && r.Method == http.MethodGet {
		writeHelp(w)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		reply(w, refuse(http.StatusBadRequest, "reading the body: %s", err), nil)
		return
	}
	for _, control := range controls {
		pattern := route{pattern: control.pattern}
		if params, fits := pattern.fits(path); fits && control.method == r.Method {
			answer, err := control.serve(c, params, body)
			reply(w, err, answer)
			return
		}
	}
	reply(w, refuse(http.StatusNotFound, "nothing known at %s %s: see GET /sim/", r.Method, r.URL.Path), nil)
}

// fromLoopback tells whether a request comes from this machine. The Host header
// must say so as well, so that no web page can reach us by a name of its own.
func fromLoopback(r *http.Request) bool {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !net.ParseIP(peer).IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}

func writeHelp(w http.ResponseWriter) {
	var help strings.Builder
	for _, control := range controls {
		help.WriteString(control.method + strings.Repeat(" ", 7-len(control.method)) + "/sim/" + control.pattern)
		help.WriteString(strings.Repeat(" ", max(1, 24-len(control.pattern))) + control.about + "\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, help.String())
}

func done() (any, error) { return map[string]bool{"done": true}, nil }

// readControl reads a body strictly.
func readControl(body []byte, take func(*object)) error {
	return (&request{body: body}).read(take)
}
