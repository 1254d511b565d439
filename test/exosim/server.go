package exosim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxBody bounds a request's body; the API's largest is an instance's user-data.
const maxBody = 1 << 20

// request is one call of the API, on its way through a handler.
type request struct {
	cloud     *Cloud
	zone      *zone
	operation string
	params    map[string]string
	query     url.Values
	body      []byte
	base      string // scheme and host as the client knows us
	now       time.Time
	// organization whose key it was; empty is ours.
	organization string
	// state is what a read sees; with a stale read it is an earlier one.
	state *zoneState
	// fault is how the operation that the request starts is to go wrong.
	fault *Fault
}

// ServeHTTP answers the API, and /sim/ for clients on this machine.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/sim" || strings.HasPrefix(r.URL.Path, "/sim/") {
		c.serveControl(w, r)
		return
	}
	zoneName, path, found := c.splitZone(r.URL.Path)
	if !found {
		reply(w, refuse(http.StatusNotFound, "no API at %s: zones are served at %s", r.URL.Path, c.endpoints(baseURL(r))), nil)
		return
	}
	route, params, err := match(r.Method, path)
	if err != nil {
		reply(w, err, nil)
		return
	}
	c.serveCall(w, r, &request{cloud: c, operation: route.operation, params: params, query: r.URL.Query(), base: baseURL(r)}, route, zoneName)
}

// serveCall answers a call of a known operation.
func (c *Cloud) serveCall(w http.ResponseWriter, r *http.Request, call *request, route route, zoneName string) {
	started := time.Now()
	faults := c.faults.strike(zoneName, route)
	entry := c.calls.enter(zoneName, route, r)
	status := 0
	defer func() {
		level := slog.LevelInfo
		if !route.writes() && status == http.StatusOK {
			level = slog.LevelDebug
		}
		c.opts.Log.LogAttrs(r.Context(), level, "request",
			slog.String("operation", route.operation), slog.String("zone", zoneName), slog.String("path", r.URL.Path),
			slog.Int("status", status), slog.Duration("took", time.Since(started)))
	}()

	hang := faults.of(FaultHang)
	if !c.wait(r, c.opts.Latency+faults.latency) || c.hangs(r, hang, false) || faults.has(FaultResetBefore) {
		cut(w)
		return
	}
	answer, err := c.answer(r, call, route, zoneName, faults, entry)
	status = statusOf(err)
	c.calls.leave(entry, status) // before the client can know
	if c.hangs(r, hang, true) || faults.has(FaultResetAfter) {
		cut(w)
		return
	}
	answer, err = faults.instead(answer, err)
	reply(w, err, answer)
}

// hangs keeps a call that is to hang, with or without its effect, until the client
// is gone, the rule is removed or its time is over.
func (c *Cloud) hangs(r *http.Request, hang *blow, done bool) bool {
	if hang == nil || hang.done() != done {
		return false
	}
	var over <-chan time.Time
	if hang.Latency > 0 {
		timer := time.NewTimer(hang.Latency)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-hang.removed:
	case <-c.closed:
	case <-r.Context().Done():
	}
	return true
}

// answer admits a request and has it handled.
func (c *Cloud) answer(r *http.Request, call *request, route route, zoneName string, faults struck, entry *Call) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "reading the body: %s", err)
	}
	if len(body) > maxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	}
	call.body = body
	c.calls.body(entry, body)
	if c.limiter != nil && !c.limiter.Allow() {
		return nil, &refusal{status: http.StatusTooManyRequests, message: "too many requests", retryAfter: 1}
	}
	for _, kind := range []FaultKind{FaultStatus, FaultGateway} {
		if fault := faults.of(kind); fault != nil && !fault.done() {
			return nil, fault.refusal()
		}
	}
	if !route.unsigned {
		key, err := c.keys.authenticate(r, body)
		if err != nil {
			return nil, err
		}
		if err := key.mayCall(route.operation); err != nil {
			return nil, err
		}
		call.organization = key.Organization
	}
	if other := faults.of(FaultOtherOrganization); other != nil {
		call.organization = cmp.Or(other.Organization, DefaultOtherOrganization)
	}
	for _, kind := range []FaultKind{FaultOperationFailure, FaultOperationPending, FaultLateEffect} {
		if fault := faults.of(kind); fault != nil && call.fault == nil {
			call.fault = &fault.Fault
		}
	}
	return c.handle(call, route, zoneName, faults)
}

func (c *Cloud) handle(call *request, route route, zoneName string, faults struck) (any, error) {
	defer c.syncPlane()
	c.mu.Lock()
	defer c.mu.Unlock()
	call.now = c.opts.Clock.Now()
	c.settle(call.now)
	call.zone = c.zoneFor(call.organization, zoneName)
	call.state = call.zone.state
	if stale := faults.of(FaultStaleRead); stale != nil {
		call.state = call.zone.at(call.now, stale.Age)
	}
	if other := faults.of(FaultOtherObject); other != nil {
		return call.serveOther(route, other.pick)
	}
	return route.serve(call)
}

// wait waits for the latency; it tells whether the client is still there.
func (c *Cloud) wait(r *http.Request, latency time.Duration) bool {
	if latency <= 0 {
		return true
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.closed:
		return true
	case <-r.Context().Done():
		return false
	}
}

// cut ends the connection without an answer, by a reset if it can.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// reply writes the answer, or the refusal if there is one.
func reply(w http.ResponseWriter, err error, answer any) {
	if err != nil {
		answer = map[string]string{"message": err.Error()}
		var refused *refusal
		if errors.As(err, &refused) && refused.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(refused.retryAfter))
		}
		if refused != nil && refused.body != nil {
			answer = *refused.body
		}
	}
	if raw, is := answer.(body); is {
		w.Header().Set("Content-Type", raw.contentType)
		w.WriteHeader(statusOf(err))
		_, _ = io.WriteString(w, raw.text) // fails only when the client is gone
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOf(err))
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(answer) // fails only when the client is gone
}

func statusOf(err error) int {
	var refused *refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refused):
		return refused.status
	default:
		return http.StatusInternalServerError
	}
}

// splitZone finds the zone of a path, and the path within the zone's API.
func (c *Cloud) splitZone(path string) (zone, rest string, found bool) {
	if rest, found := strings.CutPrefix(path, "/v2/"); found {
		return c.order[0], rest, true
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	rest, found = strings.CutPrefix(rest, "v2/")
	if _, known := c.zones[name]; !known || !found {
		return "", "", false
	}
	return name, rest, true
}

// Endpoint is the API endpoint of a zone, for a client that knows the server by
// the scheme and host given.
func (c *Cloud) Endpoint(base, zone string) string {
	if zone == c.order[0] {
		return base + "/v2"
	}
	return base + "/" + zone + "/v2"
}

func (c *Cloud) endpoints(base string) string {
	var all []string
	for _, zone := range c.order {
		all = append(all, fmt.Sprintf("%s (%s)", c.Endpoint(base, zone), zone))
	}
	return strings.Join(all, ", ")
}

func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// id is a path parameter that must be a UUID.
func (r *request) id(param string) (string, error) {
	id := r.params[param]
	if uuid.Validate(id) != nil {
		return "", refuse(http.StatusBadRequest, "%s: must be a UUID, is %q", param, id)
	}
	return id, nil
}

// read reads the request's body strictly.
func (r *request) read(take func(*object)) error {
	var faults []string
	body := readObject(r.body, &faults)
	take(body)
	body.close()
	return badRequest(faults)
}
