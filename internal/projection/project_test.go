package projection_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

const (
	pool   = "f0e1d2c3-0000-4000-8000-000000000001"
	uid    = "00000000-0000-4000-8000-000000000001"
	ownNLB = "aaaaaaaa-0000-4000-8000-000000000001"
	other  = "aaaaaaaa-0000-4000-8000-000000000002"
)

// given is a Service with one TCP port, changed as a case says, and its Input.
func given(changes ...func(*projection.Input)) projection.Input {
	in := projection.Input{
		Service: &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: types.UID(uid), Annotations: map[string]string{}},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"},
				Ports: []corev1.ServicePort{tcp(80, 30080)},
			},
		},
		Pool: projection.Pool{Target: &v1alpha1.Target{InstancePoolID: pool}},
		Zone: "ch-gva-2",
	}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func tcp(port, nodePort int32) corev1.ServicePort {
	return corev1.ServicePort{Name: fmt.Sprintf("tcp-%d", port), Port: port, NodePort: nodePort, Protocol: corev1.ProtocolTCP}
}

func udp(port, nodePort int32) corev1.ServicePort {
	return corev1.ServicePort{Name: fmt.Sprintf("udp-%d", port), Port: port, NodePort: nodePort, Protocol: corev1.ProtocolUDP}
}

func ports(all ...corev1.ServicePort) func(*projection.Input) {
	return func(in *projection.Input) { in.Service.Spec.Ports = all }
}

func local(healthCheckNodePort int32) func(*projection.Input) {
	return func(in *projection.Input) {
		in.Service.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		in.Service.Spec.HealthCheckNodePort = healthCheckNodePort
	}
}

func annotated(keysAndValues ...string) func(*projection.Input) {
	return func(in *projection.Input) {
		for i := 0; i < len(keysAndValues); i += 2 {
			in.Service.Annotations[keysAndValues[i]] = keysAndValues[i+1]
		}
	}
}

// child is the NetworkLoadBalancer of the Service as it exists.
func child(changes ...func(*v1alpha1.NetworkLoadBalancer)) func(*projection.Input) {
	return func(in *projection.Input) {
		in.LoadBalancer = &v1alpha1.NetworkLoadBalancer{ObjectMeta: owned(in, "web")}
		in.LoadBalancer.Spec.Zone = "at-vie-1"
		for _, change := range changes {
			change(in.LoadBalancer)
		}
	}
}

func owned(in *projection.Input, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "default", Name: name,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(in.Service, corev1.SchemeGroupVersion.WithKind("Service"))},
	}
}

func statusID(id string) func(*v1alpha1.NetworkLoadBalancer) {
	return func(n *v1alpha1.NetworkLoadBalancer) { n.Status.ID, n.Status.Address = id, "192.0.2.1" }
}

func specID(id string) func(*v1alpha1.NetworkLoadBalancer) {
	return func(n *v1alpha1.NetworkLoadBalancer) { n.Spec.ID = id }
}

func attached(n *v1alpha1.NetworkLoadBalancer) { n.Spec.ManagementPolicy = v1alpha1.External }

func writtenByUs(in *projection.Input) {
	in.Service.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager:  projection.FieldOwner,
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + v1alpha1.AnnotationID + `":{}}}}`),
	}}
}

func children(names ...string) func(*projection.Input) {
	return func(in *projection.Input) {
		for _, name := range names {
			in.Services = append(in.Services, v1alpha1.NLBService{ObjectMeta: owned(in, name)})
		}
	}
}

