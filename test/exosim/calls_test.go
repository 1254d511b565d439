package exosim_test

import (
	"net/http"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestCallsAreCountedByOperation(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.Zones = []string{"ch-gva-2", "ch-dk-2"} })
	must(t, "", w.listed())
	_, err := w.create("web")
	must(t, "", err)
	_, err = w.create("web")
	refusedAs(t, err, v3.ErrConflict)
	if status, _ := w.do(call{method: "GET", path: "/ch-dk-2/v2/load-balancer"}); status != http.StatusOK {
		t.Errorf("the second zone answers with %d", status)
	}
	if status, _ := w.do(call{method: "GET", path: "/v2/nothing"}); status != http.StatusNotFound {
		t.Errorf("what isn't there is answered with %d", status)
	}

	want := exosim.Calls{
		Reads: 2, Writes: 2,
		Operations: map[string]int{"list-load-balancers": 2, create: 2},
		Zones: map[string]map[string]int{
			"ch-gva-2": {"list-load-balancers": 1, create: 2},
			"ch-dk-2":  {"list-load-balancers": 1},
		},
	}
	if diff := cmp.Diff(want, w.Calls()); diff != "" {
		t.Errorf("calls (-want +got)\n%s", diff)
	}
	made := func(status int) exosim.Call {
		return exosim.Call{
			Zone: "ch-gva-2", Operation: create, Method: "POST", Path: "/v2/load-balancer",
			Body: []byte(`{"name":"web"}`), Status: status,
		}
	}
	if diff := cmp.Diff([]exosim.Call{made(200), made(409)}, w.MutatingCalls(), cmpopts.IgnoreFields(exosim.Call{}, "At")); diff != "" {
		t.Errorf("mutating calls (-want +got)\n%s", diff)
	}

	w.ResetCalls()
	if got := w.Calls(); got.Reads+got.Writes+len(got.Operations)+len(w.MutatingCalls()) != 0 {
		t.Errorf("after a reset there are %+v", got)
	}
}

func TestRequestsBeyondTheRateLimitAreRefused(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.RateLimit = 2 })
	statuses := map[int]int{}
	for range 20 {
		status, _ := w.do(call{method: "GET", path: "/v2/zone"})
		statuses[status]++
	}
	// How many get through depends on how fast this machine is.
	if statuses[http.StatusOK] < 2 || statuses[http.StatusTooManyRequests] == 0 {
		t.Errorf("of 20 requests at once: %v, want at least 2 answered and some refused", statuses)
	}
}
