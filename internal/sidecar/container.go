package sidecar

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// program is where the sidecar's image has it. The operator's image has it, too.
const program = "/udp-healthcheck"

// container is the sidecar of a Pod: it starts after the other init containers,
// runs beside the application and ends after it. It has no startup probe, for
// which the application would have to wait.
func container(in Input, targets []udpprobe.Target, linger time.Duration) *corev1.Container {
	health := free(in.Pod, healthPort)
	info := free(in.Pod, infoPort, health)
	healthFlag := "--health-port=" + strconv.Itoa(int(health))
	args := []string{"--injected", healthFlag, "--info-port=" + strconv.Itoa(int(info)), "--linger=" + linger.String()}
	for _, target := range targets {
		args = append(args, "--target="+literal(target.String()))
	}
	return &corev1.Container{
		Name:          v1alpha1.SidecarContainer,
		Image:         in.Image,
		Command:       []string{program},
		Args:          args,
		RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways),
		Ports: []corev1.ContainerPort{
			{Name: v1alpha1.SidecarHealthPort, ContainerPort: health, Protocol: corev1.ProtocolTCP},
			{Name: v1alpha1.SidecarInfoPort, ContainerPort: info, Protocol: corev1.ProtocolTCP},
		},
		Resources:       resources(in.Pod, in.LimitRanges),
		SecurityContext: securityContext(in),
		// Not the health port: a Pod that ends has to stay ready for as long as it lingers.
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString(v1alpha1.SidecarInfoPort)}},
			PeriodSeconds:    2,
			TimeoutSeconds:   1,
			FailureThreshold: 2,
			SuccessThreshold: 1,
		},
		// Runs when the Pod begins to end; the signal to end comes only after the
		// application's end.
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{program, "--drain", healthFlag}}}},
	}
}

// literal keeps a kubelet from taking $(NAME) in an argument for a variable.
func literal(argument string) string { return strings.ReplaceAll(argument, "$", "$$") }

// user is nobody in particular, and above all not root.
const user = 65532

// annotationUIDRange is on the namespaces of OpenShift, which gives each its own
// users, and refuses Pods that ask for another.
const annotationUIDRange = "openshift.io/sa.scc.uid-range"

// securityContext passes the Pod Security Standard "restricted".
func securityContext(in Input) *corev1.SecurityContext {
	context := &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		RunAsNonRoot:             ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	openshift := in.Namespace != nil && in.Namespace.Annotations[annotationUIDRange] != ""
	if !openshift || runsAsRoot(in.Pod) {
		context.RunAsUser, context.RunAsGroup = ptr.To[int64](user), ptr.To[int64](user)
	}
	return context
}

// runsAsRoot: containers of the Pod that don't say otherwise do. This one would
// then be refused by the kubelet, and the Pod wouldn't start.
func runsAsRoot(pod *corev1.Pod) bool {
	return pod.Spec.SecurityContext != nil && pod.Spec.SecurityContext.RunAsUser != nil && *pod.Spec.SecurityContext.RunAsUser == 0
}
