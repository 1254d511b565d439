package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// wishes are what the users of one history want now, each by the name of its
// object.
type wishes struct {
	services      map[string]*service
	loadBalancers map[string]*loadBalancer
	nlbServices   map[string]*nlbService
	// mayStay are the names of NetworkLoadBalancers that were ever to be
	// retained: an NLB of theirs may outlive them.
	mayStay map[string]bool
}

func newWishes() *wishes {
	return &wishes{
		services: map[string]*service{}, loadBalancers: map[string]*loadBalancer{}, nlbServices: map[string]*nlbService{},
		mayStay: map[string]bool{},
	}
}

// place says on which NLB something is to be: the Service's own, that of a
// NetworkLoadBalancer, or a foreign one.
type place struct {
	shared  string // a NetworkLoadBalancer
	foreign string // the id of an NLB
}

// portKey is a port of an NLB.
type portKey struct {
	number   int32
	protocol corev1.Protocol
}

func (p portKey) String() string { return fmt.Sprintf("%d/%s", p.number, p.protocol) }

// allPorts are few, so that objects meet.
var allPorts = []portKey{
	{80, corev1.ProtocolTCP}, {443, corev1.ProtocolTCP}, {53, corev1.ProtocolTCP},
	{443, corev1.ProtocolUDP}, {53, corev1.ProtocolUDP},
}

// service is a wish for a Service.
type service struct {
	name string
	uid  types.UID
	on   place
	// ports with the nodePort asked for; 0 leaves it to the API server.
	ports map[portKey]int32
	// valid annotations, and one that isn't.
	valid   map[string]string
	invalid map[string]string
	local   bool
	// noLoadBalancer: of type ClusterIP meanwhile.
	noLoadBalancer bool
}

// write makes an object what the user wants, as kubectl apply would: the id
// that the operator wrote back stays.
func (s *service) write(object *corev1.Service) {
	class := v1alpha1.LoadBalancerClass
	kept := map[string]string{}
	if id, is := object.Annotations[v1alpha1.AnnotationID]; is {
		kept[v1alpha1.AnnotationID] = id
	}
	object.Annotations = kept
	maps.Copy(object.Annotations, s.valid)
	maps.Copy(object.Annotations, s.invalid)
	switch {
	case s.on.shared != "":
		object.Annotations[v1alpha1.AnnotationLoadBalancer] = s.on.shared
	case s.on.foreign != "":
		object.Annotations[v1alpha1.AnnotationExternal], object.Annotations[v1alpha1.AnnotationID] = "true", s.on.foreign
	}
	spec := &object.Spec
	had := map[portKey]int32{}
	for _, port := range spec.Ports {
		had[portKey{port.Port, port.Protocol}] = port.NodePort
	}
	spec.Selector, spec.Ports = map[string]string{"app": s.name}, nil
	for _, key := range slices.SortedFunc(maps.Keys(s.ports), comparePorts) {
		port := corev1.ServicePort{Name: strings.ToLower(fmt.Sprintf("%s-%d", key.protocol, key.number)), Port: key.number, Protocol: key.protocol, NodePort: s.ports[key]}
		if port.NodePort == 0 {
			port.NodePort = had[key]
		}
		spec.Ports = append(spec.Ports, port)
	}
	if s.noLoadBalancer {
		spec.Type, spec.LoadBalancerClass, spec.ExternalTrafficPolicy = corev1.ServiceTypeClusterIP, nil, ""
		for i := range spec.Ports {
			spec.Ports[i].NodePort = 0
		}
		spec.HealthCheckNodePort, spec.AllocateLoadBalancerNodePorts = 0, nil
		return
	}
	spec.Type, spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, &class
	spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	if s.local {
		spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	} else {
		spec.HealthCheckNodePort = 0
	}
}

func comparePorts(a, b portKey) int { return strings.Compare(a.String(), b.String()) }

