package exosim

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"
)

// route is an operation of the API.
type route struct {
	operation string // operationId
	method    string
	// pattern's segments may be parameters, {id}, with an action after them,
	// {id}:scale.
	pattern  string
	unsigned bool
	serve    func(*request) (any, error)
}

// routes are the operations that are simulated.
var routes = []route{
	{operation: "list-zones", method: "GET", pattern: "zone", unsigned: true, serve: listZones},
	{operation: "get-operation", method: "GET", pattern: "operation/{id}", serve: getOperation},

	{operation: "list-load-balancers", method: "GET", pattern: "load-balancer", serve: listLoadBalancers},
	{operation: "create-load-balancer", method: "POST", pattern: "load-balancer", serve: createLoadBalancer},
	{operation: "get-load-balancer", method: "GET", pattern: "load-balancer/{id}", serve: getLoadBalancer},
	{operation: "update-load-balancer", method: "PUT", pattern: "load-balancer/{id}", serve: updateLoadBalancer},
	{operation: "delete-load-balancer", method: "DELETE", pattern: "load-balancer/{id}", serve: deleteLoadBalancer},
	{operation: "reset-load-balancer-field", method: "DELETE", pattern: "load-balancer/{id}/{field}", serve: resetLoadBalancerField},

	{operation: "add-service-to-load-balancer", method: "POST", pattern: "load-balancer/{id}/service", serve: addService},
	{operation: "get-load-balancer-service", method: "GET", pattern: "load-balancer/{id}/service/{service-id}", serve: getService},
	{operation: "update-load-balancer-service", method: "PUT", pattern: "load-balancer/{id}/service/{service-id}", serve: updateService},
	{operation: "delete-load-balancer-service", method: "DELETE", pattern: "load-balancer/{id}/service/{service-id}", serve: deleteService},
	{operation: "reset-load-balancer-service-field", method: "DELETE", pattern: "load-balancer/{id}/service/{service-id}/{field}", serve: resetServiceField},

	{operation: "list-instance-pools", method: "GET", pattern: "instance-pool", serve: listPools},
	{operation: "get-instance-pool", method: "GET", pattern: "instance-pool/{id}", serve: getPool},
	{operation: "scale-instance-pool", method: "PUT", pattern: "instance-pool/{id}:scale", serve: scalePool},
	{operation: "evict-instance-pool-members", method: "PUT", pattern: "instance-pool/{id}:evict", serve: evictFromPool},
	{operation: "delete-instance-pool", method: "DELETE", pattern: "instance-pool/{id}", serve: deletePool},

	{operation: "list-instances", method: "GET", pattern: "instance", serve: listInstances},
	{operation: "get-instance", method: "GET", pattern: "instance/{id}", serve: getInstance},
	{operation: "update-instance", method: "PUT", pattern: "instance/{id}", serve: updateInstance},
	{operation: "start-instance", method: "PUT", pattern: "instance/{id}:start", serve: startInstance},
	{operation: "stop-instance", method: "PUT", pattern: "instance/{id}:stop", serve: stopInstance},

	{operation: "get-reverse-dns-instance", method: "GET", pattern: "reverse-dns/instance/{id}", serve: getReverseDNS},
	{operation: "update-reverse-dns-instance", method: "POST", pattern: "reverse-dns/instance/{id}", serve: updateReverseDNS},
	{operation: "delete-reverse-dns-instance", method: "DELETE", pattern: "reverse-dns/instance/{id}", serve: deleteReverseDNS},

	{operation: "list-instance-types", method: "GET", pattern: "instance-type", serve: listInstanceTypes},
	{operation: "get-instance-type", method: "GET", pattern: "instance-type/{id}", serve: getInstanceType},
	{operation: "list-templates", method: "GET", pattern: "template", serve: listTemplates},
	{operation: "get-template", method: "GET", pattern: "template/{id}", serve: getTemplate},

	{operation: "list-sks-clusters", method: "GET", pattern: "sks-cluster", serve: listClusters},
	{operation: "get-sks-cluster", method: "GET", pattern: "sks-cluster/{id}", serve: getCluster},
	{operation: "get-sks-nodepool", method: "GET", pattern: "sks-cluster/{id}/nodepool/{sks-nodepool-id}", serve: getNodepool},
	{operation: "scale-sks-nodepool", method: "PUT", pattern: "sks-cluster/{id}/nodepool/{sks-nodepool-id}:scale", serve: scaleNodepool},
	{operation: "evict-sks-nodepool-members", method: "PUT", pattern: "sks-cluster/{id}/nodepool/{sks-nodepool-id}:evict", serve: evictFromNodepool},

	{operation: "list-security-groups", method: "GET", pattern: "security-group", serve: listSecurityGroups},
	{operation: "get-security-group", method: "GET", pattern: "security-group/{id}", serve: getSecurityGroup},
	{operation: "list-private-networks", method: "GET", pattern: "private-network", serve: listPrivateNetworks},
	{operation: "get-private-network", method: "GET", pattern: "private-network/{id}", serve: getPrivateNetwork},
	{operation: "attach-instance-to-private-network", method: "PUT", pattern: "private-network/{id}:attach", serve: attachToNetwork},
	{operation: "detach-instance-from-private-network", method: "PUT", pattern: "private-network/{id}:detach", serve: detachFromNetwork},
	{operation: "update-private-network-instance-ip", method: "PUT", pattern: "private-network/{id}:update-ip", serve: updateNetworkIP},
	{operation: "list-quotas", method: "GET", pattern: "quota", serve: listQuotas},
	{operation: "get-quota", method: "GET", pattern: "quota/{entity}", serve: getQuota},
}

