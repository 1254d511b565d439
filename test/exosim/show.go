package exosim

// show is an NLB as the API shows it: a copy, with the health of its backends.
func (c *Cloud) show(s *zoneState, lb *LoadBalancer) LoadBalancer {
	shown := lb.clone()
	for i, service := range shown.Services {
		shown.Services[i] = c.showService(s, service)
	}
	return *shown
}

func (c *Cloud) showService(s *zoneState, service Service) Service {
	service.HealthStatus = c.healthOf(s, service)
	if pool, found := find(s.pools, service.InstancePool.ID); found && c.opts.VerboseReferences {
		service.InstancePool.Name, service.InstancePool.Size = pool.Name, pool.Size
	}
	return service
}

// healthOf is the health of the backends of a service: the data plane's, if
// there is one, else that running instances answer. SetHealth overrules both.
func (c *Cloud) healthOf(s *zoneState, service Service) []HealthStatus {
	status := []HealthStatus{}
	if service.State == StateCreating {
		return status
	}
	for _, instance := range s.members(service.InstancePool.ID) {
		if instance.PublicIP == "" {
			continue
		}
		healthy := instance.State == StateRunning && !s.unhealthy[backendKey{instance: instance.ID}] &&
			!s.unhealthy[backendKey{instance: instance.ID, service: service.ID}]
		if c.plane != nil {
			healthy = healthy && c.plane.healthy(service.ID, instance.PublicIP)
		}
		result := HealthFailure
		if healthy {
			result = HealthSuccess
		}
		status = append(status, HealthStatus{PublicIP: instance.PublicIP, Status: result})
	}
	return status
}

// backendKey names an instance as the backend of a service, or of all services.
type backendKey struct{ instance, service string }

// members are the instances of a pool, in its order.
func (s *zoneState) members(pool string) []*Instance {
	p, found := find(s.pools, pool)
	if !found {
		return nil
	}
	var members []*Instance
	for _, ref := range p.Instances {
		if instance, found := find(s.instances, ref.ID); found {
			members = append(members, instance)
		}
	}
	return members
}
