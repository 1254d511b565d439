package projection_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// FuzzProject makes up a Service and what exists of it: annotations as lines of
// key=value, whose keys are without the CCM's prefix; five bytes a port; and bits
// for the rest (see service and surroundings).
func FuzzProject(f *testing.F) {
	check := newSchemas(f)
	for _, lines := range seeds() {
		f.Add(lines, []byte{0, 80, 0x75, 0x30, 0}, uint32(0))
		f.Add(lines, []byte{0, 53, 0x75, 0x30, 1, 0, 53, 0x76, 0x30, 0, 0, 53, 0, 0, 3}, uint32(childOwn|wroteID))
	}
	for bit := range lastBit {
		f.Add("", []byte{0, 80, 0x75, 0x30, 0, 0, 81, 0x75, 0x31, 1}, uint32(1)<<bit)
		f.Add("external=true\nname=terraform", []byte{0, 80, 0x75, 0x30, 0}, uint32(childOwn)|uint32(1)<<bit)
		f.Add("", []byte{0, 53, 0x75, 0x30, 2, 0, 80, 0x75, 0x31, 1}, uint32(udpSidecar|servicesOwn|servicesServe)|uint32(1)<<bit)
	}
	f.Fuzz(func(t *testing.T, lines string, ports []byte, bits uint32) {
		in := surroundings(madeUp(lines, ports, bits), bits)
		before := in.Service.DeepCopy()
		plan := projection.Project(in)
		if diff := cmp.Diff(before, in.Service); diff != "" {
			t.Errorf("the Service itself was changed: %s", diff)
		}
		if diff := cmp.Diff(plan, projection.Project(in)); diff != "" {
			t.Errorf("the same Service has two plans: %s", diff)
		}
		judge(t, in, plan)
		for _, object := range plan.Services {
			check.service(t, object)
		}
		if plan.LoadBalancer != nil {
			check.loadBalancer(t, plan.LoadBalancer)
		}
		staysPlanned(t, in, plan)
	})
}

// judge holds what every plan promises.
func judge(t *testing.T, in projection.Input, plan projection.Plan) {
	t.Helper()
	uid := string(in.Service.UID)
	_, invalid, _ := annotation.Parse(in.Service.Annotations, annotation.Service{UID: uid, Ports: len(in.Service.Spec.Ports)})
	if len(invalid) > 0 && len(plan.Problems) == 0 {
		t.Errorf("annotations are invalid, and the plan has no problem: %v", invalid)
	}
	for _, problem := range plan.Problems {
		if problem.Reason == "" || problem.Message == "" {
			t.Errorf("a problem without words: %+v", problem)
		}
	}
	without := plan.LoadBalancer == nil && plan.Companion == nil && len(plan.Services) == 0 && len(plan.Kept) == 0 && plan.AttachTo == (types.NamespacedName{})
	if len(plan.Problems) > 0 && !without {
		t.Errorf("a Service with the problems %v has objects: %+v", plan.Problems, plan)
	}
	if without {
		return
	}
	if plan.LoadBalancer != nil {
		if wrong := nlb.InvalidLoadBalancer(plan.LoadBalancer, uid); wrong != "" {
			t.Errorf("the NetworkLoadBalancer planned would be refused: %s", wrong)
		}
		if key := (types.NamespacedName{Namespace: plan.LoadBalancer.Namespace, Name: plan.LoadBalancer.Name}); key != plan.AttachTo || !metav1.IsControlledBy(plan.LoadBalancer, in.Service) {
			t.Errorf("the NetworkLoadBalancer planned, %s, isn't the Service's: %+v", key, plan.LoadBalancer)
		}
	}
	if len(plan.Services) > nlb.MaxServices {
		t.Errorf("%d services are planned for one NLB", len(plan.Services))
	}
	judgePorts(t, in, plan)
}

