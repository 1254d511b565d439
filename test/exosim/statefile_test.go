package exosim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const sampleState = "../../config/samples/exosim/state.yaml"

// givenState is a cloud that begins with what the YAML says.
func givenState(t *testing.T, yaml string) *exosim.Server {
	t.Helper()
	state, err := exosim.ParseState([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return exosim.StartTestServer(t, exosim.Options{State: state})
}

func TestTheSampleIsWhatTheCloudHolds(t *testing.T) {
	t.Parallel()
	state, err := exosim.LoadState(sampleState)
	if err != nil {
		t.Fatal(err)
	}
	server := exosim.StartTestServer(t, exosim.Options{State: state})
	w := &world{Server: server, t: t}
	w.sdk = w.client(server.Key, server.Secret)
	ctx := context.Background()

	if diff := cmp.Diff([]string{"ch-gva-2", "ch-dk-2"}, server.Zones()); diff != "" {
		t.Errorf("zones:\n%s", diff)
	}
	got, err := w.sdk.ListLoadBalancers(ctx)
	lb := must(t, got, err).LoadBalancers[0]
	told := fmt.Sprintf("%s %v %s", lb.Name, lb.Labels, lb.State)
	for _, s := range lb.Services {
		told += fmt.Sprintf(" %s %s %d→%d %s", s.Name, s.Protocol, s.Port, s.TargetPort, s.Strategy)
		told += fmt.Sprintf(" %s:%d%s", s.Healthcheck.Mode, s.Healthcheck.Port, s.Healthcheck.URI)
		for _, health := range s.HealthcheckStatus {
			told += " " + string(health.Status)
		}
	}
	want := "shared-ingress map[team:network] running legacy tcp 9000→30900 round-robin http:30901/healthz success success failure"
	if told != want {
		t.Errorf("the NLB is\n%s, want\n%s", told, want)
	}

	pools, err := w.sdk.ListInstancePools(ctx)
	for i, want := range []string{"workers 3", "sks-default 2"} {
		pool := must(t, pools, err).InstancePools[i]
		if got := fmt.Sprintf("%s %d", pool.Name, len(pool.Instances)); got != want {
			t.Errorf("the pool is %s, want %s", got, want)
		}
	}
	clusters, err := w.sdk.ListSKSClusters(ctx)
	nodepool := must(t, clusters, err).SKSClusters[0].Nodepools[0]
	if nodepool.InstancePool.ID != pools.InstancePools[1].ID || nodepool.Size != 2 {
		t.Errorf("the nodepool has pool %s of size %d", nodepool.InstancePool.ID, nodepool.Size)
	}
	instances := server.Zone("").Instances
	if len(instances) != 6 {
		t.Errorf("there are %d instances, want 3 + 2 of pools and 1 alone", len(instances))
	}
	quota, err := w.sdk.GetQuota(ctx, "network-load-balancer")
	if must(t, quota, err); quota.Limit != 20 || quota.Usage != 1 {
		t.Errorf("quota: %+v", quota)
	}
	_, err = w.client("EXOreadonlykey", "readonly-secret").DeleteLoadBalancer(ctx, lb.ID)
	refusedAs(t, err, v3.ErrForbidden, "delete-load-balancer")
}

func TestAnEmptyStateFileIsADefaultCloud(t *testing.T) {
	t.Parallel()
	server := givenState(t, "# nothing\n")
	if got := server.Zones(); len(got) != 1 || got[0] != exosim.DefaultZone || server.Key != exosim.DefaultKey {
		t.Errorf("zones %v, key %s", got, server.Key)
	}
}

func TestZonesOfTheStateFileFollowThoseOfTheOptions(t *testing.T) {
	t.Parallel()
	state, err := exosim.ParseState([]byte("zones: [{name: de-fra-1}, {name: ch-dk-2}]"))
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := exosim.New(exosim.Options{Zones: []string{"ch-gva-2", "ch-dk-2"}, State: state})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ch-gva-2", "ch-dk-2", "de-fra-1"}, cloud.Zones()); diff != "" {
		t.Error(diff)
	}
}

func TestAddressesOfAStateFileAreGivenToNobodyElse(t *testing.T) {
	t.Parallel()
	server := givenState(t, `
zones:
- name: ch-gva-2
  instance-pools:
  - {name: counted, size: 2}
  - {name: listed, instances: [{public-ip: 127.128.0.1}, {}, {public-ip: 127.128.0.2}]}
`)
	seen := map[string]bool{}
	for _, instance := range server.Zone("").Instances {
		if seen[instance.PublicIP] || instance.PublicIP == "" {
			t.Errorf("address %q is there twice", instance.PublicIP)
		}
		seen[instance.PublicIP] = true
	}
	if len(seen) != 5 || !seen["127.128.0.1"] || !seen["127.128.0.2"] {
		t.Errorf("addresses: %v", seen)
	}
}

func TestNetworksAndKeysOfAStateFile(t *testing.T) {
	t.Parallel()
	server := givenState(t, `
keys:
- {key: EXOweak, secret: s, operations: [list-load-balancers]}
- {key: EXOstrong, secret: s}
zones:
- name: ch-gva-2
  instances: [{id: 11111111-1111-4111-8111-111111111111, private-networks: [storage]}]
  instance-pools:
  - {name: workers, size: 1, private-networks: [storage, vpn]}
  private-networks:
  - {name: storage, start-ip: 10.0.0.1, end-ip: 10.0.0.9, leases: [{ip: 10.0.0.7, instance-id: 11111111-1111-4111-8111-111111111111}]}
  - {name: vpn}
  security-groups:
  - {name: shared, visibility: public, external-sources: [10.0.0.0/8]}
`)
	if server.Key != "EXOstrong" {
		t.Errorf("the key that may do everything is %s", server.Key)
	}
	zone := server.Zone("")
	if leases := zone.PrivateNetworks[0].Leases; len(leases) != 2 || leases[0].IP != "10.0.0.7" || leases[1].IP != "10.0.0.1" {
		t.Errorf("leases: %v", leases)
	}
	for i, networks := range []int{1, 2} {
		if got := zone.Instances[i].PrivateNetworks; len(got) != networks || got[0].ID != zone.PrivateNetworks[0].ID {
			t.Errorf("instance %d is in %v", i, got)
		}
	}
	last := zone.SecurityGroups[len(zone.SecurityGroups)-1]
	if last.Name != "shared" || last.Visibility != "public" || len(last.ExternalSources) != 1 {
		t.Errorf("security groups: %+v", zone.SecurityGroups)
	}
}

func TestWhatIsWrongInAStateFileIsToldByField(t *testing.T) {
	t.Parallel()
	const id = "11111111-1111-4111-8111-111111111111"
	zone := func(rest string) string {
		return "zones: [{name: ch-gva-2, instance-pools: [{name: workers}], " + rest + "}]"
	}
	nlb := func(rest string) string { return zone("load-balancers: [{name: web, " + rest + "}]") }
	service := func(name string, port int) string {
		return fmt.Sprintf("{name: %s, instance-pool: workers, port: %d, target-port: 30000, healthcheck: {mode: tcp, port: 30000}}", name, port)
	}
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, service(fmt.Sprint("s", i), 80+i))
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"no object":              {"- name: x", "must be an object with the fields zones and keys"},
		"a typo at the top":      {"zone: []", "zone: unknown field: there are zones, keys"},
		"a zone that is a name":  {"zones: [ch-gva-2]", "zones[0]: must be an object"},
		"a zone that isn't":      {"zones: [{name: mars-1}]", `zones[0].name: must be one of ch-gva-2, ch-dk-2, de-fra-1, de-muc-1, at-vie-1, at-vie-2, bg-sof-1, hr-zag-1, is "mars-1"`},
		"a zone twice":           {"zones: [{name: ch-dk-2}, {name: ch-dk-2}]", `zones[1].name: zone "ch-dk-2" is there twice`},
		"a key twice":            {"keys: [{key: k, secret: s}, {key: k, secret: t}]", `keys[1].key: API key "k" is there twice`},
		"a key without a secret": {"keys: [{key: k}]", "keys[0].secret: is required"},
		"an unknown operation":   {"keys: [{key: k, secret: s, operations: [list-zones, fly]}]", `keys[0].operations[1]: "fly" isn't a simulated operation`},
		"an operation that isn't a string": {
			"keys: [{key: k, secret: s, operations: [7]}]", "keys[0].operations[0]: must be a string"},
		"no array":                {"keys: {key: k}", "keys: must be an array"},
		"an unknown quota":        {zone("quotas: {gpu: 1}"), "zones[0].quotas.gpu: unknown field: there are network-load-balancer, instance"},
		"a quota below unlimited": {zone("quotas: {instance: -2}"), "zones[0].quotas.instance: must be from -1 to 2147483648, is -2"},
		"size beside instances": {
			"zones: [{name: ch-gva-2, instance-pools: [{name: w, size: 1, instances: []}]}]",
			"zones[0].instance-pools[0].size: can't be given beside instances"},
		"an address that isn't":      {zone("instances: [{public-ip: 10.0.0}]"), `zones[0].instances[0].public-ip: must be an IPv4 address, is "10.0.0"`},
		"an address of IPv6":         {zone(`instances: [{public-ip: "::1"}]`), "must be an IPv4 address"},
		"an id that isn't":           {zone("instances: [{id: one}]"), `zones[0].instances[0].id: must be a UUID, is "one"`},
		"an id twice":                {zone("instances: [{id: " + id + "}], load-balancers: [{name: web, id: " + id + "}]"), `zones[0].load-balancers[0].id: id "` + id + `" is there twice`},
		"an address twice":           {zone("instances: [{public-ip: 127.0.0.9}, {public-ip: 127.0.0.9}]"), `zones[0].instances[1].public-ip: address "127.0.0.9" is there twice`},
		"a state that isn't":         {zone("instances: [{state: sleepy}]"), `zones[0].instances[0].state: must be one of running, stopped, is "sleepy"`},
		"NLBs of one name":           {zone("load-balancers: [{name: web}, {name: web}]"), `zones[0].load-balancers[1].name: load balancer name "web" is there twice`},
		"a pool that isn't there":    {zone("sks-clusters: [{name: c, nodepools: [{name: n, instance-pool: x}]}]"), `zones[0].sks-clusters[0].nodepools[0].instance-pool: the zone has no instance pool of name or id "x"`},
		"services at one port":       {nlb("services: [" + service("a", 80) + ", " + service("b", 80) + "]"), "zones[0].load-balancers[0].services[1]: "},
		"eleven services":            {nlb("services: [" + strings.Join(eleven, ", ") + "]"), "there can't be more than 10"},
		"no health check":            {nlb("services: [{name: a, instance-pool: workers, port: 1, target-port: 2}]"), "services[0].healthcheck: is required"},
		"a port beyond":              {nlb("services: [" + service("a", 70000) + "]"), "services[0].port: must be from 1 to 65535, is 70000"},
		"a network that isn't there": {zone("instances: [{private-networks: [lan]}]"), `zones[0].instances[0].private-networks: the zone has no private network of name or id "lan"`},
		"a lease of nobody":          {zone("private-networks: [{name: n, leases: [{ip: 10.0.0.1}]}]"), "zones[0].private-networks[0].leases[0].instance-id: is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := exosim.ParseState([]byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEveryFaultOfAStateFileIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := exosim.ParseState([]byte("zones: [{name: mars-1}]\nkeys: [{}]"))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("got %v, want three lines: the zone, the key, its secret", err)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]exosim.Options{
		`zone "mars-1" is none of Exoscale's`:      {Zones: []string{"mars-1"}},
		`zone "ch-gva-2" is given twice`:           {Zones: []string{"ch-gva-2", "ch-gva-2"}},
		"of API key and secret only one is given":  {Key: "k"},
		"operation delay, latency and rate limit":  {OperationDelay: -1},
		"latency and rate limit can't be negative": {Latency: -1},
		"and rate limit can't be negative":         {RateLimit: -1},
	} {
		if _, err := exosim.New(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
