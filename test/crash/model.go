package main

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/invariants"
)

// pool is where a Service is to send its traffic.
type pool struct{ id string }

// web is the Service that the scenarios are about, as the API server has it.
func web(seen invariants.Seen) (*corev1.Service, error) {
	i := slices.IndexFunc(seen.Services, func(s corev1.Service) bool { return s.Name == "web" })
	if i < 0 {
		return nil, fmt.Errorf("there is no Service web")
	}
	return &seen.Services[i], nil
}

// servedWith is the Service on an NLB of its own.
func servedWith(to pool) wanting {
	return func(st *story, seen invariants.Seen) (invariants.Want, error) {
		service, err := web(seen)
		if err != nil {
			return invariants.Want{}, err
		}
		return invariants.Want{
			LoadBalancers: []invariants.LoadBalancer{{
				Object: st.key("web"),
				NLB: exosim.LoadBalancer{
					ID: st.before.ID, IP: st.before.IP,
					Name: "k8s-" + string(service.UID), Description: service.Annotations[v1alpha1.AnnotationDescription],
				},
				Ports: st.portsOf(service, to),
			}},
			Services: map[client.ObjectKey]client.ObjectKey{st.key("web"): st.key("web")},
			Foreign:  st.foreign,
		}, nil
	}
}

// portsOf are the services for the ports of a Service. Those that there were
// before keep their ids, unless they had to move to another pool.
func (st *story) portsOf(service *corev1.Service, to pool) []invariants.Port {
	var ports []invariants.Port
	for _, port := range service.Spec.Ports {
		wanted := serviceFor(service, port)
		wanted.InstancePool = exosim.PoolRef{ID: to.id}
		for _, was := range st.before.Services {
			if was.Port == wanted.Port && was.Protocol == wanted.Protocol && was.InstancePool.ID == to.id {
				wanted.ID = was.ID
			}
		}
		ports = append(ports, invariants.Port{
			Object:  st.key(fmt.Sprintf("web-%d-%s", port.Port, wanted.Protocol)),
			Service: wanted,
		})
	}
	return ports
}

// serviceFor is the cloud service for a port, as the documentation of the
// annotations has it.
func serviceFor(service *corev1.Service, port corev1.ServicePort) exosim.Service {
	wanted := exosim.Service{
		Name:     fmt.Sprintf("%s-%d", service.UID, port.Port),
		Protocol: strings.ToLower(string(port.Protocol)),
		Strategy: "round-robin",
		Port:     int64(port.Port), TargetPort: int64(port.NodePort),
		HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: int64(port.NodePort), Interval: 10, Timeout: 5, Retries: 1},
	}
	if port.Protocol == corev1.ProtocolUDP {
		wanted.Name += "-udp"
		wanted.HealthCheck.Mode, wanted.HealthCheck.Port, wanted.HealthCheck.URI = "http", 10256, "/healthz"
	}
	if service.Annotations[v1alpha1.AnnotationHealthCheckRetries] == "3" {
		wanted.HealthCheck.Retries = 3
	}
	return wanted
}

// watched is the Service on an NLB of its own, whose UDP port is probed at the
// sidecars of its Pods, by way of its companion.
func watched(st *story, seen invariants.Seen) (invariants.Want, error) {
	want, err := servedWith(pool{workersID})(st, seen)
	if err != nil {
		return want, err
	}
	companion := st.key("web-udp-health")
	want.Companions = map[client.ObjectKey]client.ObjectKey{companion: st.key("web")}
	i := slices.IndexFunc(seen.Services, func(s corev1.Service) bool { return client.ObjectKeyFromObject(&s) == companion })
	if i < 0 {
		return want, fmt.Errorf("there is no Service %s", companion)
	}
	for j := range want.LoadBalancers[0].Ports {
		if port := &want.LoadBalancers[0].Ports[j].Service; port.Protocol == "udp" {
			port.HealthCheck.Mode, port.HealthCheck.URI, port.HealthCheck.Port = "tcp", "", int64(seen.Services[i].Spec.Ports[0].NodePort)
		}
	}
	return want, nil
}

// takenOver is the NLB that the CCM had made, with all that was on it.
func takenOver(st *story, seen invariants.Seen) (invariants.Want, error) {
	want, err := servedWith(pool{workersID})(st, seen)
	if err == nil {
		if service, _ := web(seen); slices.Contains(service.Finalizers, ccmFinalizer) {
			return want, fmt.Errorf("the Service has the CCM's finalizer still")
		}
	}
	return want, err
}