// judgePorts holds that every port is either planned or has a problem, once, and
// that each NLBService planned would be accepted.
func judgePorts(t *testing.T, in projection.Input, plan projection.Plan) {
	t.Helper()
	told, names, cloudNames := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, problem := range plan.PortProblems {
		told[fmt.Sprintf("%d/%s", problem.Port, problem.Protocol)]++
		if problem.Reason == "" || problem.Message == "" {
			t.Errorf("a problem without words: %+v", problem)
		}
	}
	for _, waits := range plan.Waits {
		told[fmt.Sprintf("%d/%s", waits.Port, waits.Protocol)]++
		if waits.Reason == "" || waits.Message == "" {
			t.Errorf("it waits without words: %+v", waits)
		}
	}
	for _, object := range plan.Services {
		told[fmt.Sprintf("%d/%s", object.Spec.Port, object.Spec.Protocol)]++
		if wrong := nlb.InvalidService(object, []string{string(in.Service.UID)}); wrong != "" {
			t.Errorf("NLBService %s planned would be refused: %s", object.Name, wrong)
		}
		refers := types.NamespacedName{Namespace: object.LoadBalancerNamespace(), Name: object.Spec.LoadBalancerRef.Name}
		if refers != plan.AttachTo || object.Namespace != in.Service.Namespace || !metav1.IsControlledBy(object, in.Service) {
			t.Errorf("NLBService %s isn't the Service's, or is for another NetworkLoadBalancer than %s: %+v", object.Name, plan.AttachTo, object)
		}
		if names[object.Name] || cloudNames[object.Spec.Name] || slices.Contains(plan.Kept, object.Name) {
			t.Errorf("NLBService %s, at Exoscale %s, is planned twice", object.Name, object.Spec.Name)
		}
		names[object.Name], cloudNames[object.Spec.Name] = true, true
	}
	for _, port := range in.Service.Spec.Ports {
		key := fmt.Sprintf("%d/%s", port.Port, projection.ProtocolOf(port))
		if told[key] != 1 {
			t.Errorf("port %s is planned or explained %d times", key, told[key])
		}
		delete(told, key)
	}
	for key := range told {
		t.Errorf("the Service has no port %s", key)
	}
	for _, name := range plan.Kept {
		if !slices.ContainsFunc(in.Services, func(s v1alpha1.NLBService) bool { return s.Name == name && metav1.IsControlledBy(&s, in.Service) }) {
			t.Errorf("NLBService %s is kept, and the Service doesn't have it", name)
		}
	}
}

// staysPlanned holds that a plan which was applied is planned again, so that
// nothing is written a second time.
func staysPlanned(t *testing.T, in projection.Input, plan projection.Plan) {
	t.Helper()
	if len(plan.Services) == 0 && plan.LoadBalancer == nil {
		return
	}
	waits := plan.Companion != nil && in.Companion == nil
	if in = applied(in, plan); waits { // the companion has a nodePort now
		plan = projection.Project(in)
		in = applied(in, plan)
	}
	if len(plan.Waits) > 0 {
		t.Errorf("nothing ends this waiting: %v", plan.Waits)
	}
	if diff := cmp.Diff(plan, projection.Project(in)); diff != "" {
		t.Errorf("once it is applied, another plan follows: %s", diff)
	}
}

// applied is what there is after a plan was applied.
func applied(in projection.Input, plan projection.Plan) projection.Input {
	var services []v1alpha1.NLBService
	for _, existing := range in.Services {
		if slices.Contains(plan.Kept, existing.Name) || !metav1.IsControlledBy(&existing, in.Service) {
			services = append(services, existing)
		}
	}
	for _, object := range plan.Services {
		object := object.DeepCopy()
		for _, existing := range in.Services {
			if existing.Name == object.Name {
				object.Status = existing.Status
			}
		}
		services = append(services, *object)
	}
	in.Services = services
	if plan.LoadBalancer != nil {
		status := v1alpha1.NetworkLoadBalancerStatus{}
		if in.LoadBalancer != nil {
			status = in.LoadBalancer.Status
		}
		in.LoadBalancer = plan.LoadBalancer.DeepCopy()
		in.LoadBalancer.Status = status
	}
	switch {
	case plan.Companion != nil:
		in.Companion = plan.Companion.DeepCopy()
		in.Companion.Spec.Ports[0].NodePort = 32053 // the API server chooses it
	case in.Companion != nil && metav1.IsControlledBy(in.Companion, in.Service):
		in.Companion = nil
	}
	return in
}

