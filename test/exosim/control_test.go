package exosim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// sim asks the cloud at /sim/ and gives the status and the answer.
func (w *world) sim(method, path, body string) (status int, answer string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+"/sim/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// simDone is sim for what has to succeed; the answer is read into the value
// given, if there is one.
func (w *world) simDone(method, path, body string, into any) {
	w.t.Helper()
	status, answer := w.sim(method, path, body)
	if status != http.StatusOK {
		w.t.Fatalf("%s /sim/%s %s: %d %s", method, path, body, status, answer)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		w.t.Fatalf("%s /sim/%s: %v in %s", method, path, err, answer)
	}
}

func TestCallsAreToldAndResetOverHTTP(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.nlb("web")
	var calls exosim.Calls
	w.simDone("GET", "calls", "", &calls)
	if calls.Reads != 1 || calls.Writes != 1 || calls.Operations["create-load-balancer"] != 1 {
		t.Errorf("calls: %+v", calls)
	}
	var mutating []exosim.Call
	w.simDone("GET", "calls/mutating", "", &mutating)
	if len(mutating) != 1 || mutating[0].Status != http.StatusOK || !strings.Contains(string(mutating[0].Body), "web") {
		t.Errorf("mutating calls: %+v", mutating)
	}
	w.simDone("POST", "calls/reset", "", nil)
	w.simDone("GET", "calls", "", &calls)
	if calls.Reads != 0 || calls.Writes != 0 {
		t.Errorf("after the reset: %+v", calls)
	}
}

func TestTheStateIsToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	lb := exosimNLB(w)
	must(t, "", second(w.sdk.AddServiceToLoadBalancer(context.Background(), lb, w.onPort("http", 80))))
	_, text := w.sim("GET", "state", "")
	if strings.Contains(text, w.Secret) {
		t.Errorf("the state tells the secret: %s", text)
	}
	var state exosim.State
	w.simDone("GET", "state", "", &state)
	zone := state.Zones[0]
	if len(zone.LoadBalancers) != 1 || zone.LoadBalancers[0].Services[0].State != exosim.StateCreating ||
		len(zone.Instances) != 2 || len(state.Operations) != 1 || state.Keys[0].Key != w.Key {
		t.Errorf("the state is %s", text)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFaultsAreArmedListedAndRemovedOverHTTP(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	var armed struct{ IDs []int }
	w.simDone("POST", "faults", `[
		{"operation": "list-load-balancers", "kind": "status", "status": 503, "message": "out for lunch"},
		{"kind": "latency", "latency": "1ms", "probability": 0.5, "seed": 7},
		{"operation": "get-load-balancer", "kind": "stale-read", "age": "3s", "nth": 2, "count": 4},
		{"kind": "late-effect", "late": "6s", "after": 9, "for": "1m0s"},
		{"kind": "incomplete", "fields": ["services.healthcheck.interval"], "absent": true, "object": "web*", "nth": 99},
		{"kind": "gateway", "status": 504, "form": "json", "effect": "done", "nth": 99},
		{"kind": "answer", "body": "{}", "nth": 99},
		{"kind": "other-organization", "organization": "acme", "nth": 99}]`, &armed)
	if len(armed.IDs) != 8 {
		t.Fatalf("armed: %+v", armed)
	}
	_, err := w.sdk.ListLoadBalancers(ctx)
	refusedAs(t, err, v3.ErrServiceUnavailable, "out for lunch")

	_, rules := w.sim("GET", "faults", "")
	for _, want := range []string{`"latency":"1ms"`, `"age":"3s"`, `"nth":2`, `"count":4`, `"seed":7`, `"kind":"status"`,
		`"late":"6s"`, `"for":"1m0s"`, `"after":9`, `"fields":["services.healthcheck.interval"]`, `"absent":true`, `"object":"web*"`, `"form":"json"`, `"body":"{}"`, `"organization":"acme"`} {
		if !strings.Contains(rules, want) {
			t.Errorf("the rules don't say %s: %s", want, rules)
		}
	}
	w.simDone("DELETE", "faults/1", "", nil)
	must(t, "", second(w.sdk.ListLoadBalancers(ctx)))
	if status, message := w.sim("DELETE", "faults/1", ""); status != http.StatusNotFound {
		t.Errorf("removed again: %d %s", status, message)
	}
	w.simDone("DELETE", "faults", "", nil)
	if _, rules := w.sim("GET", "faults", ""); strings.TrimSpace(rules) != "[]" {
		t.Errorf("after removing all: %s", rules)
	}
	w.simDone("POST", "faults", `{"operation": "create-load-balancer", "nth": 1, "kind": "operation-failure", "reason": "busy"}`, nil)
	if op := w.ended(w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"})); op.Reason != v3.OperationReasonBusy {
		t.Errorf("the operation ended as %+v", op)
	}
}

func TestPoolsAndInstancesAreMovedOverHTTP(t *testing.T) {
	t.Parallel()
	w := given(t)
	pool := w.pool.ID
	var scaled exosim.InstancePool
	w.simDone("POST", "pools/"+pool+"/scale", `{"size": 4}`, &scaled)
	if scaled.Size != 4 || len(w.Members(pool)) != 4 {
		t.Errorf("scaled to %+v", scaled)
	}
	first := w.Members(pool)[0].ID
	w.simDone("POST", "instances/"+first+"/stop", "", nil)
	if state := w.Members(pool)[0].State; state != exosim.StateStopped {
		t.Errorf("stopped it is %s", state)
	}
	w.simDone("POST", "instances/"+first+"/start", "", nil)
	if state := w.Members(pool)[0].State; state != exosim.StateRunning {
		t.Errorf("started it is %s", state)
	}
	var fresh exosim.Instance
	w.simDone("POST", "instances/"+w.Members(pool)[1].ID+"/replace", "", &fresh)
	if members := w.Members(pool); len(members) != 4 || members[3].ID != fresh.ID || members[3].Name == members[0].Name {
		t.Errorf("replaced by %+v there are %+v", fresh, members)
	}
	w.simDone("DELETE", "instances/"+first, "", nil)
	if members := w.Members(pool); len(members) != 3 || members[0].ID == first {
		t.Errorf("it is still a member: %+v", members)
	}
	w.simDone("POST", "pools/"+pool+"/scale", `{"size": 0}`, nil)
	if got, _ := w.Pool(pool); got.Size != 0 || len(got.Instances) != 0 {
		t.Errorf("scaled to nothing: %+v", got)
	}
}

func TestHealthAndNLBsAreMovedOverHTTP(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := w.nlb("web")
	http, https := w.service(lb, "http", 80), w.service(lb, "https", 443)
	first := w.Members(w.pool.ID)[0].ID
	status := func(service v3.UUID) string {
		t.Helper()
		got, err := w.sdk.GetLoadBalancerService(context.Background(), lb, service)
		told := ""
		for _, health := range must(t, got, err).HealthcheckStatus {
			told += " " + string(health.Status)
		}
		return told
	}
	w.simDone("POST", "instances/"+first+"/health", `{"healthy": false, "service": "`+http.String()+`"}`, nil)
	if got := status(http) + " |" + status(https); got != " failure success | success success" {
		t.Errorf("unhealthy for one service:%s", got)
	}
	w.simDone("POST", "instances/"+first+"/health", `{"healthy": true, "service": "`+http.String()+`"}`, nil)
	w.simDone("POST", "instances/"+first+"/health", `{"healthy": false}`, nil)
	if got := status(http) + " |" + status(https); got != " failure success | failure success" {
		t.Errorf("unhealthy for all:%s", got)
	}
	w.simDone("DELETE", "load-balancers/"+lb.String(), "", nil)
	if left := w.LoadBalancers(""); len(left) != 0 {
		t.Errorf("removed, it is still there: %+v", left)
	}
}

func TestSettingsQuotasAndKeysChangeOverHTTP(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	create := func(name string) (*v3.Operation, error) {
		return w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: name})
	}
	w.simDone("POST", "settings", `{"operation-delay": "5s", "addressless": true}`, nil)
	op, err := create("slow")
	must(t, op, err)
	if len(w.PendingOperations()) != 1 {
		t.Errorf("nothing is pending: %+v", op)
	}
	w.clock.pass(5e9)
	if lb, _ := w.LoadBalancer(op.Reference.ID.String()); lb.State != exosim.StateRunning || lb.IP != "" {
		t.Errorf("the NLB is %+v, want it running without an address", lb)
	}

	w.simDone("POST", "quotas/network-load-balancer", `{"zone": "ch-gva-2", "limit": 1}`, nil)
	if _, err := create("beyond"); err == nil {
		t.Error("the quota holds nobody back")
	}

	w.simDone("POST", "keys", `{"key": "EXOnew", "secret": "s", "operations": ["list-load-balancers"]}`, nil)
	must(t, "", second(w.client("EXOnew", "s").ListLoadBalancers(ctx)))
	w.simDone("DELETE", "keys/EXOnew", "", nil)
	_, err = w.client("EXOnew", "s").ListLoadBalancers(ctx)
	refusedAs(t, err, v3.ErrUnauthorized, "EXOnew")

	w.simDone("POST", "reset", "", nil)
	state := w.Snapshot()
	if len(state.Zones[0].LoadBalancers) != 0 || len(state.Zones[0].InstancePools) != 0 || len(state.Operations) != 0 ||
		state.Zones[0].Quotas[1].Limit != -1 || w.Calls().Writes != 0 {
		t.Errorf("after the reset: %+v", state)
	}
}

