package exosim

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// StateFile is what a cloud holds at the beginning: see docs/exosim.md for the
// format.
type StateFile struct {
	zones []zoneSeed
	keys  []Key
}

// LoadState reads a state file in YAML or JSON. The error names every place
// that is wrong.
func LoadState(path string) (*StateFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	state, err := ParseState(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return state, nil
}

// ParseState is LoadState for what has been read already.
func ParseState(data []byte) (*StateFile, error) {
	document, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, err
	}
	if string(document) == "null" {
		document = []byte("{}") // an empty file
	}
	if document[0] != '{' {
		return nil, errors.New("must be an object with the fields zones and keys")
	}
	var faults []string
	file := &StateFile{}
	top := readObject(document, &faults)
	zones, keys := unique{kind: "zone"}, unique{kind: "API key"}
	given := &givenOnce{ids: unique{kind: "id"}, addresses: unique{kind: "address"}}
	for _, o := range top.list("zones") {
		zone := readZone(o, given)
		zones.add(&faults, o.name("name"), zone.name)
		file.zones = append(file.zones, zone)
	}
	for _, o := range top.list("keys") {
		key := readKey(o)
		keys.add(&faults, o.name("key"), key.Key)
		file.keys = append(file.keys, key)
	}
	top.close()
	if len(faults) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	return file, nil
}

// zoneSeed is one zone of a state file. All ids are there; addresses that the
// file leaves out are given when the zone is made.
type zoneSeed struct {
	name           string
	limits         map[string]int64
	pools          []poolSeed
	instances      []Instance
	clusters       []SKSCluster
	loadBalancers  []LoadBalancer
	securityGroups []SecurityGroup
	networks       []PrivateNetwork
}

// poolSeed is a pool whose instances are either given or counted.
type poolSeed struct {
	InstancePool
	instances []Instance
}

func readZone(o *object, given *givenOnce) zoneSeed {
	seed := zoneSeed{name: value(o.oneOf("name", true, knownZones...)), limits: map[string]int64{}}
	if quotas, found := o.child("quotas", false); found {
		for _, resource := range []string{quotaLoadBalancers, quotaInstances} {
			if limit := quotas.number(resource, false, -1, 1<<31); limit != nil {
				seed.limits[resource] = *limit
			}
		}
		quotas.close()
	}
	for _, n := range o.list("private-networks") {
		seed.networks = append(seed.networks, readNetwork(n, given))
	}
	for _, p := range o.list("instance-pools") {
		seed.pools = append(seed.pools, readPool(p, seed.networks, given))
	}
	for _, i := range o.list("instances") {
		seed.instances = append(seed.instances, readInstance(i, seed.networks, given))
	}
	for _, c := range o.list("sks-clusters") {
		seed.clusters = append(seed.clusters, readCluster(c, seed.pools, given))
	}
	names := unique{kind: "load balancer name"}
	for _, l := range o.list("load-balancers") {
		lb := readLoadBalancer(l, seed.pools, given)
		names.add(o.faults, l.name("name"), lb.Name)
		seed.loadBalancers = append(seed.loadBalancers, lb)
	}
	for _, g := range o.list("security-groups") {
		seed.securityGroups = append(seed.securityGroups, readSecurityGroup(g, given))
	}
	o.close()
	return seed
}

func readPool(o *object, networks []PrivateNetwork, given *givenOnce) poolSeed {
	pool := poolSeed{InstancePool: InstancePool{
		ID:              given.id(o),
		Name:            value(o.text("name", true, 1, 255)),
		Description:     value(o.text("description", false, 0, 255)),
		InstancePrefix:  value(o.text("instance-prefix", false, 1, 30)),
		Labels:          o.labels(anyLabel),
		PrivateNetworks: readNetworkNames(o, networks),
	}}
	size := o.number("size", false, 0, 1000)
	if _, listed := o.fields["instances"]; listed && size != nil {
		o.fault("size", "can't be given beside instances")
	}
	pool.Size = value(size)
	for _, i := range o.list("instances") {
		instance := readInstance(i, networks, given)
		instance.Manager = &Manager{ID: pool.ID, Type: managerPool}
		for _, network := range pool.PrivateNetworks {
			if !instance.isIn(network.ID) {
				instance.PrivateNetworks = append(instance.PrivateNetworks, InstancePrivateNetwork{ID: network.ID})
			}
		}
		pool.instances = append(pool.instances, instance)
	}
	o.close()
	return pool
}

