package integration

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// ccmSyncs does for a classless Service what a sync of the CCM of June 2026 does:
// the finalizer first, the pool and the id in annotations, an NLB named after the
// UID unless the id is known, each port by (port, protocol), the bare address. It
// works on the cloud itself, so that the calls counted are the operator's.
func (w *world) ccmSyncs(services ...*corev1.Service) {
	w.t.Helper()
	for _, service := range services {
		change(w, service, func(s *corev1.Service) {
			controllerutil.AddFinalizer(s, ccmFinalizer)
			if s.Annotations[v1alpha1.AnnotationInstancePoolID] == "" {
				annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID)(s)
			}
		})
		id := service.Annotations[v1alpha1.AnnotationID]
		if id == "" {
			id = w.sim.PutLoadBalancer("", exosim.LoadBalancer{
				Name:        cmp.Or(service.Annotations[v1alpha1.AnnotationName], "k8s-"+string(service.UID)),
				Description: service.Annotations[v1alpha1.AnnotationDescription],
			}).ID
			change(w, service, annotated(v1alpha1.AnnotationID, id))
		}
		lb, found := w.sim.LoadBalancer(id)
		if !found {
			w.t.Fatalf("the CCM doesn't find NLB %s", id)
		}
		if !strings.EqualFold(service.Annotations[v1alpha1.AnnotationExternal], "true") {
			lb.Name = cmp.Or(service.Annotations[v1alpha1.AnnotationName], "k8s-"+string(service.UID))
		}
		lb.Services = ccmServices(service, lb.Services)
		w.sim.PutLoadBalancer("", lb)
		before := service.DeepCopy()
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: lb.IP}}
		w.g.Expect(w.client.Status().Patch(w.t.Context(), service, client.MergeFrom(before))).To(Succeed())
	}
}

// ccmServices are the services of an NLB after a sync: what differs is changed
// under the id that it has, and what isn't asked for goes, unless the NLB is external.
func ccmServices(service *corev1.Service, got []exosim.Service) []exosim.Service {
	var all []exosim.Service
	known := map[string]string{}
	for _, has := range got {
		known[fmt.Sprintf("%d/%s", has.Port, has.Protocol)] = has.ID
	}
	for _, port := range service.Spec.Ports {
		want := ccmService(service, port)
		want.ID = known[fmt.Sprintf("%d/%s", want.Port, want.Protocol)]
		all = append(all, want)
	}
	for _, has := range got {
		asked := slices.ContainsFunc(all, func(s exosim.Service) bool { return s.Port == has.Port && s.Protocol == has.Protocol })
		if !asked && strings.EqualFold(service.Annotations[v1alpha1.AnnotationExternal], "true") {
			all = append(all, has)
		}
	}
	return all
}

// ccmService is what the CCM makes of a port. Faults included: Local is probed by
// TCP, and UDP at a port where nothing listens.
func ccmService(service *corev1.Service, port corev1.ServicePort) exosim.Service {
	annotation := func(name, otherwise string) string { return cmp.Or(service.Annotations[name], otherwise) }
	probed := int64(port.NodePort)
	if service.Spec.HealthCheckNodePort > 0 {
		probed = int64(service.Spec.HealthCheckNodePort)
	}
	if given := service.Annotations[v1alpha1.AnnotationHealthCheckPort]; given != "" {
		_, _ = fmt.Sscan(given, &probed)
	}
	name := fmt.Sprintf("%s-%d", service.UID, port.Port)
	if port.Protocol == corev1.ProtocolUDP {
		name += "-udp"
	}
	made := exosim.Service{
		Name: name, Port: int64(port.Port), TargetPort: int64(port.NodePort), Protocol: strings.ToLower(string(port.Protocol)),
		Strategy:     annotation(v1alpha1.AnnotationStrategy, "round-robin"),
		InstancePool: exosim.PoolRef{ID: service.Annotations[v1alpha1.AnnotationInstancePoolID]},
		HealthCheck: exosim.HealthCheck{
			Mode: annotation(v1alpha1.AnnotationHealthCheckMode, "tcp"), URI: annotation(v1alpha1.AnnotationHealthCheckURI, ""),
			Port: probed, Interval: 10, Timeout: 5, Retries: 1,
		},
	}
	if len(service.Spec.Ports) == 1 {
		made.Name = annotation(v1alpha1.AnnotationServiceName, made.Name)
		made.Description = annotation(v1alpha1.AnnotationServiceDescription, "")
	}
	return made
}
