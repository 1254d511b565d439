package sidecar_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

func TestResources(t *testing.T) {
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	resources := func(r corev1.ResourceRequirements) func(*sidecar.Input) {
		return pod(func(pod *corev1.Pod) { pod.Spec.Containers[0].Resources = r })
	}
	within := func(kind corev1.LimitType, edit func(*corev1.LimitRangeItem)) func(*sidecar.Input) {
		return func(in *sidecar.Input) {
			item := corev1.LimitRangeItem{Type: kind}
			edit(&item)
			in.LimitRanges = append(in.LimitRanges, corev1.LimitRange{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}}})
		}
	}
	least := func(item *corev1.LimitRangeItem) { item.Min = list("20m", "64Mi") }
	most := func(item *corev1.LimitRangeItem) { item.Max = list("50m", "8Mi") }
	ratio := func(item *corev1.LimitRangeItem) { item.MaxLimitRequestRatio = list("3", "1.5") }
	limits := corev1.ResourceRequirements{Limits: list("1", "1Gi")}
	equal := corev1.ResourceRequirements{Limits: list("1", "1Gi"), Requests: list("1000m", "1024Mi")}
	less := corev1.ResourceRequirements{Limits: list("1", "1Gi"), Requests: list("500m", "1Gi")}
	const burstable, guaranteed = "cpu 5m-100m, memory 16Mi-32Mi", "cpu 50m-50m, memory 32Mi-32Mi"
	for name, tc := range map[string]struct {
		in   sidecar.Input
		want string
	}{
		"a Pod that says nothing":          {given(), burstable},
		"a Pod that asks for less":         {given(resources(less)), burstable},
		"a Pod that is Guaranteed":         {given(resources(equal)), guaranteed},
		"a Pod with limits alone":          {given(resources(limits)), guaranteed},
		"not all containers are":           {given(resources(equal), pod(func(pod *corev1.Pod) { pod.Spec.InitContainers = []corev1.Container{{Name: "init"}} })), burstable},
		"a Pod with resources of its own":  {given(pod(func(pod *corev1.Pod) { pod.Spec.Resources = &limits })), "cpu 0-0, memory 0-0"},
		"containers may not be smaller":    {given(within(corev1.LimitTypeContainer, least)), "cpu 20m-100m, memory 64Mi-64Mi"},
		"containers may not be larger":     {given(within(corev1.LimitTypeContainer, most)), "cpu 5m-50m, memory 8Mi-8Mi"},
		"limits may not be far above":      {given(within(corev1.LimitTypeContainer, ratio)), "cpu 34m-100m, memory 22369622-32Mi"},
		"Guaranteed and not larger":        {given(resources(equal), within(corev1.LimitTypeContainer, most)), "cpu 50m-50m, memory 8Mi-8Mi"},
		"two LimitRanges":                  {given(within(corev1.LimitTypeContainer, least), within(corev1.LimitTypeContainer, ratio)), "cpu 34m-100m, memory 64Mi-64Mi"},
		"limits of whole Pods don't count": {given(within(corev1.LimitTypePod, most)), burstable},
	} {
		t.Run(name, func(t *testing.T) {
			c := sidecar.Decide(tc.in).Container
			if c == nil {
				t.Fatal("no sidecar")
			}
			r := c.Resources
			got := fmt.Sprintf("cpu %s-%s, memory %s-%s", r.Requests.Cpu(), r.Limits.Cpu(), r.Requests.Memory(), r.Limits.Memory())
			if got != tc.want {
				t.Errorf("%s; want %s", got, tc.want)
			}
		})
	}
}
