package nlb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// NodePorts is the range from which an API server allocates nodePorts, unless it is
// told otherwise.
const NodePorts = "30000-32767"

// PortRanges are ports of instances.
type PortRanges []PortRange

// PortRange is from First to Last, both included.
type PortRange struct{ First, Last int32 }

// ParsePortRanges reads ports, such as 6443, and ranges, such as 30000-32767.
func ParsePortRanges(texts []string) (PortRanges, error) {
	ranges := make(PortRanges, 0, len(texts))
	for _, text := range texts {
		first, last, isRange := strings.Cut(text, "-")
		if !isRange {
			last = first
		}
		from, valid := parsePort(first)
		to, validToo := parsePort(last)
		if !valid || !validToo || from > to {
			return nil, fmt.Errorf("%q is neither a port from 1 to %d nor a range of them such as %s", text, maxPort, NodePorts)
		}
		ranges = append(ranges, PortRange{from, to})
	}
	return ranges, nil
}

func parsePort(text string) (port int32, valid bool) {
	number, err := strconv.ParseUint(text, 10, 16)
	return int32(number), err == nil && number > 0
}

// Contain tells whether a port is one of them.
func (r PortRanges) Contain(port int32) bool {
	return slices.ContainsFunc(r, func(ports PortRange) bool { return ports.First <= port && port <= ports.Last })
}

// String is how people write them; "none" if there are none.
func (r PortRanges) String() string {
	if len(r) == 0 {
		return "none"
	}
	texts := make([]string, len(r))
	for i, ports := range r {
		texts[i] = strconv.Itoa(int(ports.First))
		if ports.Last != ports.First {
			texts[i] += "-" + strconv.Itoa(int(ports.Last))
		}
	}
	return strings.Join(texts, ", ")
}

// AllocatedTo tells whether the API server has given a port of every node to a
// Service. It does so for these types only: in a Service of another type the number
// is whatever its author wrote.
func AllocatedTo(service *corev1.Service, port int32) bool {
	if port == 0 || service.Spec.Type != corev1.ServiceTypeNodePort && service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		return false
	}
	return service.Spec.HealthCheckNodePort == port ||
		slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.NodePort == port })
}
