package nlb

import (
	"strings"
	"time"
)

// A probe service shows whether an instance pool passes a health check before any
// traffic goes there. It has the health check of the service that is to move, a port
// of its own range, and a target port on which nothing listens: who finds the port
// gets nowhere.
const (
	// FirstProbePort and LastProbePort are the ports of probe services.
	FirstProbePort int32 = 64900
	LastProbePort  int32 = 64999
	// probeTargetPort is discard: nobody is to reach anything by a probe service.
	probeTargetPort = 9

	// ProbeTurn is how long one waits for a healthy backend, and ProbePause how long
	// it is away then: others may want its place.
	ProbeTurn  = 5 * time.Minute
	ProbePause = time.Minute

	// maxProbes is how many an NLB holds at once. All but the first leave keptFree places
	// for services; the first one takes the last place, for ProbeTurn at most.
	maxProbes = 3
	keptFree  = 1

	probeNamePrefix = "probe-"
)

// ProbeName is the name of the probe service of an NLBService; it carries the UID.
func ProbeName(uid string) string { return probeNamePrefix + uid }

// IsProbe reports whether a service is a probe service, whoever's.
func IsProbe(service Service) bool {
	return strings.HasPrefix(service.Name, probeNamePrefix) && len(UIDsIn(service.Name)) == 1 && inProbeRange(service.Port)
}

func inProbeRange(port int32) bool { return port >= FirstProbePort && port <= LastProbePort }

// ProbeFor is the probe service that looks at a pool for a service that is wanted there.
func ProbeFor(uid string, port int32, want ServiceAttributes, mark Mark) ServiceAttributes {
	return ServiceAttributes{
		Name:           ProbeName(uid),
		Description:    Marked("Looks for minutes whether the pool is healthy for port "+PortText(want.Port, want.Protocol), mark),
		InstancePoolID: want.InstancePoolID,
		Protocol:       TCP, Port: port, TargetPort: probeTargetPort, Strategy: RoundRobin, // health checks are the same for UDP
		HealthCheck: want.HealthCheck,
	}
}

// ProbeFits reports whether a probe service looks at the pool and with the health check
// that are wanted.
func ProbeFits(probe Service, want ServiceAttributes) bool {
	return len(probe.Incomplete) == 0 && probe.InstancePoolID == want.InstancePoolID && probe.Attributes().HealthCheck == want.HealthCheck
}

// RoomForProbe says whether an NLB with these services has a place for one more probe
// service. away are the places of services that are being replaced.
func RoomForProbe(services []Service, away int) ProbeRoom {
	probes := 0
	for _, service := range services {
		if IsProbe(service) {
			probes++
		}
	}
	places := MaxServices - (len(services) - probes) - away
	most := min(maxProbes, max(places-keptFree, min(places, 1)))
	switch {
	case most <= 0:
		return RoomNone
	case probes >= most:
		return RoomTaken
	default:
		return RoomFree
	}
}

// FreeProbePort is a port for a probe service; 0 if all are taken. Where it begins to
// look depends on the seed, so that two rarely want the same.
func FreeProbePort(seed string, taken map[int32]bool) int32 {
	const ports = LastProbePort - FirstProbePort + 1
	var first int32
	for _, char := range []byte(seed) {
		first = (first*31 + int32(char)) % ports
	}
	for i := range ports {
		if port := FirstProbePort + (first+i)%ports; !taken[port] {
			return port
		}
	}
	return 0
}