// operationsTable is the list of all operations of the API.
//
//go:embed operations.txt
var operationsTable string

// unsupported are the operations of the API that aren't simulated. They are answered
// with 501: their client is right, and what it asks for isn't here.
var unsupported = readUnsupported()

func readUnsupported() (all []route) {
	for line := range strings.Lines(operationsTable) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" && !isOperation(fields[2]) {
			all = append(all, route{method: fields[0], pattern: fields[1], operation: fields[2]})
		}
	}
	return all
}

// match finds the route of a path below /v2/.
func match(method, path string) (route, map[string]string, error) {
	otherMethod := false
	for _, r := range routes {
		if params, fits := r.fits(path); fits {
			if r.method == method {
				return r, params, nil
			}
			otherMethod = true
		}
	}
	for _, r := range unsupported {
		if _, fits := r.fits(path); fits && r.method == method {
			return route{}, nil, refuse(http.StatusNotImplemented, "operation %s (%s /%s) isn't simulated", r.operation, method, r.pattern)
		}
	}
	if otherMethod {
		return route{}, nil, refuse(http.StatusMethodNotAllowed, "%s isn't allowed on /%s", method, path)
	}
	return route{}, nil, refuse(http.StatusNotFound, "nothing known at /%s", path)
}

// Operations are the ids of the operations that are simulated.
func Operations() []string {
	var ids []string
	for _, r := range routes {
		ids = append(ids, r.operation)
	}
	return ids
}

// isOperation tells whether the operation of that id is simulated.
func isOperation(id string) bool {
	return slices.ContainsFunc(routes, func(r route) bool { return r.operation == id })
}

// fits tells whether the path fits the pattern, and its parameters.
func (r route) fits(path string) (map[string]string, bool) {
	if strings.Count(path, "/") != strings.Count(r.pattern, "/") {
		return nil, false
	}
	params := map[string]string{}
	want := strings.Split(r.pattern, "/")
	for i, got := range strings.Split(path, "/") {
		name, action, isParam := paramOf(want[i])
		switch {
		case !isParam && got != want[i]:
			return nil, false
		case !isParam:
			continue
		}
		value, found := strings.CutSuffix(got, action)
		if !found || value == "" || strings.Contains(value, ":") {
			return nil, false
		}
		params[name] = value
	}
	return params, true
}

// paramOf splits a segment like {id}:scale into id and :scale.
func paramOf(segment string) (name, action string, isParam bool) {
	inner, isParam := strings.CutPrefix(segment, "{")
	name, action, _ = strings.Cut(inner, "}")
	return name, action, isParam
}

func listZones(r *request) (any, error) {
	type zone struct {
		Name        string `json:"name"`
		APIEndpoint string `json:"api-endpoint"`
	}
	var zones []zone
	for _, name := range r.cloud.order {
		zones = append(zones, zone{Name: name, APIEndpoint: r.cloud.Endpoint(r.base, name)})
	}
	return map[string]any{"zones": zones}, nil
}
