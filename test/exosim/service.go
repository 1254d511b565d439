package exosim

import (
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// maxServices is how many services an NLB can have, by Exoscale's documentation.
const maxServices = 10

const maxPort = 65535

// serviceFields are the fields of a request that adds or updates a service; nil
// where it leaves them out.
type serviceFields struct {
	name, description, protocol, strategy *string
	port, targetPort                      *int64
	check                                 *HealthCheck
	pool                                  *string
}

// readService reads the body. To add, all but the description is required; to
// update, nothing is, and the instance pool isn't known.
func (r *request) readService(add bool) (serviceFields, error) {
	var f serviceFields
	err := r.read(func(body *object) {
		minName := 0
		if add {
			minName = 1
			f.pool = readPoolReference(body)
		}
		f.name = body.text("name", add, minName, 255)
		f.description = body.text("description", false, 0, 255)
		f.protocol = body.oneOf("protocol", add, "tcp", "udp")
		f.strategy = body.oneOf("strategy", add, "round-robin", "maglev-hash", "source-hash")
		f.port = body.number("port", add, 1, maxPort)
		f.targetPort = body.number("target-port", add, 1, maxPort)
		if check, given := body.child("healthcheck", add); given {
			f.check = readHealthCheck(check)
		}
	})
	return f, err
}

// poolFields are what the API's document knows of an instance pool besides the
// id. A client may send a pool as it got it.
var poolFields = []string{
	"application-consistent-snapshot-enabled", "anti-affinity-groups", "description", "public-ip-assignment",
	"labels", "security-groups", "elastic-ips", "name", "instance-type", "min-available", "private-networks",
	"template", "state", "size", "ssh-key", "instance-prefix", "user-data", "manager", "instances",
	"deploy-target", "ipv6-enabled", "disk-size", "ssh-keys",
}

func readPoolReference(body *object) *string {
	pool, given := body.child("instance-pool", true)
	if !given {
		return nil
	}
	id := pool.id("id", true)
	for _, known := range poolFields {
		pool.take(known, false)
	}
	pool.close()
	return id
}

// readHealthCheck reads a whole health check: what is left out has its default,
// also in an update.
func readHealthCheck(o *object) *HealthCheck {
	check := HealthCheck{Interval: 10, Timeout: 2, Retries: 1}
	check.Mode = value(o.oneOf("mode", true, "tcp", "http", "https"))
	check.Port = value(o.number("port", true, 1, maxPort))
	check.URI = value(o.text("uri", false, 1, 255))
	check.TLSSNI = value(o.text("tls-sni", false, 1, 255))
	set(&check.Interval, o.number("interval", false, 5, 300))
	set(&check.Timeout, o.number("timeout", false, 2, 60))
	set(&check.Retries, o.number("retries", false, 1, 20))
	if check.Interval < check.Timeout {
		o.fault("interval", "must not be less than the timeout (%d), is %d", check.Timeout, check.Interval)
	}
	if (check.Mode == "http" || check.Mode == "https") && check.URI == "" {
		o.fault("uri", "is required with mode %s", check.Mode)
	}
	o.close()
	return &check
}

func addService(r *request) (any, error) {
	fields, err := r.readService(true)
	if err != nil {
		return nil, err
	}
	lb, err := r.changeableLoadBalancer()
	if err != nil {
		return nil, err
	}
	if _, found := find(r.state.pools, *fields.pool); !found {
		return nil, notFound("instance pool", *fields.pool)
	}
	if len(lb.Services) >= maxServices {
		return nil, conflict("load balancer %s already has %d services, more aren't possible", lb.ID, len(lb.Services))
	}
	service := Service{ID: uuid.NewString(), State: StateCreating, InstancePool: PoolRef{ID: *fields.pool}}
	fields.write(&service)
	if err := fitsBeside(lb, service); err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		begin: func(s *zoneState) {
			s.editLoadBalancer(lb.ID, func(l *LoadBalancer) { l.Services = append(l.Services, service) })
		},
		finish: serviceState(lb.ID, service.ID, StateRunning),
		revert: func(s *zoneState) { s.dropService(lb.ID, service.ID) },
		spoil:  serviceState(lb.ID, service.ID, StateError),
	})
}