// loadBalancer is a wish for a NetworkLoadBalancer.
type loadBalancer struct {
	name string
	uid  types.UID
	// foreign is the id of an NLB made elsewhere, that it adopts or attaches to.
	foreign string
	// external attaches, by name if byName is one.
	external bool
	byName   string
	// hopeless: it can't have the NLB that it asks for.
	hopeless bool

	description string
	labels      map[string]string
	policy      v1alpha1.DeletionPolicy
}

func (l *loadBalancer) write(object *v1alpha1.NetworkLoadBalancer) {
	spec := &object.Spec
	if l.external {
		spec.ManagementPolicy, spec.Name = v1alpha1.External, l.byName
		if l.byName == "" {
			spec.ID = l.foreign
		}
		return
	}
	spec.ManagementPolicy, spec.ID = v1alpha1.Managed, l.foreign
	spec.Description, spec.Labels, spec.DeletionPolicy = l.description, maps.Clone(l.labels), l.policy
}

// nlbService is a wish for an NLBService.
type nlbService struct {
	name       string
	uid        types.UID
	on         string // a NetworkLoadBalancer
	port       portKey
	targetPort int32
	pool       string
	strategy   v1alpha1.Strategy
	path       string // of an HTTP health check; empty: TCP
	// cloudName is what the user calls the service at Exoscale; empty: nothing.
	cloudName string
	// hopeless: its pool doesn't exist.
	hopeless bool
}

const unknownPool = "99999999-0000-4000-8000-000000000000"

func (n *nlbService) write(object *v1alpha1.NLBService) {
	spec := &object.Spec
	spec.LoadBalancerRef = v1alpha1.LoadBalancerReference{Name: n.on}
	spec.Port, spec.Protocol, spec.TargetPort = n.port.number, v1alpha1.Protocol(n.port.protocol), n.targetPort
	spec.Name, spec.Strategy, spec.Target = n.cloudName, n.strategy, v1alpha1.Target{InstancePoolID: n.pool}
	if n.hopeless {
		spec.Target.InstancePoolID = unknownPool
	}
	spec.HealthCheck.Mode, spec.HealthCheck.Path = v1alpha1.HealthCheckTCP, ""
	if n.path != "" {
		spec.HealthCheck.Mode, spec.HealthCheck.Path = v1alpha1.HealthCheckHTTP, n.path
	}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// estate is what foreign hands own in the cloud, as it has to stay.
type estate struct {
	// loadBalancers by id, without services.
	loadBalancers map[string]exosim.LoadBalancer
	// services by id, on whatever NLB.
	services map[string]exosim.Service
	// attach are the NLBs that users may attach to; adopt is handed over, by
	// consent, to the NetworkLoadBalancer "adopter"; refused is handed to nobody.
	attach         []exosim.LoadBalancer
	adopt, refused exosim.LoadBalancer
	// removed are the ids of NLBs of ours that foreign hands deleted, and of those
	// that are another organization's.
	removed map[string]bool
	// madeElsewhere are the names of NLBs that were made in another organization for
	// objects that had theirs in ours.
	madeElsewhere []string
}

func protocolOf(s exosim.Service) corev1.Protocol {
	return corev1.Protocol(strings.ToUpper(s.Protocol))
}

// serviceName is what a service is called that nobody gives a name: by the UID of
// the object that it is for.
func serviceName(uid types.UID, port portKey) string {
	name := fmt.Sprintf("%s-%d", uid, port.number)
	if port.protocol == corev1.ProtocolUDP {
		name += "-udp"
	}
	return name
}

// chosenName is one of the names that users give to the service of a port. They are
// few, and others give them, too.
func (r *run) chosenName(port portKey) string {
	return fmt.Sprintf("%s-%d-%s", pick(r.chance, []string{"shop", "till"}), port.number, strings.ToLower(string(port.protocol)))
}

// isChosen tells whether a name is one that users give to the service of a port.
func isChosen(name string, port portKey) bool {
	rest := fmt.Sprintf("-%d-%s", port.number, strings.ToLower(string(port.protocol)))
	return name == "shop"+rest || name == "till"+rest
}

// chosenName is what the users of a Service call the service of its only port.
func (s *service) chosenName() string { return "mine-" + s.name }