func TestHealthCheck(t *testing.T) {
	const mode, port, uri = v1alpha1.AnnotationHealthCheckMode, v1alpha1.AnnotationHealthCheckPort, v1alpha1.AnnotationHealthCheckURI
	twin := ports(udp(53, 30053), tcp(53, 31053))
	for name, c := range map[string]struct {
		given []func(*projection.Input)
		want  string // of the first port: mode port path
	}{
		"cluster TCP: its own nodePort":                          {nil, "TCP 30080 "},
		"cluster TCP, mode http: path / by default":              {[]func(*projection.Input){annotated(mode, "http")}, "HTTP 30080 /"},
		"cluster TCP, mode https with a path":                    {[]func(*projection.Input){annotated(mode, "https", uri, "/up")}, "HTTPS 30080 /up"},
		"cluster TCP, a path without slash gets one":             {[]func(*projection.Input){annotated(mode, "http", uri, "up")}, "HTTP 30080 /up"},
		"cluster TCP, port annotated":                            {[]func(*projection.Input){annotated(port, "9000")}, "TCP 9000 "},
		"cluster TCP, a path alone changes nothing":              {[]func(*projection.Input){annotated(uri, "/up")}, "TCP 30080 "},
		"Local: kube-proxy by HTTP (fault 2)":                    {[]func(*projection.Input){local(32000)}, "HTTP 32000 /healthz"},
		"Local, UDP: the same":                                   {[]func(*projection.Input){local(32000), ports(udp(53, 30053))}, "HTTP 32000 /healthz"},
		"Local, mode tcp annotated is honoured":                  {[]func(*projection.Input){local(32000), annotated(mode, "tcp")}, "TCP 32000 "},
		"Local, mode http annotated keeps /healthz":              {[]func(*projection.Input){local(32000), annotated(mode, "http")}, "HTTP 32000 /healthz"},
		"Local, path annotated":                                  {[]func(*projection.Input){local(32000), annotated(uri, "/x")}, "HTTP 32000 /x"},
		"Local, another port annotated: TCP, as with the CCM":    {[]func(*projection.Input){local(32000), annotated(port, "9000")}, "TCP 9000 "},
		"Local, another port and mode http":                      {[]func(*projection.Input){local(32000), annotated(port, "9000", mode, "http")}, "HTTP 9000 /"},
		"Local, the healthCheckNodePort itself annotated":        {[]func(*projection.Input){local(32000), annotated(port, "32000")}, "HTTP 32000 /healthz"},
		"Local without healthCheckNodePort: as Cluster":          {[]func(*projection.Input){local(0)}, "TCP 30080 "},
		"UDP with a TCP twin on the port":                        {[]func(*projection.Input){twin}, "TCP 31053 "},
		"UDP with a TCP twin, mode http":                         {[]func(*projection.Input){twin, annotated(mode, "http")}, "HTTP 31053 /"},
		"UDP with a TCP port of the same nodePort":               {[]func(*projection.Input){ports(udp(53, 30053), tcp(8080, 30053))}, "TCP 30053 "},
		"UDP: the port goes before the nodePort":                 {[]func(*projection.Input){ports(udp(53, 30053), tcp(8080, 30053), tcp(53, 31053))}, "TCP 31053 "},
		"UDP with a port annotated":                              {[]func(*projection.Input){twin, annotated(port, "31621")}, "TCP 31621 "},
		"UDP without twin: kube-proxy":                           {[]func(*projection.Input){ports(udp(53, 30053))}, "HTTP 10256 /healthz"},
		"UDP without twin, mode tcp":                             {[]func(*projection.Input){ports(udp(53, 30053)), annotated(mode, "tcp")}, "TCP 10256 "},
		"UDP, an unrelated TCP port is no twin":                  {[]func(*projection.Input){ports(udp(53, 30053), tcp(80, 30080))}, "HTTP 10256 /healthz"},
		"UDP, a TCP port without nodePort is no twin (fault 14)": {[]func(*projection.Input){ports(udp(53, 30053), tcp(53, 0))}, "HTTP 10256 /healthz"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(c.given...))
			if len(plan.Services) == 0 {
				t.Fatalf("no services: %+v", plan)
			}
			check := plan.Services[0].Spec.HealthCheck
			if got := fmt.Sprintf("%s %d %s", check.Mode, check.Port, check.Path); got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
			if check.Interval.Duration != 10*time.Second || check.Timeout.Duration != 5*time.Second || check.Retries != 1 {
				t.Errorf("not the defaults: %v %v %d", check.Interval, check.Timeout, check.Retries)
			}
		})
	}
}