// What the bits of a made-up Input mean.
const (
	policyLocal = 1 << iota
	noHealthCheckNodePort
	familyIPv6
	familyIPv4
	sourceRanges
	clientIP
	poolNone
	poolProblem
	udpNone
	noZone
	wroteID
	childOwn
	childForeign
	childExternal
	childSpecID
	childStatusID
	servicesOwn
	servicesForeign
	longName
	udpSidecar
	noSelectorAtAll
	companionOwn
	companionForeign
	servicesServe
	sidecarsThere

	lastBit = iota
)

// madeUp is a Service that the API server would accept, annotations aside.
func madeUp(lines string, ports []byte, bits uint32) *corev1.Service {
	service := given().Service
	if bits&longName != 0 {
		service.Name = strings.Repeat("n", 63)
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if key, value, found := strings.Cut(line, "="); found {
			if !strings.Contains(key, "/") {
				key = v1alpha1.AnnotationCCMPrefix + key
			}
			service.Annotations[key] = value
		}
	}
	if bits&udpSidecar != 0 {
		service.Annotations[v1alpha1.AnnotationUDPHealthCheck] = v1alpha1.UDPHealthCheckSidecar
	}
	spec := &service.Spec
	spec.Ports = nil
	if bits&noSelectorAtAll != 0 {
		spec.Selector = nil
	}
	for bytes := range slices.Chunk(ports, 5) {
		if len(bytes) < 5 || len(spec.Ports) == 40 {
			break
		}
		port := corev1.ServicePort{
			Port:     (int32(bytes[0])<<8|int32(bytes[1]))%65535 + 1,
			NodePort: int32(bytes[2])<<8 | int32(bytes[3]),
			Protocol: []corev1.Protocol{"", corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}[bytes[4]%4],
		}
		same := func(p corev1.ServicePort) bool {
			return p.Port == port.Port && projection.ProtocolOf(p) == projection.ProtocolOf(port)
		}
		if !slices.ContainsFunc(spec.Ports, same) {
			spec.Ports = append(spec.Ports, port)
		}
	}
	if bits&policyLocal != 0 {
		spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	}
	if bits&noHealthCheckNodePort == 0 {
		spec.HealthCheckNodePort = 32000
	}
	if bits&familyIPv6 != 0 {
		spec.IPFamilies = append(spec.IPFamilies, corev1.IPv6Protocol)
	}
	if bits&familyIPv4 != 0 {
		spec.IPFamilies = append(spec.IPFamilies, corev1.IPv4Protocol)
	}
	if bits&sourceRanges != 0 {
		spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"}
	}
	if bits&clientIP != 0 {
		spec.SessionAffinity = corev1.ServiceAffinityClientIP
	}
	return service
}