func updateService(r *request) (any, error) {
	fields, err := r.readService(false)
	if err != nil {
		return nil, err
	}
	lb, service, err := r.changeableService()
	if err != nil {
		return nil, err
	}
	wanted := service
	fields.write(&wanted)
	if err := fitsBeside(lb, wanted); err != nil {
		return nil, err
	}
	return r.startUpdate(lb, service, fields.write)
}

func resetServiceField(r *request) (any, error) {
	if field := r.params["field"]; field != "description" {
		return nil, refuse(http.StatusBadRequest, "field: must be description, is %q", field)
	}
	lb, service, err := r.changeableService()
	if err != nil {
		return nil, err
	}
	return r.startUpdate(lb, service, func(s *Service) { s.Description = "" })
}

// startUpdate starts an operation that changes a service: it is updating at
// once, and changed when the operation ends.
func (r *request) startUpdate(lb *LoadBalancer, service Service, write func(*Service)) (Operation, error) {
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		begin: serviceState(lb.ID, service.ID, StateUpdating),
		finish: func(s *zoneState) {
			s.editService(lb.ID, service.ID, func(sv *Service) {
				sv.State = StateRunning
				write(sv)
			})
		},
		revert: serviceState(lb.ID, service.ID, service.State),
		spoil:  serviceState(lb.ID, service.ID, StateError),
	})
}

func deleteService(r *request) (any, error) {
	lb, service, err := r.changeableService()
	if err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindLoadBalancer, target: lb.ID,
		begin:  serviceState(lb.ID, service.ID, StateDeleting),
		finish: func(s *zoneState) { s.dropService(lb.ID, service.ID) },
		revert: serviceState(lb.ID, service.ID, service.State),
		spoil:  serviceState(lb.ID, service.ID, StateError),
	})
}

func getService(r *request) (any, error) {
	lb, err := r.loadBalancer()
	if err != nil {
		return nil, err
	}
	service, err := r.serviceOf(lb)
	if err != nil {
		return nil, err
	}
	return r.cloud.showService(r.state, service), nil
}

// changeableService is the service that the path names, if its NLB may be
// changed and it isn't being deleted.
func (r *request) changeableService() (*LoadBalancer, Service, error) {
	lb, err := r.changeableLoadBalancer()
	if err != nil {
		return nil, Service{}, err
	}
	service, err := r.serviceOf(lb)
	if err != nil {
		return nil, Service{}, err
	}
	if service.State == StateDeleting {
		return nil, Service{}, conflict("service %s is being deleted", service.ID)
	}
	return lb, service, nil
}

func (r *request) serviceOf(lb *LoadBalancer) (Service, error) {
	id, err := r.id("service-id")
	if err != nil {
		return Service{}, err
	}
	service, found := lb.service(id)
	if !found {
		return Service{}, refuse(http.StatusNotFound, "load balancer %s has no service %s", lb.ID, id)
	}
	return *service, nil
}

// write writes what was given into the service.
func (f serviceFields) write(s *Service) {
	set(&s.Name, f.name)
	set(&s.Description, f.description)
	set(&s.Protocol, f.protocol)
	set(&s.Strategy, f.strategy)
	set(&s.Port, f.port)
	set(&s.TargetPort, f.targetPort)
	set(&s.HealthCheck, f.check)
}

// fitsBeside refuses a service whose name, or port with protocol, another one
// of the NLB has.
func fitsBeside(lb *LoadBalancer, wanted Service) error {
	for _, other := range lb.Services {
		switch {
		case other.ID == wanted.ID:
		case other.Name == wanted.Name:
			return conflict("load balancer %s already has a service named %q: %s", lb.ID, wanted.Name, other.ID)
		case other.Port == wanted.Port && other.Protocol == wanted.Protocol:
			return conflict("port %d/%s of load balancer %s is used by service %q (%s)", wanted.Port, wanted.Protocol, lb.ID, other.Name, other.ID)
		}
	}
	return nil
}

func serviceState(loadBalancer, service, state string) func(*zoneState) {
	return func(s *zoneState) {
		s.editService(loadBalancer, service, func(sv *Service) { sv.State = state })
	}
}

// targets tells whether an NLB of the zone forwards to the pool, and which.
func (s *zoneState) targets(pool string) (*LoadBalancer, bool) {
	i := slices.IndexFunc(s.loadBalancers, func(l *LoadBalancer) bool {
		return slices.ContainsFunc(l.Services, func(sv Service) bool { return sv.InstancePool.ID == pool })
	})
	if i < 0 {
		return nil, false
	}
	return s.loadBalancers[i], true
}