func readInstance(o *object, networks []PrivateNetwork, given *givenOnce) Instance {
	instance := Instance{
		ID:          given.id(o),
		Name:        value(o.text("name", false, 1, 255)),
		PublicIP:    given.address(o, "public-ip"),
		IPv6Address: value(o.text("ipv6-address", false, 1, 64)),
		Labels:      o.labels(anyLabel),
		UserData:    value(o.text("user-data", false, 1, 32768)),
		State:       value(o.oneOf("state", false, StateRunning, StateStopped)),
	}
	for _, network := range readNetworkNames(o, networks) {
		instance.PrivateNetworks = append(instance.PrivateNetworks, InstancePrivateNetwork{ID: network.ID})
	}
	o.close()
	return instance
}

func readCluster(o *object, pools []poolSeed, given *givenOnce) SKSCluster {
	cluster := SKSCluster{
		ID:          given.id(o),
		Name:        value(o.text("name", true, 1, 255)),
		Description: value(o.text("description", false, 0, 255)),
		Version:     value(o.text("version", false, 1, 255)),
		Level:       value(o.oneOf("level", false, "starter", "pro")),
		CNI:         value(o.oneOf("cni", false, "calico", "cilium")),
		Endpoint:    value(o.text("endpoint", false, 1, 255)),
		Addons:      o.texts("addons", false),
		Labels:      o.labels(anyLabel),
	}
	for _, n := range o.list("nodepools") {
		cluster.Nodepools = append(cluster.Nodepools, SKSNodepool{
			ID:           given.id(n),
			Name:         value(n.text("name", true, 1, 255)),
			Description:  value(n.text("description", false, 0, 255)),
			Labels:       n.labels(anyLabel),
			InstancePool: Ref{ID: readPoolName(n, pools)},
		})
		n.close()
	}
	o.close()
	return cluster
}

func readLoadBalancer(o *object, pools []poolSeed, given *givenOnce) LoadBalancer {
	lb := LoadBalancer{
		ID:          given.id(o),
		Name:        value(o.text("name", true, 1, 255)),
		Description: value(o.text("description", false, 0, 255)),
		Labels:      o.labels(anyLabel),
		IP:          given.address(o, "ip"),
	}
	for i, s := range o.list("services") {
		service := readSeedService(s, pools, given)
		if err := fitsBeside(&lb, service); err != nil {
			s.fault("", "%s", err)
		}
		if i == maxServices {
			o.fault("services", "there can't be more than %d", maxServices)
		}
		lb.Services = append(lb.Services, service)
	}
	o.close()
	return lb
}

func readSeedService(o *object, pools []poolSeed, given *givenOnce) Service {
	service := Service{
		ID:           given.id(o),
		Name:         value(o.text("name", true, 1, 255)),
		Description:  value(o.text("description", false, 0, 255)),
		InstancePool: PoolRef{ID: readPoolName(o, pools)},
		Protocol:     "tcp", Strategy: "round-robin",
		Port:       value(o.number("port", true, 1, maxPort)),
		TargetPort: value(o.number("target-port", true, 1, maxPort)),
	}
	set(&service.Protocol, o.oneOf("protocol", false, "tcp", "udp"))
	set(&service.Strategy, o.oneOf("strategy", false, "round-robin", "maglev-hash", "source-hash"))
	if check, given := o.child("healthcheck", true); given {
		service.HealthCheck = *readHealthCheck(check)
	}
	o.close()
	return service
}

// readPoolName reads a pool's name or id and gives its id.
func readPoolName(o *object, pools []poolSeed) string {
	given := o.text("instance-pool", true, 1, 255)
	if given == nil {
		return ""
	}
	for _, pool := range pools {
		if pool.Name == *given || pool.ID == *given {
			return pool.ID
		}
	}
	o.fault("instance-pool", "the zone has no instance pool of name or id %q", *given)
	return ""
}

func readSecurityGroup(o *object, given *givenOnce) SecurityGroup {
	group := SecurityGroup{
		ID:              given.id(o),
		Name:            value(o.text("name", true, 1, 255)),
		Description:     value(o.text("description", false, 0, 255)),
		ExternalSources: o.texts("external-sources", false),
		Visibility:      "private",
	}
	set(&group.Visibility, o.oneOf("visibility", false, "private", "public"))
	o.close()
	return group
}

func readKey(o *object) Key {
	key := Key{
		Key:        value(o.text("key", true, 1, 255)),
		Secret:     value(o.text("secret", true, 1, 255)),
		Operations: o.texts("operations", false),

		Organization: readOrganization(o),
	}
	for i, operation := range key.Operations {
		if !isOperation(operation) {
			o.fault(fmt.Sprintf("operations[%d]", i), "%q isn't a simulated operation", operation)
		}
	}
	o.close()
	return key
}
