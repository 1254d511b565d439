package main

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// port is what the cloud is to hold for one port of an object.
type port struct {
	Name        string
	TargetPort  int64
	Pool        string
	Strategy    string
	HealthCheck exosim.HealthCheck
}

func portOf(s exosim.Service) port {
	check := s.HealthCheck
	if check.Mode == "tcp" {
		check.URI = "" // can't be cleared, and means nothing
	}
	return port{Name: s.Name, TargetPort: s.TargetPort, Pool: s.InstancePool.ID, Strategy: s.Strategy, HealthCheck: check}
}

// expected is what docs promise for a port of a Service; nodePorts are read from
// the object, since the API server picks them, and from its companion, if it has one.
func (s *service) expected(object, companion *corev1.Service, key portKey) port {
	nodePorts := map[portKey]int32{}
	for _, p := range object.Spec.Ports {
		nodePorts[portKey{p.Port, p.Protocol}] = p.NodePort
	}
	want := port{Name: serviceName(s.uid, key), TargetPort: int64(nodePorts[key]), Pool: poolA, Strategy: "round-robin"}
	if name, is := s.valid[v1alpha1.AnnotationServiceName]; is && len(s.ports) == 1 {
		want.Name = name
	}
	if pool, is := s.valid[v1alpha1.AnnotationInstancePoolID]; is {
		want.Pool = pool
	}
	if strategy, is := s.valid[v1alpha1.AnnotationStrategy]; is {
		want.Strategy = strategy
	}
	want.HealthCheck = s.expectedCheck(object, companion, key, nodePorts)
	return want
}

func (s *service) expectedCheck(object, companion *corev1.Service, key portKey, nodePorts map[portKey]int32) exosim.HealthCheck {
	annotated, _ := strconv.ParseInt(s.valid[v1alpha1.AnnotationHealthCheckPort], 10, 64)
	twin := nodePorts[portKey{key.number, corev1.ProtocolTCP}]
	check := exosim.HealthCheck{Mode: "http", URI: "/healthz", Interval: 10, Timeout: 5, Retries: 1}
	switch {
	case annotated != 0:
		check.Mode, check.URI, check.Port = "tcp", "/", annotated
	case s.local:
		check.Port = int64(object.Spec.HealthCheckNodePort)
	case twin != 0: // its own, for a TCP port
		check.Mode, check.URI, check.Port = "tcp", "/", int64(twin)
	case s.watched() && companion != nil:
		check.Mode, check.URI, check.Port = "tcp", "/", int64(companion.Spec.Ports[0].NodePort)
	default:
		check.Port = 10256
	}
	if mode, is := s.valid[v1alpha1.AnnotationHealthCheckMode]; is {
		check.Mode = mode
	}
	if uri, is := s.valid[v1alpha1.AnnotationHealthCheckURI]; is {
		check.URI = uri
	}
	if check.Mode == "tcp" {
		check.URI = ""
	}
	if interval, is := s.valid[v1alpha1.AnnotationHealthCheckInterval]; is {
		check.Interval, _ = strconv.ParseInt(strings.TrimSuffix(interval, "s"), 10, 64)
	}
	if retries, is := s.valid[v1alpha1.AnnotationHealthCheckRetries]; is {
		check.Retries, _ = strconv.ParseInt(retries, 10, 64)
	}
	return check
}

// watched tells whether the sidecars are all that tells of a port.
func (s *service) watched() bool {
	_, asked := s.valid[v1alpha1.AnnotationUDPHealthCheck]
	if _, annotated := s.valid[v1alpha1.AnnotationHealthCheckPort]; annotated || !asked || s.local || s.noLoadBalancer {
		return false
	}
	for key := range s.ports {
		if _, twin := s.ports[portKey{key.number, corev1.ProtocolTCP}]; key.protocol == corev1.ProtocolUDP && !twin {
			return true
		}
	}
	return false
}

func (n *nlbService) expected() port {
	want := port{Name: serviceName(n.uid, n.port), TargetPort: int64(n.targetPort), Pool: n.pool, Strategy: "round-robin"}
	if n.cloudName != "" {
		want.Name = n.cloudName
	}
	switch n.strategy {
	case v1alpha1.StrategySourceHash:
		want.Strategy = "source-hash"
	case v1alpha1.StrategyMaglevHash:
		want.Strategy = "maglev-hash"
	}
	want.HealthCheck = exosim.HealthCheck{Mode: "tcp", Port: int64(n.targetPort), Interval: 10, Timeout: 5, Retries: 1}
	if n.path != "" {
		want.HealthCheck.Mode, want.HealthCheck.URI = "http", n.path
	}
	return want
}
