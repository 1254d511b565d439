package sidecar

import (
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// share is how much of a resource the sidecar asks for, and how much it may have.
type share struct{ request, limit resource.Quantity }

// What it gets in a Pod that is Guaranteed, where both are the same, and in others.
// Both are always set, since quotas may demand that.
var (
	guaranteedShares = map[corev1.ResourceName]share{
		corev1.ResourceCPU:    {resource.MustParse("50m"), resource.MustParse("50m")},
		corev1.ResourceMemory: {resource.MustParse("32Mi"), resource.MustParse("32Mi")},
	}
	burstableShares = map[corev1.ResourceName]share{
		corev1.ResourceCPU:    {resource.MustParse("5m"), resource.MustParse("100m")},
		corev1.ResourceMemory: {resource.MustParse("16Mi"), resource.MustParse("32Mi")},
	}
)

// resources of the sidecar: a Pod that is Guaranteed stays so, and no LimitRange of
// its namespace refuses the Pod because of them. A Pod with resources of its own
// shares these.
func resources(pod *corev1.Pod, ranges []corev1.LimitRange) corev1.ResourceRequirements {
	if pod.Spec.Resources != nil {
		return corev1.ResourceRequirements{}
	}
	shares := burstableShares
	if guaranteed(pod) {
		shares = guaranteedShares
	}
	r := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for name, share := range shares {
		for _, of := range ranges {
			for _, item := range of.Spec.Limits {
				if item.Type == corev1.LimitTypeContainer {
					share = within(item, name, share)
				}
			}
		}
		r.Requests[name], r.Limits[name] = share.request, share.limit
	}
	return r
}

// guaranteed: all containers have limits of CPU and memory, and ask for no less.
func guaranteed(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(containers(pod), func(c corev1.Container) bool {
		for name := range guaranteedShares {
			limit, limited := c.Resources.Limits[name]
			request, requested := c.Resources.Requests[name]
			if !limited || requested && request.Cmp(limit) != 0 {
				return true
			}
		}
		return false
	})
}

// within is a share as near to the given one as a LimitRange allows.
func within(item corev1.LimitRangeItem, name corev1.ResourceName, s share) share {
	if least, has := item.Min[name]; has {
		s = share{larger(s.request, least), larger(s.limit, least)}
	}
	if most, has := item.Max[name]; has {
		s = share{smaller(s.request, most), smaller(s.limit, most)}
	}
	if ratio, has := item.MaxLimitRequestRatio[name]; has && ratio.AsApproximateFloat64() >= 1 {
		s.request = larger(s.request, divided(s.limit, name, ratio.AsApproximateFloat64()))
	}
	return s
}

// divided is rounded up, to thousandths of a CPU, and to bytes.
func divided(q resource.Quantity, name corev1.ResourceName, by float64) resource.Quantity {
	if name == corev1.ResourceCPU {
		return *resource.NewMilliQuantity(int64(math.Ceil(float64(q.MilliValue())/by)), q.Format)
	}
	return *resource.NewQuantity(int64(math.Ceil(float64(q.Value())/by)), q.Format)
}

func larger(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

func smaller(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}
