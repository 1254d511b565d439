package projection_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

const mostPorts = 500

// crowded is a Service of so many UDP ports, each of which may have a TCP twin.
func crowded(number int32) projection.Input {
	var all []corev1.ServicePort
	for i := range number {
		all = append(all, udp(i+1, 30000+i))
	}
	return given(ports(all...), annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar))
}

func TestPortsAreLookedAtUpToALimit(t *testing.T) {
	plan := projection.Project(crowded(mostPorts))
	if len(plan.Problems) > 0 || len(plan.PortProblems)+len(plan.Waits)+len(plan.Services) != mostPorts {
		t.Errorf("%v, %d ports refused, %d waiting, %d planned", plan.Problems, len(plan.PortProblems), len(plan.Waits), len(plan.Services))
	}
	in := crowded(mostPorts + 1)
	plan = projection.Project(in)
	if len(plan.Problems) != 1 || plan.Problems[0].Reason != v1alpha1.ReasonServiceLimitReached || !strings.Contains(plan.Problems[0].Message, "501 ports") {
		t.Errorf("%v", plan.Problems)
	}
	if plan.LoadBalancer != nil || plan.Companion != nil || len(plan.Services)+len(plan.PortProblems)+len(plan.Kept) > 0 {
		t.Errorf("something is to be touched: %+v", plan)
	}
	if len(projection.Ports(in.Service)) != mostPorts {
		t.Error("more ports are looked at")
	}
}

// BenchmarkMostPorts tells what the operator spends at most on planning a Service:
//
//	go test -run '^$' -bench MostPorts ./internal/projection
func BenchmarkMostPorts(b *testing.B) {
	in := crowded(mostPorts)
	b.ReportAllocs()
	for b.Loop() {
		projection.Project(in)
	}
}