func TestLoadBalancerID(t *testing.T) {
	annotatedID := annotated(v1alpha1.AnnotationID, ownNLB)
	external := annotated(v1alpha1.AnnotationExternal, "true")
	named := annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationName, "terraform")
	for name, c := range map[string]struct {
		given   []func(*projection.Input)
		want    string
		problem string
	}{
		"none annotated, none there":                     {nil, "", ""},
		"annotated by a user: to be taken over":          {[]func(*projection.Input){annotatedID}, ownNLB, ""},
		"written back by us, the child is lost":          {[]func(*projection.Input){annotatedID, writtenByUs}, "", ""},
		"written back by us: no adoption":                {[]func(*projection.Input){annotatedID, writtenByUs, child(statusID(ownNLB))}, "", ""},
		"the same id, set by a user":                     {[]func(*projection.Input){annotatedID, child(statusID(ownNLB))}, "", ""},
		"lost by kubectl replace (fault 3)":              {[]func(*projection.Input){child(statusID(ownNLB))}, "", ""},
		"carried forward when the annotation is lost":    {[]func(*projection.Input){child(specID(ownNLB))}, ownNLB, ""},
		"another than the child was given":               {[]func(*projection.Input){annotatedID, child(specID(other))}, "", v1alpha1.ReasonInvalid},
		"another than the child has":                     {[]func(*projection.Input){annotatedID, child(statusID(other))}, "", v1alpha1.ReasonInvalid},
		"the NLB was made anew, we wrote the old id":     {[]func(*projection.Input){annotatedID, writtenByUs, child(statusID(other))}, "", ""},
		"annotated before anything was made":             {[]func(*projection.Input){annotatedID, child()}, ownNLB, ""},
		"external: always":                               {[]func(*projection.Input){annotatedID, external, writtenByUs, child(statusID(ownNLB), attached)}, ownNLB, ""},
		"external by name: none":                         {[]func(*projection.Input){named, child(statusID(ownNLB), attached)}, "", ""},
		"external from the start":                        {[]func(*projection.Input){annotatedID, external}, ownNLB, ""},
		"external, with an NLB of its own":               {[]func(*projection.Input){annotatedID, external, writtenByUs, child(statusID(ownNLB))}, "", v1alpha1.ReasonInvalid},
		"external by name, with an NLB of its own":       {[]func(*projection.Input){named, child(statusID(ownNLB))}, "", v1alpha1.ReasonInvalid},
		"external of another id, with an NLB of its own": {[]func(*projection.Input){annotatedID, external, child(statusID(other))}, "", v1alpha1.ReasonInvalid},
		"external before its own NLB is made":            {[]func(*projection.Input){named, child()}, "", v1alpha1.ReasonInvalid},
		"external no more":                               {[]func(*projection.Input){annotatedID, child(specID(ownNLB), statusID(ownNLB), attached)}, "", v1alpha1.ReasonInvalid},
		"external no more, and no id":                    {[]func(*projection.Input){child(statusID(ownNLB), attached)}, "", v1alpha1.ReasonInvalid},
		"external: false":                                {[]func(*projection.Input){annotated(v1alpha1.AnnotationExternal, "false"), child(statusID(ownNLB), attached)}, "", v1alpha1.ReasonInvalid},
		"in upper case":                                  {[]func(*projection.Input){annotated(v1alpha1.AnnotationID, strings.ToUpper(ownNLB)), child(specID(ownNLB))}, ownNLB, ""},
		"a NetworkLoadBalancer of the name isn't ours":   {[]func(*projection.Input){child(func(n *v1alpha1.NetworkLoadBalancer) { n.OwnerReferences = nil })}, "", v1alpha1.ReasonInUseByOther},
		"one of a Service with the same name, other UID": {[]func(*projection.Input){child(func(n *v1alpha1.NetworkLoadBalancer) { n.OwnerReferences[0].UID = "gone" })}, "", v1alpha1.ReasonInUseByOther},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(c.given...)
			plan := projection.Project(in)
			if c.problem != "" {
				if len(plan.Problems) != 1 || plan.Problems[0].Reason != c.problem || plan.LoadBalancer != nil || plan.Services != nil {
					t.Errorf("want only a problem %s, got %+v", c.problem, plan)
				}
				return
			}
			if plan.LoadBalancer == nil {
				t.Fatalf("no NetworkLoadBalancer: %+v", plan)
			}
			if plan.LoadBalancer.Spec.ID != c.want {
				t.Errorf("want id %q, got %q", c.want, plan.LoadBalancer.Spec.ID)
			}
			if in.LoadBalancer != nil && plan.LoadBalancer.Spec.Zone != "at-vie-1" {
				t.Errorf("the zone isn't carried forward: %q", plan.LoadBalancer.Spec.Zone)
			}
		})
	}
}

