package sidecar

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// untouched are the rules by which a Pod stays as it is although somebody asks for
// a sidecar. The first that finds something counts.
var untouched = []struct {
	// finds gives the reason; empty: the Pod isn't of that kind.
	finds func(*corev1.Pod) string
	// told: whoever makes the Pod should know, since they can do something about it.
	told bool
}{
	{hasSidecar, false},   // it has one already: made by hand, or by an earlier call
	{isMirror, false},     // a kubelet's copy of a static Pod has to be what the kubelet runs
	{isEnding, false},     // it starts no container any more
	{isCrowded, true},     // finding out about each of its ports would take too long
	{isCrowded, true},     // finding out about each of its ports would take too long
	{isOfJob, true},       // it does its work and ends, and serves nobody
	{isOnWindows, true},   // the sidecar is a program for Linux
	{isOnHost, true},      // the sidecar's ports would be the node's
	{hasHealthPort, true}, // two ports of that name, and the wrong one might be probed
}

// containers of the Pod, but for ephemeral ones; those of an application come first,
// as when Kubernetes looks for a port by its name.
func containers(pod *corev1.Pod) []corev1.Container {
	return slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers)
}

func hasSidecar(pod *corev1.Pod) string {
	if slices.ContainsFunc(containers(pod), func(c corev1.Container) bool { return c.Name == v1alpha1.SidecarContainer }) {
		return "it has a container " + v1alpha1.SidecarContainer + " already"
	}
	return ""
}

// Annotations by which a kubelet marks what it knows of its Pods.
const (
	annotationMirror = "kubernetes.io/config.mirror"
	annotationSource = "kubernetes.io/config.source"
)

func isMirror(pod *corev1.Pod) string {
	_, mirror := pod.Annotations[annotationMirror]
	if source, has := pod.Annotations[annotationSource]; mirror || has && source != "api" {
		return "it is a static Pod of a node"
	}
	return ""
}

func isEnding(pod *corev1.Pod) string {
	if !pod.DeletionTimestamp.IsZero() || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return "it has ended, or is about to"
	}
	return ""
}

// maxPorts that the containers of a Pod may name, and maxContainers that it may have.
// No real Pod comes near.
const maxPorts, maxContainers = 1000, 1000

func isCrowded(pod *corev1.Pod) string {
	all, count := containers(pod), 0
	for i := range all {
		count += len(all[i].Ports)
	}
	if count > maxPorts || len(all) > maxContainers {
		return fmt.Sprintf("the Pod has %d containers with %d ports, and no more than %d with %d are looked at", len(all), count, maxContainers, maxPorts)
	}
	return ""
}

func isOfJob(pod *corev1.Pod) string {
	for _, owner := range pod.OwnerReferences {
		if owner.Kind == "Job" && strings.HasPrefix(owner.APIVersion, "batch/") {
			return fmt.Sprintf("the Pod belongs to Job %s, and what a Job runs serves nobody; take the labels off that ask for a sidecar, or run it as a Deployment", owner.Name)
		}
	}
	return ""
}

func isOnWindows(pod *corev1.Pod) string {
	if os := pod.Spec.OS; os != nil && os.Name == corev1.Windows || pod.Spec.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows) {
		return "the Pod is for Windows, and the sidecar runs on Linux only; take the labels off that ask for it"
	}
	return ""
}

func isOnHost(pod *corev1.Pod) string {
	if pod.Spec.HostNetwork && pod.Annotations[v1alpha1.AnnotationUDPHealthCheckHostNetwork] != "true" {
		return "the Pod is on its node's network, whose ports the sidecar would take; if it may, annotate the Pod " +
			v1alpha1.AnnotationUDPHealthCheckHostNetwork + `: "true"`
	}
	return ""
}

func hasHealthPort(pod *corev1.Pod) string {
	for _, c := range containers(pod) {
		for _, port := range c.Ports {
			if port.Name == v1alpha1.SidecarHealthPort {
				return fmt.Sprintf("container %s has a port named %s, which has to be the sidecar's; give it another name", c.Name, port.Name)
			}
		}
	}
	return ""
}