// surroundings are the pool, and the objects that exist already.
func surroundings(service *corev1.Service, bits uint32) projection.Input {
	in := projection.Input{Service: service, Pool: projection.Pool{Target: &v1alpha1.Target{InstancePoolID: pool}}, Zone: "ch-gva-2"}
	if bits&poolNone != 0 {
		in.Pool.Target = nil
	}
	if bits&poolProblem != 0 {
		in.Pool.Problem = &projection.Problem{Reason: v1alpha1.ReasonNoEligibleNodes, Message: "no nodes"}
	}
	if bits&udpNone != 0 {
		in.UDPHealthCheck = projection.UDPHealthCheckNone
	}
	if bits&noZone != 0 {
		in.Zone = ""
	}
	if bits&wroteID != 0 {
		writtenByUs(&in)
	}
	if bits&(childOwn|childForeign) != 0 {
		in.LoadBalancer = existingChild(&in, bits)
	}
	if bits&(companionOwn|companionForeign) != 0 {
		sidecar(32053)(&in)
		if bits&companionForeign != 0 {
			in.Companion.OwnerReferences = nil
		}
		if bits&udpSidecar == 0 {
			delete(service.Annotations, v1alpha1.AnnotationUDPHealthCheck)
		}
	}
	if bits&(servicesOwn|servicesForeign) != 0 {
		for i, port := range service.Spec.Ports {
			object := v1alpha1.NLBService{ObjectMeta: owned(&in, projection.ServiceName(service, port, nil))}
			if bits&servicesForeign != 0 && i%2 == 0 {
				object.OwnerReferences = nil
			}
			if bits&servicesServe != 0 {
				object.Spec.Port, object.Spec.Protocol = port.Port, v1alpha1.Protocol(projection.ProtocolOf(port))
			}
			if bits&sidecarsThere != 0 {
				object.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSidecarsInjected, Status: metav1.ConditionTrue}}
			}
			in.Services = append(in.Services, object)
		}
	}
	return in
}

func existingChild(in *projection.Input, bits uint32) *v1alpha1.NetworkLoadBalancer {
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: owned(in, in.Service.Name)}
	object.Spec.Zone, object.Spec.ManagementPolicy = "at-vie-1", v1alpha1.Managed
	if bits&childForeign != 0 {
		object.OwnerReferences = nil
	}
	if bits&childExternal != 0 {
		object.Spec.ManagementPolicy, object.Spec.Name = v1alpha1.External, "terraform"
	}
	if bits&childSpecID != 0 {
		object.Spec.ID = ownNLB
	}
	if bits&childStatusID != 0 {
		statusID(ownNLB)(object)
	}
	return object
}

// seeds are lines of annotations: each alone with values that are allowed and
// not, and some that meet.
func seeds() []string {
	values := map[string][]string{
		v1alpha1.AnnotationID: {ownNLB, other, strings.ToUpper(other)}, v1alpha1.AnnotationName: {"web", "k8s-" + uid, "k8s-" + other, strings.Repeat("ä", 256)},
		v1alpha1.AnnotationExternal: {"true", "True"}, v1alpha1.AnnotationServiceName: {"web", uid + "-443", other + "-443"},
		v1alpha1.AnnotationInstancePoolID: {pool}, v1alpha1.AnnotationSKSClusterName: {"prod"}, v1alpha1.AnnotationSKSNodepoolName: {"workers"},
		v1alpha1.AnnotationStrategy: {"maglev-hash"}, v1alpha1.AnnotationHealthCheckMode: {"https"}, v1alpha1.AnnotationHealthCheckPort: {"70000", "32000", "8080"},
		v1alpha1.AnnotationHealthCheckURI: {"healthz", "http://a/b"}, v1alpha1.AnnotationHealthCheckInterval: {"5s", "1m40s"}, v1alpha1.AnnotationHealthCheckTimeout: {"1m"},
		v1alpha1.AnnotationHealthCheckRetries: {"20"}, v1alpha1.AnnotationNodeSelector: {"a=b,c!=d,e in (f,g),!h", "a=b,a=c"},
		v1alpha1.AnnotationDeletionPolicy: {"Retain"}, v1alpha1.AnnotationLoadBalancer: {"edge", "infra/edge", "web"}, v1alpha1.AnnotationUDPHealthCheck: {"sidecar"}, v1alpha1.AnnotationDescription: {"d"},
	}
	all := []string{
		"external=true\nname=terraform\ndescription=d", "external=true\nid=" + other, "sks-cluster-name=prod\nservice-sks-nodepool-name=workers",
		"service-healthcheck-mode=http\nservice-healthcheck-uri=/up\nservice-healthcheck-port=8080", v1alpha1.AnnotationLoadBalancer + "=infra/edge\nid=" + other,
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		for _, value := range append(values[key], "") {
			all = append(all, strings.TrimPrefix(key, v1alpha1.AnnotationCCMPrefix)+"="+value)
		}
	}
	return all
}
