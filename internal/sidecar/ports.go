package sidecar

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The numbers of the sidecar's ports, unless the Pod uses them itself.
const (
	healthPort int32 = 18053
	infoPort   int32 = 18054
)

// serving are the containers that run while the application does: a Service finds
// named ports in these, in this order.
func serving(pod *corev1.Pod) []corev1.Container {
	all := slices.Clone(pod.Spec.Containers)
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c)
		}
	}
	return all
}

// udpPorts are those that the Pod's containers name, in their order.
func udpPorts(pod *corev1.Pod) []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, c := range serving(pod) {
		for _, port := range c.Ports {
			if port.Protocol == corev1.ProtocolUDP {
				all = append(all, port)
			}
		}
	}
	return all
}

// ports are the UDP ports of a Pod, and how they are called.
type ports struct {
	udp    []corev1.ContainerPort
	byName map[string]int32
	called map[int32][]string
}

func portsOf(pod *corev1.Pod) ports {
	p := ports{udpPorts(pod), map[string]int32{}, map[int32][]string{}}
	for _, port := range p.udp {
		if _, taken := p.byName[port.Name]; !taken && port.Name != "" {
			p.byName[port.Name] = port.ContainerPort
		}
		if port.Name != "" {
			p.called[port.ContainerPort] = append(p.called[port.ContainerPort], port.Name)
		}
	}
	return p
}

// number of the UDP port that is meant by a number or a name; 0: there is no port of
// that name.
func (p ports) number(meant string) int32 {
	if number, err := strconv.ParseInt(meant, 10, 32); err == nil {
		return int32(number)
	}
	return p.byName[meant]
}

// names are all that a UDP port is called: its number and its names.
func (p ports) names(number int32) []string {
	return append([]string{strconv.Itoa(int(number))}, p.called[number]...)
}

// sentTo is what a port of a Service means of a Pod: a number, or a name.
func sentTo(port corev1.ServicePort) string {
	if port.TargetPort.Type == intstr.Int && port.TargetPort.IntVal == 0 {
		return strconv.Itoa(int(port.Port))
	}
	return port.TargetPort.String()
}

// free is the first number from one on that no container of the Pod names, nor is
// taken already. Ports that containers don't name aren't known to anybody.
func free(pod *corev1.Pod, from int32, taken ...int32) int32 {
	used := map[int32]bool{}
	for _, number := range taken {
		used[number] = true
	}
	for _, c := range containers(pod) {
		for _, port := range c.Ports {
			if port.Protocol != corev1.ProtocolUDP {
				used[port.ContainerPort] = true
			}
		}
	}
	for used[from] {
		from++
	}
	return from
}