// Only an id that is new to the NetworkLoadBalancer has to be looked for.
func TestAdopts(t *testing.T) {
	annotatedID := annotated(v1alpha1.AnnotationID, ownNLB)
	for name, c := range map[string]struct {
		given      []func(*projection.Input)
		zone, want string
	}{
		"an NLB is made":                    {nil, "ch-gva-2", ""},
		"an NLB is to be taken over":        {[]func(*projection.Input){annotatedID}, "ch-gva-2", ownNLB},
		"the same, once its object is made": {[]func(*projection.Input){annotatedID, child()}, "at-vie-1", ownNLB},
		"it is taken over":                  {[]func(*projection.Input){annotatedID, child(specID(ownNLB))}, "", ""},
		"it isn't allowed":                  {[]func(*projection.Input){annotatedID, child(specID(other))}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(c.given...)
			zone, id := projection.Project(in).Adopts(in.LoadBalancer)
			if zone != c.zone || id != c.want {
				t.Errorf("want %q %q, got %q %q", c.zone, c.want, zone, id)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	many := func(count int) (all []corev1.ServicePort) {
		for i := range count {
			all = append(all, tcp(int32(8000+i), int32(30000+i)))
		}
		return all
	}
	none := func(in *projection.Input) { in.UDPHealthCheck = projection.UDPHealthCheckNone }
	for name, c := range map[string]struct {
		given    []func(*projection.Input)
		served   []string
		kept     []string
		problems []string // port and reason
	}{
		"SCTP, the other port goes on": {
			[]func(*projection.Input){ports(tcp(80, 30080), corev1.ServicePort{Port: 99, NodePort: 30099, Protocol: corev1.ProtocolSCTP})},
			[]string{"web-80-tcp"}, nil, []string{"99/SCTP NotSupported"},
		},
		"no nodePort: no target port 0 (fault 14)": {
			[]func(*projection.Input){ports(tcp(80, 0), tcp(81, 30081))},
			[]string{"web-81-tcp"}, nil, []string{"80/TCP Invalid"},
		},
		"no nodePort any more: its child stays": {
			[]func(*projection.Input){ports(tcp(80, 0)), children("web-80-tcp")},
			nil, []string{"web-80-tcp"}, []string{"80/TCP Invalid"},
		},
		"TCP and UDP on one port": {
			[]func(*projection.Input){ports(tcp(53, 30053), udp(53, 30054))},
			[]string{"web-53-tcp", "web-53-udp"}, nil, nil,
		},
		"a port without protocol is TCP": {
			[]func(*projection.Input){ports(corev1.ServicePort{Port: 80, NodePort: 30080})},
			[]string{"web-80-tcp"}, nil, nil,
		},
		"UDP without twin asks for a choice": {
			[]func(*projection.Input){none, ports(udp(53, 30053), tcp(80, 30080))},
			[]string{"web-80-tcp"}, nil, []string{"53/UDP Invalid"},
		},
		"an NLBService of the name isn't ours": {
			[]func(*projection.Input){ports(tcp(80, 30080), tcp(81, 30081)), func(in *projection.Input) {
				in.Services = []v1alpha1.NLBService{{ObjectMeta: metav1.ObjectMeta{Name: "web-80-tcp"}}}
			}},
			[]string{"web-81-tcp"}, nil, []string{"80/TCP InUseByOther"},
		},
		"eleven ports: the first ten": {
			[]func(*projection.Input){ports(many(11)...)},
			[]string{"web-8000-tcp", "web-8001-tcp", "web-8002-tcp", "web-8003-tcp", "web-8004-tcp", "web-8005-tcp", "web-8006-tcp", "web-8007-tcp", "web-8008-tcp", "web-8009-tcp"},
			nil, []string{"8010/TCP ServiceLimitReached"},
		},
		"eleven ports: who is served stays served": {
			[]func(*projection.Input){ports(many(11)...), children("web-8010-tcp")},
			[]string{"web-8000-tcp", "web-8001-tcp", "web-8002-tcp", "web-8003-tcp", "web-8004-tcp", "web-8005-tcp", "web-8006-tcp", "web-8007-tcp", "web-8008-tcp", "web-8010-tcp"},
			nil, []string{"8009/TCP ServiceLimitReached"},
		},
		"an impossible port takes no place": {
			[]func(*projection.Input){ports(append([]corev1.ServicePort{tcp(7000, 0)}, many(10)...)...)},
			[]string{"web-8000-tcp", "web-8001-tcp", "web-8002-tcp", "web-8003-tcp", "web-8004-tcp", "web-8005-tcp", "web-8006-tcp", "web-8007-tcp", "web-8008-tcp", "web-8009-tcp"},
			nil, []string{"7000/TCP Invalid"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(c.given...))
			var served, problems []string
			for _, service := range plan.Services {
				served = append(served, service.Name)
			}
			for _, problem := range plan.PortProblems {
				problems = append(problems, fmt.Sprintf("%d/%s %s", problem.Port, problem.Protocol, problem.Reason))
			}
			if diff := cmp.Diff(c.served, served); diff != "" {
				t.Errorf("served, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.kept, plan.Kept); diff != "" {
				t.Errorf("kept, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.problems, problems); diff != "" {
				t.Errorf("problems, -want +got:\n%s", diff)
			}
		})
	}
}

// While it isn't known yet where the traffic goes, every port waits, and nothing is
// planned; one that names its pool doesn't wait, and a problem is told alone.
func TestAPoolThatIsAwaited(t *testing.T) {
	awaited := func(in *projection.Input) {
		in.Pool = projection.Pool{Wait: &projection.Problem{Reason: v1alpha1.ReasonWaitingForVerification, Message: "soon"}}
	}
	plan := projection.Project(given(awaited, ports(tcp(80, 30080), udp(53, 30053))))
	want := []projection.PortProblem{
		{Port: 80, Protocol: corev1.ProtocolTCP, Problem: projection.Problem{Reason: v1alpha1.ReasonWaitingForVerification, Message: "soon"}},
		{Port: 53, Protocol: corev1.ProtocolUDP, Problem: projection.Problem{Reason: v1alpha1.ReasonWaitingForVerification, Message: "soon"}},
	}
	if diff := cmp.Diff(want, plan.Waits); diff != "" || plan.AttachTo.Name != "" || plan.FirstProblem() != nil {
		t.Errorf("- want, + got:\n%s\nplan: %+v", diff, plan)
	}
	if plan := projection.Project(given(awaited, annotated(v1alpha1.AnnotationInstancePoolID, pool))); len(plan.Waits) > 0 || len(plan.Services) != 1 {
		t.Errorf("a pool is named, and it waits all the same: %+v", plan)
	}
	if plan := projection.Project(given(awaited, annotated(v1alpha1.AnnotationStrategy, "fastest"))); len(plan.Waits) > 0 || len(plan.Problems) != 1 {
		t.Errorf("it waits although it can't be served: %+v", plan)
	}
}
