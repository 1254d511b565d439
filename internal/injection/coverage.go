package injection

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Coverage counts the endpoints of a Service, and those without the sidecar. The
// zero value is of a Service without endpoints.
type Coverage struct {
	Endpoints int
	Missing   int
	// makers of the Pods that lack it, each once, sorted.
	makers []maker
	// Of the Pods that lack it, unasked have no label that asks for it, declined one
	// that asks to be left alone, and onHost are on the network of their node.
	unasked, declined, onHost int
}

// maker is what makes a Pod anew; a Pod that nobody makes stands for itself.
type maker struct{ kind, name string }

// Add counts a Pod that the Service selects.
func (c *Coverage) Add(pod *corev1.Pod) {
	if !endpoint(pod) {
		return
	}
	c.Endpoints++
	if hasSidecar(pod) {
		return
	}
	c.Missing++
	if asks, labelled := pod.Labels[v1alpha1.LabelUDPHealthCheck]; !labelled {
		c.unasked++
	} else if asks != "true" {
		c.declined++
	}
	if pod.Spec.HostNetwork && pod.Annotations[v1alpha1.AnnotationUDPHealthCheckHostNetwork] != "true" {
		c.onHost++
	}
	of := makerOf(pod)
	if i, found := slices.BinarySearchFunc(c.makers, of, compare); !found {
		c.makers = slices.Insert(c.makers, i, of)
	}
}

func compare(a, b maker) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

// endpoint tells whether a Pod is one, ready or not: it has an address, and is
// neither at its end nor on its way there.
func endpoint(pod *corev1.Pod) bool {
	return pod.Status.PodIP != "" && pod.DeletionTimestamp.IsZero() &&
		pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// hasSidecar goes by the port, since that is what the companion leads to: a
// sidecar that somebody added by hand counts, too.
func hasSidecar(pod *corev1.Pod) bool {
	health := func(container corev1.Container) bool {
		return slices.ContainsFunc(container.Ports, func(port corev1.ContainerPort) bool {
			return port.Name == v1alpha1.SidecarHealthPort && port.Protocol != corev1.ProtocolUDP
		})
	}
	native := func(container corev1.Container) bool {
		return container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways && health(container)
	}
	return slices.ContainsFunc(pod.Spec.Containers, health) || slices.ContainsFunc(pod.Spec.InitContainers, native)
}

// makerOf is what to restart for another Pod in the place of this one. A
// Deployment makes ReplicaSets whose names end in the hash of the Pod's template.
func makerOf(pod *corev1.Pod) maker {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return maker{"Pod", pod.Name}
	}
	hash := pod.Labels["pod-template-hash"]
	if end := len(owner.Name) - len(hash) - 1; owner.Kind == "ReplicaSet" && hash != "" && end > 0 && owner.Name[end:] == "-"+hash {
		return maker{"Deployment", owner.Name[:end]}
	}
	return maker{owner.Kind, owner.Name}
}
