package sidecar

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Input is what is known when a Pod is about to be created. Nothing of it is changed.
type Input struct {
	Pod *corev1.Pod
	// Namespace of the Pod; nil if it isn't known.
	Namespace *corev1.Namespace
	// Services and LimitRanges of that namespace, in any order.
	Services    []corev1.Service
	LimitRanges []corev1.LimitRange
	// Image of the sidecar.
	Image string
}

// Decision about a Pod.
type Decision struct {
	// Container is to be added behind the Pod's other init containers; nil: the
	// Pod stays as it is.
	//
	// Last, because then the others run as if it weren't there, and it is the
	// first of the sidecars to be stopped, once the application has ended.
	Container *corev1.Container
	// Reason why there is no Container; empty if there is one.
	Reason string
	// Warnings are for whoever makes the Pod: sentences of at most 256 bytes,
	// which is what an API server passes on. None if nobody asked for a sidecar.
	Warnings []string
}

// Decide tells whether a Pod gets a sidecar, and which.
func Decide(in Input) Decision {
	asking := asking(in)
	if !asked(in, asking) {
		return Decision{Reason: "nobody asks for it"}
	}
	for _, rule := range untouched {
		if reason := rule.finds(in.Pod); reason != "" {
			return refused(rule.told, reason)
		}
	}
	targets, notes := targets(in.Pod, asking)
	if len(targets) == 0 {
		return refused(true, notes...)
	}
	return Decision{Container: container(in, targets, linger(asking)), Warnings: warnings("UDP health-check sidecar: ", notes)}
}

func refused(told bool, reasons ...string) Decision {
	d := Decision{Reason: brief.Sentences(reasons, "; ")}
	if told {
		d.Warnings = warnings("no UDP health-check sidecar: ", reasons)
	}
	return d
}

// asked: the Pod's label does, or its namespace's together with a Service. A Pod
// whose label says something else than "true" doesn't want it.
func asked(in Input, asking []*corev1.Service) bool {
	if label, has := in.Pod.Labels[v1alpha1.LabelUDPHealthCheck]; has {
		return label == "true"
	}
	return in.Namespace != nil && in.Namespace.Labels[v1alpha1.LabelUDPHealthCheckInjection] == "enabled" && len(asking) > 0
}

// maxWarning is in bytes; an API server cuts what is longer.
const maxWarning = 256

func warnings(about string, notes []string) []string {
	var all []string
	for _, note := range notes {
		all = append(all, brief.Cut(about+note, maxWarning))
	}
	return all
}
