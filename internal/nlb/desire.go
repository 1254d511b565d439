package nlb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// WantedLoadBalancer is what the cloud is to hold for a NetworkLoadBalancer.
func WantedLoadBalancer(object *v1alpha1.NetworkLoadBalancer, claim Claim) LoadBalancerWant {
	spec := object.Spec
	name := spec.Name
	if name == "" && spec.ID == "" {
		name = LoadBalancerNameOf(object.Namespace, object.Name, string(object.UID))
	}
	labels := maps.Clone(spec.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, claim.Labels())
	return LoadBalancerWant{
		Deleting:         !object.DeletionTimestamp.IsZero(),
		Retain:           object.EffectiveDeletionPolicy() == v1alpha1.DeletionRetain,
		External:         spec.ManagementPolicy == v1alpha1.External,
		ID:               spec.ID,
		Attributes:       LoadBalancerAttributes{Name: name, Description: spec.Description, Labels: labels},
		KeepsUnset:       spec.ID != "",
		AppliedLabelKeys: object.Status.AppliedLabelKeys,
	}
}

// WantedLabelKeys are the keys of the labels that the user and the operator put
// on an NLB, sorted.
func (w LoadBalancerWant) WantedLabelKeys() []string {
	return slices.Sorted(maps.Keys(w.Attributes.Labels))
}

// WantedService is what the cloud is to hold for an NLBService whose target has
// been resolved to a pool. ownUID is the UID that its derived name carries: its own.
func WantedService(object *v1alpha1.NLBService, instancePoolID string) ServiceAttributes {
	spec := object.Spec
	protocol := Protocol(strings.ToLower(string(spec.Protocol)))
	name := spec.Name
	if name == "" {
		name = ServiceName(string(object.UID), spec.Port, protocol)
	}
	return ServiceAttributes{
		Name: name, Description: spec.Description, InstancePoolID: instancePoolID,
		Protocol: protocol, Port: spec.Port, TargetPort: spec.TargetPort,
		Strategy:    strategies[spec.Strategy],
		HealthCheck: wantedHealthCheck(spec.HealthCheck, spec.TargetPort),
	}
}

var strategies = map[v1alpha1.Strategy]Strategy{
	"":                          RoundRobin,
	v1alpha1.StrategyRoundRobin: RoundRobin,
	v1alpha1.StrategySourceHash: SourceHash,
	v1alpha1.StrategyMaglevHash: MaglevHash,
}

// The defaults of a health check, as in the schema of NLBService.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 5 * time.Second
	defaultRetries  = 1
)

func wantedHealthCheck(spec v1alpha1.HealthCheck, targetPort int32) HealthCheck {
	check := HealthCheck{
		Mode: HealthCheckMode(strings.ToLower(string(spec.Mode))), Port: spec.Port, Path: spec.Path,
		Interval: defaultInterval, Timeout: defaultTimeout, Retries: spec.Retries, TLSServerName: spec.TLSServerName,
	}
	if check.Mode == "" {
		check.Mode = ProbeTCP
	}
	if check.Port == 0 {
		check.Port = targetPort
	}
	if check.Mode != ProbeTCP && check.Path == "" {
		check.Path = "/"
	}
	if spec.Interval != nil {
		check.Interval = spec.Interval.Duration
	}
	if spec.Timeout != nil {
		check.Timeout = spec.Timeout.Duration
	}
	if check.Retries == 0 {
		check.Retries = defaultRetries
	}
	return check
}

// InvalidLoadBalancer says what in a spec isn't allowed, though the schema may
// let it pass; empty if nothing. serviceUID is as in Claim.
func InvalidLoadBalancer(object *v1alpha1.NetworkLoadBalancer, serviceUID string) string {
	spec := object.Spec
	switch {
	case spec.ManagementPolicy == v1alpha1.External && spec.ID == "" && spec.Name == "":
		return "managementPolicy External needs spec.id or spec.name of an existing NLB"
	case NameReserved(spec.Name, string(object.UID), serviceUID):
		return fmt.Sprintf("spec.name %q is reserved: names that begin with %s or hold the UID of another object are the operator's; choose another name", spec.Name, ReservedNamePrefix)
	}
	for key := range spec.Labels {
		if strings.HasPrefix(key, v1alpha1.Prefix) {
			return fmt.Sprintf("spec.labels: %q is reserved: labels that begin with %s are the operator's", key, v1alpha1.Prefix)
		}
	}
	return ""
}

// InvalidService says what in a spec isn't allowed, though the schema may let it
// pass; empty if nothing. ownUIDs are as in ServiceClaim.
func InvalidService(object *v1alpha1.NLBService, ownUIDs []string) string {
	spec := object.Spec
	set := 0
	for _, is := range []bool{spec.Target.InstancePoolID != "", spec.Target.InstancePoolName != "", spec.Target.SKSNodepool != nil, spec.Target.NodeSelector != nil} {
		if is {
			set++
		}
	}
	check := wantedHealthCheck(spec.HealthCheck, spec.TargetPort)
	switch {
	case set != 1:
		return "spec.target: exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set"
	case NameReserved(spec.Name, ownUIDs...):
		return fmt.Sprintf("spec.name %q is reserved: names that begin with %s or hold the UID of another object are the operator's; choose another name", spec.Name, ReservedNamePrefix)
	case outside(check.Interval, 5, 300):
		return fmt.Sprintf("spec.healthCheck.interval %s must be whole seconds from 5s to 5m", check.Interval)
	case outside(check.Timeout, 2, 60):
		return fmt.Sprintf("spec.healthCheck.timeout %s must be whole seconds from 2s to 1m", check.Timeout)
	case check.Timeout > check.Interval:
		return fmt.Sprintf("spec.healthCheck.timeout %s must not be longer than interval %s", check.Timeout, check.Interval)
	}
	return ""
}

func outside(d time.Duration, least, most int64) bool {
	return d%time.Second != 0 || d < time.Duration(least)*time.Second || d > time.Duration(most)*time.Second
}
