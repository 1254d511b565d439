package nlb

import (
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
		Held:             Held(object),
		AppliedLabelKeys: object.Status.AppliedLabelKeys,
		Adopting:         object.Status.Adopted,
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
	switch {
	case check.Mode == ProbeTCP:
		check.Path = "" // Exoscale can't clear what the mode has no use for
	case check.Path == "":
		check.Path = "/"
	}
	if check.Mode != ProbeHTTPS {
		check.TLSServerName = ""
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
