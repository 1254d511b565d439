package exosim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const (
	list = "list-load-balancers"
	get  = "get-load-balancer"
)

// listed are the names of the NLBs that a list shows, with those of their services.
func (w *world) listedNames() string {
	w.t.Helper()
	got, err := w.sdk.ListLoadBalancers(context.Background())
	text := ""
	for _, lb := range must(w.t, got, err).LoadBalancers {
		text += lb.Name + "(" + serviceNames(lb.Services) + ") "
	}
	return strings.TrimSpace(text)
}

func serviceNames(services []v3.LoadBalancerService) string {
	var names []string
	for _, service := range services {
		names = append(names, service.Name)
	}
	return strings.Join(names, ",")
}

// shown is what a GET of an NLB shows.
func (w *world) shown(lb v3.UUID) *v3.LoadBalancer {
	w.t.Helper()
	got, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	return must(w.t, got, err)
}

// raw is what a signed request is answered with, as it is.
func (w *world) raw(method, path, body string) (status int, header http.Header, text string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	request = must(w.t, request, err)
	request.Header.Set("Authorization", signed(request, body, w.Key, w.Secret, time.Now().Add(time.Minute)))
	response, err := http.DefaultClient.Do(request)
	response = must(w.t, response, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(must(w.t, data, err))
}

func TestAListLacksTheObjectsThatTheRuleNames(t *testing.T) {
	t.Parallel()
	w := given(t)
	web := w.nlb("web")
	w.nlb("webmail")
	w.nlb("api")
	for object, want := range map[string]string{"web": "webmail() api()", web.String(): "webmail() api()", "web*": "api()", "*": "", "none": "web() webmail() api()"} {
		w.Fault(exosim.Fault{Kind: exosim.FaultLackingObject, Operation: list, Object: object, Nth: 1})
		if got := w.listedNames(); got != want {
			t.Errorf("without %q the list shows %q, want %q", object, got, want)
		}
	}
	if got := w.shown(web).Name; got != "web" {
		t.Errorf("a GET shows %q", got)
	}
	if got := w.listedNames(); got != "web() webmail() api()" {
		t.Errorf("later the list shows %q", got)
	}
}

func TestChancePicksWhatAListLacks(t *testing.T) {
	t.Parallel()
	shows := func(seed uint64) string {
		w := given(t)
		for _, name := range []string{"a", "b", "c", "d"} {
			w.nlb(name)
		}
		w.Fault(exosim.Fault{Kind: exosim.FaultLackingObject, Operation: list, Probability: 0.5, Seed: seed})
		var shown []string
		for range 20 {
			shown = append(shown, w.listedNames())
		}
		return strings.Join(shown, "; ")
	}
	first := shows(7)
	if again := shows(7); first != again {
		t.Errorf("seed 7 shows\n%s and then\n%s", first, again)
	}
	if other := shows(8); first == other {
		t.Error("seeds 7 and 8 show the same")
	}
	if !strings.Contains(first, "a() b() c() d()") {
		t.Errorf("half of the lists should be whole: %s", first)
	}
	for _, name := range []string{"a()", "b()", "c()", "d()"} {
		if strings.Count(first, name) == 20 {
			t.Errorf("no list lacks %s: %s", name, first)
		}
	}
}

func TestAnNLBLacksTheServicesThatTheRuleNames(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.service(lb, "http", 80)
	w.service(lb, "https", 443)
	other := w.nlb("other")
	w.service(other, "http", 80)
	w.Fault(exosim.Fault{Kind: exosim.FaultLackingService, Object: "http", Operation: list, Nth: 1})
	if got := w.listedNames(); got != "web(https) other()" {
		t.Errorf("the list shows %q", got)
	}
	w.Fault(exosim.Fault{Kind: exosim.FaultLackingService, Object: "*", Operation: get, Nth: 1})
	if got := serviceNames(w.shown(lb).Services); got != "" {
		t.Errorf("the GET shows %q", got)
	}
	w.Fault(exosim.Fault{Kind: exosim.FaultLackingService, Operation: list, Nth: 1})
	if got := w.listedNames(); strings.Count(got, "http") != 2 {
		t.Errorf("of three services chance takes one: %q", got)
	}
	if got := w.listedNames(); got != "web(http,https) other(http)" {
		t.Errorf("later the list shows %q", got)
	}
}

func TestListsLagBehindWhileGetsAreCurrentAndTheReverse(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.clock.pass(time.Minute)
	w.service(lb, "http", 80)
	remove := w.Fault(exosim.Fault{Kind: exosim.FaultStaleRead, Operation: list, Age: 5 * time.Second})
	if listed, shown := w.listedNames(), serviceNames(w.shown(lb).Services); listed != "web()" || shown != "http" {
		t.Errorf("the list lags: it shows %q, and the GET %q", listed, shown)
	}
	w.clock.pass(10 * time.Second)
	if listed := w.listedNames(); listed != "web(http)" {
		t.Errorf("ten seconds later the list shows %q", listed)
	}
	remove()

	fresh := w.nlb("fresh")
	w.Fault(exosim.Fault{Kind: exosim.FaultStaleRead, Operation: get, Age: 5 * time.Second})
	_, err := w.sdk.GetLoadBalancer(context.Background(), fresh)
	refusedAs(t, err, v3.ErrNotFound, "not found")
	if listed := w.listedNames(); listed != "web(http) fresh()" {
		t.Errorf("GETs lag, and the list shows %q", listed)
	}
}

func TestAnIncompleteAnswerLacksTheFieldsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  exosim.Fault
		listed bool // else got
		want   string
	}{
		"services null in a list":      {exosim.Fault{Fields: []string{"services"}}, true, `"services":null`},
		"services null in a GET":       {exosim.Fault{Fields: []string{"services"}}, false, `"services":null`},
		"services absent":              {exosim.Fault{Fields: []string{"services"}, Absent: true}, true, `"name":"web","state"`},
		"no list at all":               {exosim.Fault{Fields: []string{"load-balancers"}}, true, `{"load-balancers":null}`},
		"the pool of a service":        {exosim.Fault{Fields: []string{"services.instance-pool"}}, true, `"instance-pool":null`},
		"a health check":               {exosim.Fault{Fields: []string{"services.healthcheck"}}, false, `"healthcheck":null`},
		"one without its defaults":     {exosim.Fault{Fields: []string{"services.healthcheck.interval", "services.healthcheck.timeout", "services.healthcheck.retries"}, Absent: true}, true, `"healthcheck":{"mode":"tcp","port":30080}`},
		"what isn't there":             {exosim.Fault{Fields: []string{"services.colour.shade"}}, true, `"interval":10`},
		"of an object of another name": {exosim.Fault{Fields: []string{"services"}, Object: "api"}, true, `"services":[{`},
		"of an object by its name":     {exosim.Fault{Fields: []string{"services"}, Object: "w*b"}, true, `"services":null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := given(t)
			lb := exosimNLB(w)
			w.service(lb, "http", 80)
			c.fault.Kind, c.fault.Nth = exosim.FaultIncomplete, 1
			w.Fault(c.fault)
			path := "/v2/load-balancer"
			if !c.listed {
				path += "/" + lb.String()
			}
			if _, _, text := w.raw("GET", path, ""); !strings.Contains(text, c.want) {
				t.Errorf("the answer lacks %s: %s", c.want, text)
			}
			if got := w.onlyService(lb); got.Healthcheck == nil || got.Healthcheck.Interval != 10 || got.InstancePool == nil {
				t.Errorf("later it isn't whole: %+v", got)
			}
		})
	}
}

func TestTheSDKTakesIncompleteAnswersForWhole(t *testing.T) { // which is why they are dangerous
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.service(lb, "http", 80)
	w.Fault(exosim.Fault{Kind: exosim.FaultIncomplete, Fields: []string{"services.instance-pool"}, Operation: get, Nth: 1})
	if got := w.onlyService(lb); got.InstancePool != nil {
		t.Errorf("the pool is %+v", got.InstancePool)
	}
	for _, field := range exosim.IncompleteFields() {
		w.Fault(exosim.Fault{Kind: exosim.FaultIncomplete, Fields: []string{field}, Operation: list, Nth: 1})
		must(t, "", w.listed())
	}
	w.Fault(exosim.Fault{Kind: exosim.FaultIncomplete, Seed: 3})
	seen := map[string]bool{}
	for range 100 {
		_, _, text := w.raw("GET", "/v2/load-balancer/"+lb.String(), "")
		seen[text] = true
	}
	if len(seen) < len(exosim.IncompleteFields()) {
		t.Errorf("chance picked only %d of %d fields", len(seen), len(exosim.IncompleteFields()))
	}
}

func TestAnAnswerOf200IsReplacedAfterTheEffect(t *testing.T) {
	t.Parallel()
	w := given(t)
	for _, text := range []string{"", "{}", "null", "[]"} {
		name := fmt.Sprintf("made-%q", text)
		w.Fault(exosim.Fault{Kind: exosim.FaultAnswer, Body: text, Nth: 1, Operation: create})
		status, _, got := w.raw("POST", "/v2/load-balancer", `{"name": `+fmt.Sprintf("%q", name)+`}`)
		if status != http.StatusOK || got != text {
			t.Errorf("the create is answered with %d %q, want 200 %q", status, got, text)
		}
		w.Fault(exosim.Fault{Kind: exosim.FaultAnswer, Body: text, Nth: 1, Operation: list})
		if status, _, got := w.raw("GET", "/v2/load-balancer", ""); status != http.StatusOK || got != text {
			t.Errorf("the list is answered with %d %q, want 200 %q", status, got, text)
		}
	}
	if diff := cmp.Diff([]string{`made-""`, `made-"{}"`, `made-"null"`, `made-"[]"`}, w.names()); diff != "" {
		t.Errorf("NLBs (-want +got)\n%s", diff)
	}
	lb := exosimNLB(w)
	w.Fault(exosim.Fault{Kind: exosim.FaultAnswer, Body: "{}", Operation: get})
	if got := w.shown(lb); got.ID != "" || got.Name != "" {
		t.Errorf("the SDK reads %+v", got)
	}
}

func TestAReadIsAnsweredWithAnotherObject(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := w.nlb("web")
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherObject, Operation: get})
	if got := w.shown(lb); got.ID == lb || got.Name != "web" {
		t.Errorf("where there is only one it is shown as %s (%s)", got.ID, got.Name)
	}
	other := w.nlb("other")
	if got := w.shown(lb); got.ID != other || got.Name != "other" {
		t.Errorf("asked for %s it shows %s (%s)", lb, got.ID, got.Name)
	}
	w.ClearFaults()
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherObject, Operation: "get-operation"})
	first, err := w.create("first")
	first = must(t, first, err)
	op, err := w.sdk.GetOperation(context.Background(), first.ID)
	if must(t, op, err).ID == first.ID {
		t.Errorf("it tells of the operation that was asked for")
	}
	w.ClearFaults()
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherObject, Operation: "get-instance"})
	member := v3.UUID(w.Members(w.pool.ID)[0].ID)
	instance, err := w.sdk.GetInstance(context.Background(), member)
	if must(t, instance, err).ID == member {
		t.Errorf("it shows the instance that was asked for")
	}
}

func TestAGatewayAnswersNotAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault       exosim.Fault
		status      int
		contentType string
		words       string
		made        bool
	}{
		"502 by itself":             {exosim.Fault{}, 502, "text/html", "<title>Bad Gateway</title>", false},
		"404 in HTML":               {exosim.Fault{Status: 404}, 404, "text/html", "<h1>Not Found</h1>", false},
		"404 in JSON of its own":    {exosim.Fault{Status: 404, Form: exosim.FormJSON}, 404, "application/json", `"error":"Not Found"`, false},
		"503 and when to try again": {exosim.Fault{Status: 503, RetryAfter: 3600, Message: "maintenance"}, 503, "text/html", "maintenance", false},
		"504 after the effect":      {exosim.Fault{Status: 504, Effect: exosim.EffectDone}, 504, "text/html", "Gateway Time", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := given(t)
			c.fault.Kind, c.fault.Nth = exosim.FaultGateway, 1
			w.Fault(c.fault)
			status, header, text := w.raw("POST", "/v2/load-balancer", `{"name": "web"}`)
			if status != c.status || header.Get("Content-Type") != c.contentType || !strings.Contains(text, c.words) || strings.Contains(text, `"message"`) {
				t.Errorf("answered with %d %s %s", status, header.Get("Content-Type"), text)
			}
			if after := header.Get("Retry-After"); c.fault.RetryAfter > 0 && after != "3600" {
				t.Errorf("Retry-After is %q", after)
			}
			if made := len(w.names()) == 1; made != c.made {
				t.Errorf("made: %t, want %t", made, c.made)
			}
			if calls := w.MutatingCalls(); (calls[0].Status == http.StatusOK) != c.made {
				t.Errorf("the journal says %d", calls[0].Status)
			}
			must(t, "", w.listed()) // once only
		})
	}
}

func TestAGatewaysAnswerIsOneOfItsStatusToTheSDK(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.Fault(exosim.Fault{Kind: exosim.FaultGateway, Status: 404, Nth: 1})
	_, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	if !errors.Is(err, v3.ErrNotFound) {
		t.Errorf("the SDK says %v", err)
	}
}

func TestAStatusMayComeAfterTheEffect(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Status: 500, Effect: exosim.EffectDone, Operation: create, Nth: 1})
	_, err := w.create("web")
	refusedAs(t, err, v3.ErrInternalServerError, "simulated failure")
	if diff := cmp.Diff([]string{"web"}, w.names()); diff != "" {
		t.Errorf("NLBs (-want +got)\n%s", diff)
	}
}

func TestAZoneHangsUntilTheRuleIsRemoved(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.Zones = []string{"ch-gva-2", "ch-dk-2"} })
	remove := w.Fault(exosim.Fault{Kind: exosim.FaultHang, Zone: "ch-gva-2"})
	ctx, giveUp := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer giveUp()
	if _, err := w.sdk.ListLoadBalancers(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
	if _, err := w.sdk.WithEndpoint(v3.Endpoint(w.URL + "/ch-dk-2/v2")).ListLoadBalancers(context.Background()); err != nil {
		t.Errorf("the other zone hangs, too: %v", err)
	}
	ended := make(chan error)
	go func() { ended <- second(w.create("web")) }() // a read would be sent once more by itself
	for w.Calls().Operations[create] < 1 {
		time.Sleep(time.Millisecond)
	}
	remove()
	var api *v3.APIError
	if err := <-ended; err == nil || errors.As(err, &api) {
		t.Errorf("the call that hung ended with %v, want a connection that is cut", err)
	}
	must(t, "", w.listed())
	if got := w.names(); len(got) != 0 {
		t.Errorf("it made %v", got)
	}
}

func TestACallThatHangsMayHaveHadItsEffect(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Kind: exosim.FaultHang, Latency: time.Millisecond, Operation: create, Nth: 1})
	w.Fault(exosim.Fault{Kind: exosim.FaultHang, Latency: time.Millisecond, Operation: create, Nth: 2, Effect: exosim.EffectDone})
	for _, name := range []string{"none", "done"} {
		if _, err := w.create(name); err == nil {
			t.Errorf("%s: it was answered", name)
		}
	}
	if diff := cmp.Diff([]string{"done"}, w.names()); diff != "" {
		t.Errorf("NLBs (-want +got)\n%s", diff)
	}
}

func TestAKeyOfAnotherOrganizationSeesNothingOfOurs(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	lb := exosimNLB(w)
	w.AddKey(exosim.Key{Key: "EXOother", Secret: "s", Organization: "acme"})
	other := w.client("EXOother", "s")
	lists := func(sdk *v3.Client) (nlbs, pools, instances int) {
		a, err := sdk.ListLoadBalancers(ctx)
		must(t, a, err)
		b, err := sdk.ListInstancePools(ctx)
		must(t, b, err)
		c, err := sdk.ListInstances(ctx)
		must(t, c, err)
		return len(a.LoadBalancers), len(b.InstancePools), len(c.Instances)
	}
	if a, b, c := lists(other); a+b+c != 0 {
		t.Errorf("it sees %d NLBs, %d pools, %d instances", a, b, c)
	}
	for _, err := range []error{
		second(other.GetLoadBalancer(ctx, lb)),
		second(other.DeleteLoadBalancer(ctx, lb)),
		second(other.AddServiceToLoadBalancer(ctx, lb, w.onPort("http", 80))),
	} {
		refusedAs(t, err, v3.ErrNotFound, lb.String())
	}
	op, err := other.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"}) // as ours is called
	op = must(t, op, err)
	_, err = w.sdk.GetOperation(ctx, op.ID)
	refusedAs(t, err, v3.ErrNotFound, "operation")
	w.clock.pass(w.opDelay())
	if theirs := w.LoadBalancers("acme/ch-gva-2"); len(theirs) != 1 || theirs[0].State != exosim.StateRunning {
		t.Errorf("they have %+v", theirs)
	}
	if a, b, c := lists(w.sdk); a != 1 || b != 1 || c != 2 {
		t.Errorf("we see %d NLBs, %d pools, %d instances", a, b, c)
	}
	state := w.Snapshot()
	if len(state.OtherOrganizations) != 1 || state.OtherOrganizations[0].Name != "acme/ch-gva-2" || state.Keys[0].Organization != "acme" || state.Keys[1].Organization != "" {
		t.Errorf("the state tells of %+v and %+v", state.OtherOrganizations, state.Keys)
	}
	w.Reset()
	if theirs := w.LoadBalancers("acme/ch-gva-2"); len(theirs) != 0 {
		t.Errorf("after a reset they have %+v", theirs)
	}
}

func TestACallIsHandledAsOneOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization, Operation: list, Nth: 1})
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization, Operation: get, Nth: 1})
	w.Fault(exosim.Fault{Kind: exosim.FaultOtherOrganization, Operation: create, Nth: 1, Organization: "acme"})
	if got := w.listedNames(); got != "" {
		t.Errorf("it lists %q", got)
	}
	_, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	refusedAs(t, err, v3.ErrNotFound, lb.String())
	must(t, "", second(w.create("theirs")))
	if got := w.listedNames(); got != "web()" || w.shown(lb).Name != "web" {
		t.Errorf("then it lists %q", got)
	}
	if theirs := w.LoadBalancers("acme/ch-gva-2"); len(theirs) != 1 {
		t.Errorf("they have %+v", theirs)
	}
}

func TestAnOperationMayNeverEnd(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	w.Fault(exosim.Fault{Kind: exosim.FaultOperationPending, Operation: create, Nth: 1})
	w.Fault(exosim.Fault{Kind: exosim.FaultOperationPending, Operation: create, Nth: 2, Effect: exosim.EffectDone})
	stuck, err := w.create("stuck")
	stuck = must(t, stuck, err)
	done, err := w.create("done")
	done = must(t, done, err)
	w.clock.pass(1000 * time.Hour)
	for _, op := range []*v3.Operation{stuck, done} {
		got, err := w.sdk.GetOperation(ctx, op.ID)
		if got = must(t, got, err); got.State != v3.OperationStatePending {
			t.Errorf("it is %s", got.State)
		}
	}
	if first, second := w.shown(stuck.Reference.ID), w.shown(done.Reference.ID); first.State != "creating" || second.State != "running" {
		t.Errorf("the NLBs are %s and %s", first.State, second.State)
	}
	_, err = w.sdk.DeleteLoadBalancer(ctx, stuck.Reference.ID)
	refusedAs(t, err, v3.ErrConflict, "busy")
	must(t, "", second(w.sdk.DeleteLoadBalancer(ctx, done.Reference.ID)))
	w.clock.pass(time.Second)

	w.simDone("POST", "operations/"+stuck.ID.String()+"/end", "", nil)
	if got := w.shown(stuck.Reference.ID); got.State != "running" {
		t.Errorf("ended by hand, its NLB is %s", got.State)
	}
	if !w.EndOperation(done.ID.String()) || len(w.PendingOperations()) != 0 {
		t.Errorf("pending are %+v", w.PendingOperations())
	}
	if status, _ := w.sim("POST", "operations/"+stuck.ID.String()+"/end", ""); status != http.StatusNotFound {
		t.Errorf("ended again: %d", status)
	}
	if got := w.names(); len(got) != 1 {
		t.Errorf("there are %v", got)
	}
}

func TestAnOperationMayEndBeforeItTakesEffect(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	lb := exosimNLB(w)
	late := exosim.Fault{Kind: exosim.FaultLateEffect, Late: 10 * time.Second, Nth: 1}
	w.Fault(late)
	op, err := w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "new"})
	op = must(t, op, err)
	w.clock.pass(time.Second)
	w.done(op, nil)
	if got := w.shown(lb).Description; got != "front" {
		t.Errorf("before its time the description is %q", got)
	}
	_, err = w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "newer"})
	refusedAs(t, err, v3.ErrConflict, "busy")
	if len(w.PendingOperations()) != 1 {
		t.Error("nothing is said to be under way")
	}
	w.clock.pass(10 * time.Second)
	if got := w.shown(lb).Description; got != "new" || len(w.PendingOperations()) != 0 {
		t.Errorf("in the end the description is %q", got)
	}

	w.Fault(late)
	op, err = w.sdk.DeleteLoadBalancer(ctx, lb)
	op = must(t, op, err)
	w.clock.pass(time.Second)
	w.done(op, nil)
	if got := w.shown(lb).State; got != "deleting" {
		t.Errorf("it is %s", got)
	}
	w.clock.pass(10 * time.Second)
	if got := w.names(); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
}

func TestARuleMayCountFromAChangeOn(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Operation: list, Nth: 1, After: 2})
	var got strings.Builder
	for n := range 4 {
		for range 2 {
			if w.listed() != nil {
				got.WriteString("x")
			} else {
				got.WriteString(".")
			}
		}
		w.nlb(fmt.Sprint(n))
	}
	if got.String() != "....x..." {
		t.Errorf("hit %s", got.String())
	}
}

func TestARuleMayEndByItself(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Operation: list, For: time.Millisecond})
	if w.listed() == nil {
		t.Error("the first call wasn't hit")
	}
	for deadline := time.Now().Add(time.Minute); w.listed() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("the rule doesn't end")
		}
	}
}

func TestARuleMayBeForOperationsOfAKind(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := exosimNLB(w)
	w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Operation: "list-*, create-*", Count: 2})
	hit := 0
	for range 3 {
		if w.listed() != nil {
			hit++
		}
		w.shown(lb)
	}
	if hit != 2 || w.FaultHits() != 2 {
		t.Errorf("%d lists were hit, and the rule says %d", hit, w.FaultHits())
	}
	if _, rules := w.sim("GET", "faults", ""); !strings.Contains(rules, `"hits":2`) {
		t.Errorf("the rules are %s", rules)
	}
}

func TestDeletingCascadesFromWhenItIsSetTo(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	lb := exosimNLB(w)
	w.service(lb, "http", 80)
	_, err := w.sdk.DeleteLoadBalancer(ctx, lb)
	refusedAs(t, err, v3.ErrConflict, "still has services")
	w.simDone("POST", "settings", `{"cascade-delete": true}`, nil)
	w.done(w.sdk.DeleteLoadBalancer(ctx, lb))
	w.Reset()
	lb = exosimNLB(w)
	w.MutateLoadBalancer(lb.String(), func(lb *exosim.LoadBalancer) { lb.Services = []exosim.Service{{ID: w.pool.ID}} })
	_, err = w.sdk.DeleteLoadBalancer(ctx, lb)
	refusedAs(t, err, v3.ErrConflict, "still has services")
}

func TestFaultsOfTheOptionsComeBackWithAReset(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) {
		o.Faults = []exosim.Fault{{Kind: exosim.FaultStatus, Operation: list, Nth: 1}}
	})
	for range 2 {
		if w.listed() == nil || w.listed() != nil {
			t.Error("the rule isn't there, or doesn't count anew")
		}
		w.Reset()
	}
	_, err := exosim.New(exosim.Options{Faults: []exosim.Fault{{Kind: exosim.FaultStatus, Zone: "de-fra-1"}}})
	if err == nil || !strings.Contains(err.Error(), `fault: there is no zone "de-fra-1"`) {
		t.Errorf("a rule for a zone that isn't there: %v", err)
	}
}

func TestASeedLetsEverythingGoWrong(t *testing.T) {
	t.Parallel()
	kinds := map[exosim.FaultKind]bool{exosim.FaultOperationPending: true} // which only a person ends
	for _, fault := range exosim.Unkind(1) {
		kinds[fault.Kind] = true
		if fault.Probability <= 0 || fault.Probability > 0.1 {
			t.Errorf("%s happens with probability %g", fault.Kind, fault.Probability)
		}
	}
	for _, kind := range exosim.FaultKinds() {
		if !kinds[kind] {
			t.Errorf("%s never happens", kind)
		}
	}
	if cmp.Diff(exosim.Unkind(1), exosim.Unkind(1)) != "" || cmp.Diff(exosim.Unkind(1), exosim.Unkind(2)) == "" {
		t.Error("a seed doesn't give the same again, or another seed does")
	}
	w := given(t, func(o *exosim.Options) { o.Faults = exosim.Unkind(5) })
	answers := map[string]bool{}
	for range 300 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/v2/load-balancer", http.NoBody)
		request = must(t, request, err)
		request.Header.Set("Authorization", signed(request, "", w.Key, w.Secret, time.Now().Add(time.Minute)))
		ctx, giveUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
		response, err := http.DefaultClient.Do(request.WithContext(ctx))
		if err == nil {
			var text bytes.Buffer
			_, _ = text.ReadFrom(response.Body)
			_ = response.Body.Close()
			answers[fmt.Sprint(response.StatusCode, text.String())] = true
		}
		giveUp()
	}
	if len(answers) < 4 {
		t.Errorf("all that ever happened is %v", answers)
	}
}