func TestWhatSimIsAskedWronglyIsRefused(t *testing.T) {
	t.Parallel()
	w := given(t)
	const nobody = "11111111-1111-4111-8111-111111111111"
	for call, c := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"GET nothing":                           {"", 404, "nothing known at GET /sim/nothing: see GET /sim/"},
		"POST state":                            {"", 404, "nothing known at POST /sim/state"},
		"POST faults":                           {`{"kind": "flood"}`, 400, `kind: \"flood\" is none of`},
		"POST faults ":                          {`{"kind": "latency", "latency": 5}`, 400, "latency: must be a string"},
		"POST faults  ":                         {`{"kind": "latency", "latency": "soon"}`, 400, `latency: must be a duration like 500ms`},
		"POST faults   ":                        {`{"kind": "status", "probability": 2}`, 400, "probability: must be a number from 0 to 1"},
		"POST faults    ":                       {`{"kind": "status", "zone": "mars-1"}`, 400, "zone: must be one of ch-gva-2"},
		"POST faults     ":                      {`{"kind": "status", "timeout": 1}`, 400, "timeout: must be true or false"},
		"POST faults      ":                     {`[{"kind": "status"}, {}]`, 400, "rules[1].kind: is required"},
		"DELETE faults/x":                       {"", 404, "fault x not found"},
		"POST faults       ":                    {`{"kind": "other-organization", "organization": "a/b"}`, 400, "organization: must not hold a slash"},
		"POST operations/" + nobody + "/end":    {"", 404, "isn't pending"},
		"POST settings":                         {`{"operation-delay": "-1s"}`, 400, "operation-delay: must be a duration"},
		"POST settings ":                        {`{"speed": 1}`, 400, "speed: unknown field: there are operation-delay, addressless, cascade-delete"},
		"POST quotas/gpu":                       {`{"limit": 1}`, 404, "quota gpu not found"},
		"POST quotas/instance":                  {`{}`, 400, "limit: is required"},
		"POST keys":                             {`{"key": "x"}`, 400, "secret: is required"},
		"DELETE keys/EXOnobody":                 {"", 404, "EXOnobody"},
		"POST pools/" + nobody + "/scale":       {`{"size": 1}`, 404, nobody},
		"POST pools/" + w.pool.ID + "/scale":    {`{"size": -1}`, 400, "size: must be from 0 to 1000, is -1"},
		"POST instances/" + nobody + "/stop":    {"", 404, nobody},
		"POST instances/" + nobody + "/start":   {"", 404, nobody},
		"POST instances/" + nobody + "/health":  {`{}`, 400, "healthy: is required"},
		"POST instances/" + nobody + "/replace": {"", 404, nobody},
		"DELETE instances/" + nobody:            {"", 404, nobody},
		"DELETE load-balancers/" + nobody:       {"", 404, nobody},
	} {
		t.Run(call, func(t *testing.T) {
			method, path, _ := strings.Cut(strings.TrimSpace(call), " ")
			status, answer := w.sim(method, path, c.body)
			if status != c.status || !strings.Contains(answer, c.want) {
				t.Errorf("got %d %s, want %d %s", status, answer, c.status, c.want)
			}
		})
	}
	if got := w.Snapshot(); len(got.Zones[0].Instances) != 2 {
		t.Errorf("what was refused changed something: %+v", got)
	}
}

func TestSimIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := given(t)
	for name, c := range map[string]struct {
		from, host string
		want       int
	}{
		"from loopback":         {"127.0.0.1:9", "127.0.0.1:8080", 200},
		"from loopback by name": {"127.0.0.1:9", "localhost:8080", 200},
		"over IPv6":             {"[::1]:9", "[::1]:8080", 200},
		"without a port":        {"127.0.0.1:9", "localhost", 200},
		"from elsewhere":        {"192.0.2.1:9", "127.0.0.1:8080", 403},
		"by a page's own name":  {"127.0.0.1:9", "rebound.example:8080", 403},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/sim/state", http.NoBody)
			request.RemoteAddr, request.Host = c.from, c.host
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, request)
			if answer.Code != c.want {
				t.Errorf("answered with %d %s, want %d", answer.Code, answer.Body, c.want)
			}
		})
	}
}

func TestSimTellsWhatItOffers(t *testing.T) {
	t.Parallel()
	w := given(t)
	_, help := w.sim("GET", "", "")
	for _, want := range []string{"GET    /sim/calls ", "POST   /sim/faults ", "POST   /sim/pools/{id}/scale ", "POST   /sim/reset ", "GET    /sim/state "} {
		if !strings.Contains(help, want) {
			t.Errorf("it doesn't tell %q:\n%s", want, help)
		}
	}
}
