package exoscale

import (
	"slices"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// What a read leaves out is unknown: neither absent nor different. Here it is told
// from what is there, and filled with what was seen last.

// servicesLeftOut tells that an answer says nothing reliable of an NLB's services.
// Exoscale shows an NLB without any with an empty list: its own SDK for Python goes
// through that list before it adds the first service.
func servicesLeftOut(lb v3.LoadBalancer) bool {
	return lb.Services == nil || slices.ContainsFunc(lb.Services, func(s v3.LoadBalancerService) bool { return s.ID == "" })
}

// The attributes of a service that every answer has. The others may be empty:
// description, uri and tls-sni.
const (
	partName        = "name"
	partPool        = "instance-pool"
	partProtocol    = "protocol"
	partPort        = "port"
	partTargetPort  = "target-port"
	partStrategy    = "strategy"
	partHealthCheck = "healthcheck"
	partMode        = "healthcheck.mode"
	partCheckPort   = "healthcheck.port"
	partInterval    = "healthcheck.interval"
	partTimeout     = "healthcheck.timeout"
	partRetries     = "healthcheck.retries"
)

// partsLeftOut are the attributes that an answer lacks, sorted.
func partsLeftOut(s v3.LoadBalancerService) []string {
	var parts []string
	lacks := func(part string, lacking bool) {
		if lacking {
			parts = append(parts, part)
		}
	}
	lacks(partName, s.Name == "")
	lacks(partPool, s.InstancePool == nil || s.InstancePool.ID == "")
	lacks(partProtocol, s.Protocol == "")
	lacks(partPort, s.Port == 0)
	lacks(partTargetPort, s.TargetPort == 0)
	lacks(partStrategy, s.Strategy == "")
	if check := s.Healthcheck; check == nil {
		lacks(partHealthCheck, true)
	} else {
		lacks(partMode, check.Mode == "")
		lacks(partCheckPort, check.Port == 0)
		lacks(partInterval, check.Interval == 0)
		lacks(partTimeout, check.Timeout == 0)
		lacks(partRetries, check.Retries == 0)
	}
	slices.Sort(parts)
	return parts
}

// completed is what a read showed of an NLB, with what it left out as it was seen
// before. That it was left out stays noted, but for the name, which every NLB has,
// and the address, which an NLB that got one keeps.
func completed(before, now nlb.LoadBalancer) nlb.LoadBalancer {
	if now.Name == "" {
		now.Name = before.Name
	}
	if now.Address == "" {
		now.Address = before.Address
	}
	if now.ServicesUnknown {
		now.Services = before.Services
		return now
	}
	for i, service := range now.Services {
		was := slices.IndexFunc(before.Services, func(s nlb.Service) bool { return s.ID == service.ID })
		if was >= 0 && len(service.Incomplete) > 0 {
			now.Services[i] = filled(service, before.Services[was])
		}
	}
	return now
}

// filled takes the attributes that are lacking from how the service was before.
func filled(now, before nlb.Service) nlb.Service {
	check, was := &now.HealthCheck, before.HealthCheck
	for _, part := range now.Incomplete {
		switch part {
		case partName:
			now.Name = before.Name
		case partPool:
			now.InstancePoolID = before.InstancePoolID
		case partProtocol:
			now.Protocol = before.Protocol
		case partPort:
			now.Port = before.Port
		case partTargetPort:
			now.TargetPort = before.TargetPort
		case partStrategy:
			now.Strategy = before.Strategy
		case partHealthCheck:
			*check = was
		case partMode:
			check.Mode = was.Mode
		case partCheckPort:
			check.Port = was.Port
		case partInterval:
			check.Interval = was.Interval
		case partTimeout:
			check.Timeout = was.Timeout
		case partRetries:
			check.Retries = was.Retries
		}
	}
	return now
}
