package nlb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// The schema refuses most of what is wrong here. The operator checks again: an
// object may be older than the schema, or have come past it.

const maxPort = 65535

// InvalidLoadBalancer says what in a spec isn't allowed; empty if nothing.
// serviceUID is as in Claim.
func InvalidLoadBalancer(object *v1alpha1.NetworkLoadBalancer, serviceUID string) string {
	spec := object.Spec
	switch {
	case spec.ManagementPolicy == v1alpha1.External && spec.ID == "" && spec.Name == "":
		return "managementPolicy External needs spec.id or spec.name of an existing NLB"
	case NameReserved(spec.Name, string(object.UID), serviceUID):
		return reserved(spec.Name)
	case spec.ID != "" && Held(object) && object.Status.ID != spec.ID:
		return fmt.Sprintf("spec.id is %s, but this object's NLB is %s already and can't be exchanged; create another NetworkLoadBalancer for the other", spec.ID, object.Status.ID)
	}
	if allowed := spec.AllowedNamespaces; allowed != nil && allowed.Selector != nil {
		if _, err := metav1.LabelSelectorAsSelector(allowed.Selector); err != nil {
			return fmt.Sprintf("spec.allowedNamespaces.selector: %s; correct it", err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(spec.Labels)) {
		if strings.HasPrefix(key, v1alpha1.Prefix) {
			return fmt.Sprintf("spec.labels: %q is reserved: labels that begin with %s are the operator's; remove it", key, v1alpha1.Prefix)
		}
	}
	return ""
}

func reserved(name string) string {
	return fmt.Sprintf("spec.name %q is reserved: names that begin with %s, hold the UID of another object, or are %s<UID> are the operator's; choose another name", name, ReservedNamePrefix, probeNamePrefix)
}

// InvalidService says what in a spec isn't allowed; empty if nothing. ownUIDs
// are as in ServiceClaim.
func InvalidService(object *v1alpha1.NLBService, ownUIDs []string) string {
	spec := object.Spec
	targets := 0
	for _, set := range []bool{spec.Target.InstancePoolID != "", spec.Target.InstancePoolName != "", spec.Target.SKSNodepool != nil, spec.Target.NodeSelector != nil} {
		if set {
			targets++
		}
	}
	_, strategy := strategies[spec.Strategy]
	switch {
	case targets != 1:
		return "spec.target: exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set"
	case NameReserved(spec.Name, ownUIDs...):
		return reserved(spec.Name)
	case spec.Protocol != "" && spec.Protocol != v1alpha1.ProtocolTCP && spec.Protocol != v1alpha1.ProtocolUDP:
		return fmt.Sprintf("spec.protocol %q must be TCP or UDP", spec.Protocol)
	case !strategy:
		return fmt.Sprintf("spec.strategy %q must be RoundRobin, SourceHash or MaglevHash", spec.Strategy)
	case spec.Port < 1 || spec.Port > maxPort:
		return fmt.Sprintf("spec.port %d must be from 1 to %d", spec.Port, maxPort)
	case spec.TargetPort < 1 || spec.TargetPort > maxPort:
		return fmt.Sprintf("spec.targetPort %d must be from 1 to %d", spec.TargetPort, maxPort)
	default:
		return invalidHealthCheck(spec.HealthCheck, wantedHealthCheck(spec.HealthCheck, spec.TargetPort))
	}
}

// invalidHealthCheck judges the spec, and what it comes to with its defaults.
func invalidHealthCheck(spec v1alpha1.HealthCheck, check HealthCheck) string {
	switch {
	case check.Mode != ProbeTCP && check.Mode != ProbeHTTP && check.Mode != ProbeHTTPS:
		return fmt.Sprintf("spec.healthCheck.mode %q must be TCP, HTTP or HTTPS", spec.Mode)
	case check.Port < 1 || check.Port > maxPort:
		return fmt.Sprintf("spec.healthCheck.port %d must be from 1 to %d", check.Port, maxPort)
	case check.Mode == ProbeTCP && spec.Path != "":
		return fmt.Sprintf("spec.healthCheck.path %q is allowed only with mode HTTP or HTTPS", spec.Path)
	case check.Path != "" && !strings.HasPrefix(check.Path, "/"):
		return fmt.Sprintf("spec.healthCheck.path %q must begin with a slash", spec.Path)
	case check.Mode != ProbeHTTPS && spec.TLSServerName != "":
		return fmt.Sprintf("spec.healthCheck.tlsServerName %q is allowed only with mode HTTPS", spec.TLSServerName)
	case check.Retries < 1 || check.Retries > 20:
		return fmt.Sprintf("spec.healthCheck.retries %d must be from 1 to 20", check.Retries)
	case outside(check.Interval, 5, 300):
		return fmt.Sprintf("spec.healthCheck.interval %s must be whole seconds from 5s to 5m", check.Interval)
	case outside(check.Timeout, 2, 60):
		return fmt.Sprintf("spec.healthCheck.timeout %s must be whole seconds from 2s to 1m", check.Timeout)
	case check.Timeout > check.Interval:
		return fmt.Sprintf("spec.healthCheck.timeout %s must not be longer than interval %s", check.Timeout, check.Interval)
	default:
		return ""
	}
}

func outside(d time.Duration, least, most int64) bool {
	return d%time.Second != 0 || d < time.Duration(least)*time.Second || d > time.Duration(most)*time.Second
}