// adopted is the NLB that its owner gave away, with a port of ours beside the
// one that stood on it.
func adopted(st *story, _ invariants.Seen) (invariants.Want, error) {
	service := plainService(st.serviceUID("web-81"), 81)
	return invariants.Want{
		LoadBalancers: []invariants.LoadBalancer{{
			Object: st.key("edge"),
			NLB: exosim.LoadBalancer{
				ID: st.before.ID, IP: st.before.IP, Name: st.before.Name, Description: st.before.Description, Labels: st.before.Labels,
			},
			Foreign: st.before.Services,
			Ports:   []invariants.Port{{Object: st.key("web-81"), Service: service}},
		}},
		Foreign: st.foreign,
	}, nil
}

// attached is an NLB of others with ports of ours beside theirs.
func attached(st *story, seen invariants.Seen) (invariants.Want, error) {
	service, err := web(seen)
	if err != nil {
		return invariants.Want{}, err
	}
	return invariants.Want{
		LoadBalancers: []invariants.LoadBalancer{{
			Object:   st.key("web"),
			NLB:      st.terraformed,
			External: true,
			Foreign:  st.terraformed.Services,
			Ports:    st.portsOf(service, pool{workersID}),
		}},
		Services: map[client.ObjectKey]client.ObjectKey{st.key("web"): st.key("web")},
		Foreign:  st.foreign,
	}, nil
}

// attachedByName is an NLB of others with a port of ours under the user's own name.
func attachedByName(st *story, _ invariants.Seen) (invariants.Want, error) {
	want := st.edge()
	want.LoadBalancers[0].Ports = []invariants.Port{{Object: st.key("web-81"), Service: named(plainService("", 81))}}
	return want, nil
}

// refusedPort is an NLB of others whose owner has the port that we want.
func refusedPort(st *story, _ invariants.Seen) (invariants.Want, error) {
	want := st.edge()
	want.Unserved = []invariants.Object{{Kind: invariants.KindNLBService, ObjectKey: st.key("web-81")}}
	return want, nil
}

// edge is the NLB that was made elsewhere, with the object that attaches to it.
func (st *story) edge() invariants.Want {
	return invariants.Want{
		LoadBalancers: []invariants.LoadBalancer{{Object: st.key("edge"), NLB: st.terraformed, External: true, Foreign: st.terraformed.Services}},
		Foreign:       st.foreign,
	}
}

// nothingButForeign is left where all of ours is to go.
func nothingButForeign(st *story, _ invariants.Seen) (invariants.Want, error) {
	want := invariants.Want{Foreign: st.foreign}
	if st.terraformed.ID != "" {
		want.Foreign = append(slices.Clone(want.Foreign), st.terraformed)
	}
	return want, nil
}

// retained is the NLB that outlives its Service.
func retained(st *story, _ invariants.Seen) (invariants.Want, error) {
	return invariants.Want{Foreign: st.foreign, Retained: []exosim.LoadBalancer{st.before}}, nil
}

// besideShared is the Service on an NLB of its own, beside one that is empty.
func besideShared(st *story, seen invariants.Seen) (invariants.Want, error) {
	want, err := servedWith(pool{workersID})(st, seen)
	want.LoadBalancers = append(want.LoadBalancers, st.shared(seen))
	return want, err
}

// onShared is the Service on an NLB that it shares; its own is gone.
func onShared(st *story, seen invariants.Seen) (invariants.Want, error) {
	service, err := web(seen)
	if err != nil {
		return invariants.Want{}, err
	}
	lb := st.shared(seen)
	for _, port := range service.Spec.Ports {
		wanted := serviceFor(service, port)
		wanted.InstancePool = exosim.PoolRef{ID: workersID}
		lb.Ports = append(lb.Ports, invariants.Port{Object: st.sharing(seen, port), Service: wanted})
	}
	return invariants.Want{
		LoadBalancers: []invariants.LoadBalancer{lb},
		Services:      map[client.ObjectKey]client.ObjectKey{st.key("web"): lb.Object},
		Foreign:       st.foreign,
	}, nil
}

// shared is the NLB of an object that sets nothing, by its default name.
func (st *story) shared(seen invariants.Seen) invariants.LoadBalancer {
	lb := invariants.LoadBalancer{Object: st.key("shared")}
	for _, object := range seen.LoadBalancers {
		if object.Name == "shared" {
			lb.NLB.Name = st.namespace + "-shared-" + string(object.UID)
		}
	}
	return lb
}

// sharing is the NLBService for a port on the shared NLB, however it is called.
func (st *story) sharing(seen invariants.Seen, port corev1.ServicePort) client.ObjectKey {
	for _, object := range seen.NLBServices {
		if object.Spec.LoadBalancerRef.Name == "shared" && object.Spec.Port == port.Port && string(object.Spec.Protocol) == string(port.Protocol) {
			return client.ObjectKeyFromObject(&object)
		}
	}
	return st.key("a port on the shared NLB")
}
