//go:build linux

package e2e

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const healthPort, infoPort = 18053, 18054

// handmadeSidecar until the webhook adds it.
func handmadeSidecar() corev1.Container {
	always := corev1.ContainerRestartPolicyAlways
	return corev1.Container{
		Name: v1alpha1.SidecarContainer, Image: image("udp-healthcheck"), ImagePullPolicy: corev1.PullNever,
		Args:          []string{"--injected", "--linger=15s", "--target=9000/probe;payload=text:ping;expect=re2:ping$;interval=200ms;timeout=500ms"},
		RestartPolicy: &always,
		Ports: []corev1.ContainerPort{
			{Name: v1alpha1.SidecarHealthPort, ContainerPort: healthPort},
			{Name: v1alpha1.SidecarInfoPort, ContainerPort: infoPort},
		},
		SecurityContext: application().SecurityContext,
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString(v1alpha1.SidecarInfoPort)}},
			PeriodSeconds: 2, FailureThreshold: 2,
		},
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/udp-healthcheck", "--drain"}}}},
	}
}
