package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"          //nolint:depguard // a client that isn't ours
	"github.com/exoscale/egoscale/v3/credentials" //nolint:depguard // a client that isn't ours
)

const sample = "../../config/samples/exosim/state.yaml"

// sdk is a client made from what the program tells to export.
func (p *program) sdk() *v3.Client {
	p.t.Helper()
	client, err := v3.NewClient(credentials.NewStaticCredentials(p.env["EXOSCALE_API_KEY"], p.env["EXOSCALE_API_SECRET"]),
		v3.ClientOptWithEndpoint(v3.Endpoint(p.env["EXOSCALE_API_ENDPOINT"])), v3.ClientOptWithHTTPClient(&http.Client{}))
	if err != nil {
		p.t.Fatal(err)
	}
	return client
}

func TestTheProgramServesWhatItWasGiven(t *testing.T) {
	t.Parallel()
	p := started(t, "--listen", "127.0.0.1:0", "--zone", "ch-gva-2", "--api-key", "EXOk", "--api-secret", "s3cret",
		"--operation-delay", "0s", "--latency", "1ms", "--rate-limit", "1000", "--state", sample, "--log", "json")
	if p.env["EXOSCALE_API_KEY"] != "EXOk" || p.env["EXOSCALE_API_SECRET"] != "s3cret" || p.env["EXOSCALE_ZONE"] != "ch-gva-2" {
		t.Errorf("it tells to export %v", p.env)
	}
	ctx, sdk := context.Background(), p.sdk()
	zones, err := sdk.ListZones(ctx)
	if err != nil || len(zones.Zones) != 2 || !strings.HasSuffix(string(zones.Zones[1].APIEndpoint), "/ch-dk-2/v2") {
		t.Errorf("zones: %v, %v", zones, err)
	}
	if _, err := sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	list, err := sdk.ListLoadBalancers(ctx)
	if err != nil || len(list.LoadBalancers) != 2 {
		t.Fatalf("NLBs: %v, %v", list, err)
	}
	if address, _ := netip.AddrFromSlice(list.LoadBalancers[1].IP.To4()); !address.IsLoopback() {
		t.Errorf("the NLB has address %s", address)
	}

	var calls struct{ Reads, Writes int }
	response, err := http.Get(p.base + "/sim/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&calls); err != nil || calls.Reads != 2 || calls.Writes != 1 {
		t.Errorf("calls: %+v, %v", calls, err)
	}

	if code := p.stopped(); code != 0 {
		t.Errorf("told to end, it ended with code %d: %s", code, p.stderr)
	}
	var entry struct{ Msg, Operation string }
	first, _, _ := strings.Cut(p.stderr.String(), "\n")
	if err := json.Unmarshal([]byte(first), &entry); err != nil || entry.Operation != "create-load-balancer" {
		t.Errorf("the log isn't JSON about the call that changed something: %q", first)
	}
}

func TestTheProgramEndsWithCodeOneIfItCantStart(t *testing.T) {
	t.Parallel()
	running := started(t, "--listen", "127.0.0.1:0", "--data-plane=false")
	second := startedNot(t, "--listen", strings.TrimPrefix(running.base, "http://"))
	if !strings.HasPrefix(second, "exosim: --listen: ") || !strings.Contains(second, "address already in use") {
		t.Errorf("it says %q", second)
	}
}
