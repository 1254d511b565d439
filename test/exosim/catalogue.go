package exosim

import (
	"net/http"
	"time"
)

// The resources that have quotas, as the API names them.
const (
	quotaLoadBalancers = "network-load-balancer"
	quotaInstances     = "instance"
)

// DefaultInstanceType and DefaultTemplate are what instances have that nothing
// else is said of.
const (
	DefaultInstanceType = "b6cd1ff5-3a2f-4e9d-a4d1-8988c1191fe8"
	DefaultTemplate     = "5f9d2b1a-7a8e-4f0f-9d4e-2c6c6b1f3a77"
)

const gibibyte = 1 << 30

// instanceTypes are the same in every zone.
var instanceTypes = []*InstanceType{
	{ID: "21624abb-764e-4def-81d7-9fc54b5957fb", Family: "standard", Size: "small", CPUs: 2, Memory: 2 * gibibyte, Authorized: true},
	{ID: DefaultInstanceType, Family: "standard", Size: "medium", CPUs: 2, Memory: 4 * gibibyte, Authorized: true},
	{ID: "c6f99499-7f59-4138-9427-a09db13af2bc", Family: "standard", Size: "large", CPUs: 4, Memory: 8 * gibibyte, Authorized: true},
}

var templates = []*Template{{
	ID: DefaultTemplate, Name: "Linux Ubuntu 24.04 LTS 64-bit", Family: "ubuntu", Visibility: "public",
	DefaultUser: "ubuntu", Size: 10 * gibibyte, CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
}}

// healthCheckSources is Exoscale's public security group of the addresses that
// NLB health checks come from.
var healthCheckSources = &SecurityGroup{
	ID: "7a1f9c52-0d5b-4c0e-8b7e-5d0d6f0c2b11", Name: "public-nlb-healthcheck-sources",
	Description: "Sources of NLB health checks", ExternalSources: []string{"127.0.0.0/8"}, Visibility: "public",
}

// defaultSecurityGroup is what every account has.
var defaultSecurityGroup = &SecurityGroup{
	ID: "d2b6a1a4-43f1-4a3b-9b0a-3f5ad7f0a0c1", Name: "default", Description: "Default Security Group", Visibility: "private",
}

// newZoneState is an empty zone: only what is there before anybody made anything.
func newZoneState() *zoneState {
	return &zoneState{
		securityGroups: []*SecurityGroup{defaultSecurityGroup, healthCheckSources},
		limits:         map[string]int64{quotaLoadBalancers: -1, quotaInstances: -1},
	}
}

// instanceType is the type of that id; of an unknown one only the id.
func (s *zoneState) instanceType(id string) InstanceType {
	if found, ok := find(instanceTypes, id); ok {
		return *found
	}
	return InstanceType{ID: id, Family: "standard", Size: "medium", CPUs: 2, Memory: 4 * gibibyte, Authorized: true}
}

func listInstanceTypes(r *request) (any, error) {
	shown := []InstanceType{}
	for _, t := range instanceTypes {
		shown = append(shown, r.showInstanceType(t))
	}
	return map[string]any{"instance-types": shown}, nil
}

func getInstanceType(r *request) (any, error) {
	t, err := named(r, instanceTypes, "instance type")
	if err != nil {
		return nil, err
	}
	return r.showInstanceType(t), nil
}

func (r *request) showInstanceType(t *InstanceType) InstanceType {
	shown := *t
	shown.Zones = r.cloud.order
	return shown
}

func listTemplates(r *request) (any, error) {
	shown := []*Template{}
	visibility := r.query.Get("visibility")
	for _, t := range templates {
		if visibility == "" || visibility == t.Visibility {
			shown = append(shown, t)
		}
	}
	return map[string]any{"templates": shown}, nil
}

func getTemplate(r *request) (any, error) { return named(r, templates, "template") }

func listSecurityGroups(r *request) (any, error) {
	visibility := r.query.Get("visibility")
	if visibility == "" {
		visibility = "private"
	}
	if visibility != "private" && visibility != "public" {
		return nil, refuse(http.StatusBadRequest, "visibility: must be one of private, public, is %q", visibility)
	}
	groups := []*SecurityGroup{}
	for _, group := range r.state.securityGroups {
		if group.Visibility == visibility {
			groups = append(groups, group)
		}
	}
	return map[string]any{"security-groups": groups}, nil
}

func getSecurityGroup(r *request) (any, error) {
	return named(r, r.state.securityGroups, "security group")
}

// named is the item whose id the path names.
func named[T identified](r *request, list []T, kind string) (T, error) {
	var none T
	id, err := r.id("id")
	if err != nil {
		return none, err
	}
	item, found := find(list, id)
	if !found {
		return none, notFound(kind, id)
	}
	return item, nil
}

func (s *zoneState) quota(resource string) Quota {
	q := Quota{Resource: resource, Limit: s.limits[resource]}
	switch resource {
	case quotaLoadBalancers:
		q.Usage = int64(len(s.loadBalancers))
	case quotaInstances:
		q.Usage = int64(len(s.instances))
	}
	return q
}

func (q Quota) exhausted() bool { return q.Limit >= 0 && q.Usage >= q.Limit }

func listQuotas(r *request) (any, error) {
	return map[string]any{"quotas": []Quota{r.state.quota(quotaInstances), r.state.quota(quotaLoadBalancers)}}, nil
}

func getQuota(r *request) (any, error) {
	resource := r.params["entity"]
	if _, known := r.state.limits[resource]; !known {
		return nil, refuse(http.StatusNotFound, "quota %s not found", resource)
	}
	return r.state.quota(resource), nil
}
