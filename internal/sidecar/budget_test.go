package sidecar_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

// servicesOf are so many that ask for the Pod, with so many ports each.
func servicesOf(count, ports int, probe string) func(*sidecar.Input) {
	return func(in *sidecar.Input) {
		var all []intstr.IntOrString
		for i := range ports {
			all = append(all, number(i+1))
		}
		for i := range count {
			service(fmt.Sprintf("s-%03d", i), how(probe), all...)(in)
		}
	}
}

// portsOf adds so many TCP ports to the Pod, from that of a sidecar on.
func portsOf(count int) func(*sidecar.Input) {
	return pod(func(pod *corev1.Pod) {
		for i := range count {
			pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{ContainerPort: 18053 + int32(i), Protocol: corev1.ProtocolTCP})
		}
	})
}

// crowds are Pods and Services of which there may be no more.
var crowds = map[string]struct {
	in      sidecar.Input
	refused string // empty: the Pod gets a sidecar
}{
	"as many ports of the Pod as may be":     {given(portsOf(998)), ""},
	"more ports of the Pod":                  {given(portsOf(300_000)), "the Pod has 1 containers with 300002 ports"},
	"as many Services as may be":             {given(servicesOf(100, 32, "dns")), ""},
	"more Services":                          {given(servicesOf(101, 1, "dns")), "101 Services ask for it"},
	"more ports of a Service":                {given(servicesOf(1, 501, "dns")), "Service s-000 has 501 ports"},
	"as many Services and ports as may be":   {given(servicesOf(100, 500, "dns")), "there are 500 ports to watch; at most 32 are allowed"},
	"Services that name ports which are not": {given(servicesOf(100, 32, "nowhere/dns")), "names port nowhere"},
	"each Service right, together too much": {given(pod(func(*corev1.Pod) {}), service("a", how(classes(16)), number(1)), service("b", how(classes(15)), number(1))),
		"the regular expressions here name too many characters"},
}

func classes(count int) string {
	return fmt.Sprintf("probe;payload=text:a;expect=re2:%s", strings.Repeat(`\\pL`, count))
}

func TestCrowdsAreBounded(t *testing.T) {
	for name, tc := range crowds {
		t.Run(name, func(t *testing.T) {
			var got sidecar.Decision
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got = sidecar.Decide(tc.in)
			runtime.ReadMemStats(&after)
			if (got.Container == nil) != (tc.refused != "") || !strings.Contains(got.Reason, tc.refused) {
				t.Errorf("a sidecar: %t, since %.300q; want a reason with %q", got.Container != nil, got.Reason, tc.refused)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
				t.Errorf("it took %d KiB", took>>10)
			}
			if len(got.Warnings) > 10 {
				t.Errorf("%d warnings", len(got.Warnings))
			}
		})
	}
}

// BenchmarkCrowds tells what deciding about a Pod takes at most:
//
//	go test -run '^$' -bench Crowds ./internal/sidecar
func BenchmarkCrowds(b *testing.B) {
	for name, tc := range crowds {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sidecar.Decide(tc.in)
			}
		})
	}
}
