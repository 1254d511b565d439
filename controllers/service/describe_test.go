package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

func TestIngressOf(t *testing.T) {
	const old, now = "192.0.2.1", "192.0.2.2"
	at := func(number int32, s stage, reason string) portState {
		return portState{port: corev1.ServicePort{Port: number}, stage: s, reason: reason}
	}
	published := []corev1.LoadBalancerIngress{{IP: old}}
	for name, c := range map[string]struct {
		before  []corev1.LoadBalancerIngress
		address string
		ports   []portState
		want    string // ip mode ports
	}{
		"all ports programmed":                       {nil, now, []portState{at(80, programmed, "")}, now + " VIP"},
		"one is under way":                           {nil, now, []portState{at(80, programmed, ""), at(81, pending, "")}, ""},
		"one has failed for good":                    {nil, now, []portState{at(80, programmed, ""), at(81, failed, "CloudError")}, now + " VIP 80/TCP 81/TCP=nlb.exoscale.com/CloudError"},
		"all have failed":                            {nil, now, []portState{at(80, failed, "CloudError")}, ""},
		"one is another's: the NLB, not kube-proxy":  {nil, now, []portState{at(80, programmed, ""), at(81, failed, "PortConflict")}, now + " Proxy 80/TCP 81/TCP=nlb.exoscale.com/PortConflict"},
		"the cloud can't be asked about one":         {nil, now, []portState{at(80, programmed, ""), at(81, unknown, "")}, now + " VIP"},
		"no address yet":                             {nil, "", []portState{at(80, programmed, "")}, ""},
		"never <nil> (fault 11)":                     {nil, "<nil>", []portState{at(80, programmed, "")}, ""},
		"published, one more port is under way":      {published, old, []portState{at(80, programmed, ""), at(81, pending, "")}, old + " VIP"},
		"published, all have failed":                 {published, old, []portState{at(80, failed, "CloudError")}, old + " VIP 80/TCP=nlb.exoscale.com/CloudError"},
		"published, the address isn't known for now": {published, "", []portState{at(80, pending, "")}, old + " VIP"},
		"published, the NLB was made anew":           {published, now, []portState{at(80, pending, "")}, now + " VIP"},
		"a host name isn't an address":               {[]corev1.LoadBalancerIngress{{Hostname: "lb.example.com"}}, "", []portState{at(80, pending, "")}, " "},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, printed(ingressOf(c.before, c.address, true, c.ports))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAPortThatMayBeAnothersIsNotCapturedInTheCluster(t *testing.T) {
	published := []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	for name, c := range map[string]struct {
		stage
		held, alone bool
		want        string
	}{
		"alone, under way":          {stage: pending, alone: true, want: " VIP"},
		"shared, under way":         {stage: pending, want: " Proxy"},
		"shared, being changed":     {stage: pending, held: true, want: " VIP"},
		"shared, it works":          {stage: programmed, held: true, want: " VIP"},
		"shared, the cloud is away": {stage: unknown, held: true, want: " VIP"},
	} {
		t.Run(name, func(t *testing.T) {
			ports := []portState{{port: corev1.ServicePort{Port: 80}, stage: c.stage, held: c.held}}
			if diff := cmp.Diff("192.0.2.1"+c.want, printed(ingressOf(published, "192.0.2.1", c.alone, ports))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func printed(all []corev1.LoadBalancerIngress) string {
	var texts []string
	for _, ingress := range all {
		text := fmt.Sprintf("%s %s", ingress.IP, ptr.Deref(ingress.IPMode, ""))
		for _, port := range ingress.Ports {
			text += fmt.Sprintf(" %d/%s", port.Port, port.Protocol)
			if port.Error != nil {
				text += "=" + *port.Error
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// child is an NLBService of generation 2 with conditions like "Programmed=False".
func child(name string, observed int64, conditions ...string) v1alpha1.NLBService {
	c := v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 2}}
	c.Status.ObservedGeneration = observed
	c.Status.Conditions = given(conditions)
	return c
}

func given(conditions []string) (all []metav1.Condition) {
	for _, text := range conditions {
		kind, rest, _ := strings.Cut(text, "=")
		status, reason, _ := strings.Cut(rest, " ")
		all = append(all, metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason, Message: "said by " + kind})
	}
	return all
}

func TestPortStates(t *testing.T) {
	deleting := child("web-80-tcp", 2, "Programmed=True Programmed")
	deleting.DeletionTimestamp = ptr.To(metav1.Now())
	portProblem := projection.Plan{PortProblems: []projection.PortProblem{
		{Port: 80, Protocol: corev1.ProtocolUDP, Problem: projection.Problem{Reason: "NotSupported"}},
		{Port: 80, Protocol: corev1.ProtocolTCP, Problem: projection.Problem{Reason: "Invalid"}},
	}}
	for name, c := range map[string]struct {
		plan     projection.Plan
		children []v1alpha1.NLBService
		want     stage
		reason   string
	}{
		"no child yet":                       {projection.Plan{}, nil, pending, "Creating"},
		"no child, a problem of the port":    {portProblem, nil, failed, "Invalid"},
		"no child, a problem of the Service": {projection.Plan{Problems: []projection.Problem{{Reason: "NoEligibleNodes"}}}, nil, failed, "NoEligibleNodes"},
		"not looked at":                      {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", -1)}, pending, "Pending"},
		"programmed":                         {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", 2, "Programmed=True Programmed")}, programmed, ""},
		"programmed, for an older spec":      {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", 1, "Programmed=True Programmed")}, pending, "Updating"},
		"kept with a problem, it works":      {portProblem, []v1alpha1.NLBService{child("web-80-tcp", 2, "Programmed=True Programmed")}, programmed, ""},
		"under way":                          {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", 2, "Programmed=False Creating")}, pending, "Creating"},
		"at a halt":                          {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", 2, "Programmed=False PortConflict", "Stalled=True PortConflict")}, failed, "PortConflict"},
		"at a halt, but it was programmed":   {projection.Plan{}, []v1alpha1.NLBService{child("web-80-tcp", 2, "Programmed=Unknown Forbidden", "Stalled=True Forbidden")}, unknown, "Forbidden"},
		"being deleted":                      {projection.Plan{}, []v1alpha1.NLBService{deleting}, pending, "Deleting"},
		"a child of another port":            {projection.Plan{}, []v1alpha1.NLBService{child("web-80-udp", 2, "Programmed=True Programmed")}, pending, "Creating"},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			got := portStates(service, c.plan, children{services: c.children})
			if len(got) != 1 || got[0].stage != c.want || got[0].reason != c.reason || got[0].port.Port != 80 {
				t.Errorf("want %v %q, got %+v", c.want, c.reason, got)
			}
		})
	}
}

func TestProgrammedAs(t *testing.T) {
	lb := func(address string, conditions ...string) *v1alpha1.NetworkLoadBalancer {
		object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
		object.Status.Address, object.Status.Conditions = address, given(conditions)
		return object
	}
	fine := lb("192.0.2.1", "Programmed=True Programmed")
	leaving := lb("192.0.2.1", "Programmed=True Programmed")
	leaving.DeletionTimestamp = ptr.To(metav1.Now())
	at := func(s stage, reason string) portState {
		return portState{port: corev1.ServicePort{Port: 80}, stage: s, reason: reason, message: "why"}
	}
	for name, c := range map[string]struct {
		plan  projection.Plan
		lb    *v1alpha1.NetworkLoadBalancer
		ports []portState
		want  string
	}{
		"all is well":                       {projection.Plan{}, fine, []portState{at(programmed, "")}, "True Programmed "},
		"nothing there yet":                 {projection.Plan{}, nil, nil, "False Creating The NetworkLoadBalancer is being created"},
		"nothing there, and why":            {projection.Plan{Problems: []projection.Problem{{Reason: "Invalid", Message: "bad"}}}, nil, nil, "False Invalid bad"},
		"the NLB isn't looked at":           {projection.Plan{}, lb(""), nil, "False Pending NetworkLoadBalancer web isn't looked at yet"},
		"the NLB can't be made":             {projection.Plan{}, lb("", "Programmed=False QuotaExceeded"), nil, "False QuotaExceeded NetworkLoadBalancer web: said by Programmed"},
		"the NLB has no address":            {projection.Plan{}, lb("", "Programmed=True Programmed"), nil, "False WaitingForAddress NetworkLoadBalancer web has no address yet"},
		"the NLB is being deleted":          {projection.Plan{}, leaving, nil, "False LoadBalancerDeleting NetworkLoadBalancer web is being deleted, and is made anew then"},
		"a port that failed goes first":     {projection.Plan{}, fine, []portState{at(pending, "Creating"), at(failed, "PortConflict")}, "False PortConflict port 80/TCP: why; port 80/TCP: why"},
		"a port that is under way":          {projection.Plan{}, fine, []portState{at(programmed, ""), at(pending, "Creating")}, "False Creating port 80/TCP: why"},
		"the cloud can't be asked":          {projection.Plan{}, fine, []portState{at(programmed, ""), at(unknown, "Retrying")}, "Unknown Retrying port 80/TCP: why"},
		"a problem of a Service that works": {projection.Plan{Problems: []projection.Problem{{Reason: "Invalid"}}}, fine, []portState{at(programmed, "")}, "True Programmed "},
	} {
		t.Run(name, func(t *testing.T) {
			v := programmedAs(c.plan, children{loadBalancer: c.lb, serving: c.lb}, c.ports)
			if diff := cmp.Diff(c.want, fmt.Sprintf("%s %s %s", v.status, v.reason, v.message)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	refused := child("web-80-tcp", 2, "Accepted=False NotFound")
	portProblem := projection.PortProblem{Port: 99, Protocol: "SCTP", Problem: projection.Problem{Reason: "NotSupported", Message: "no"}}
	for name, c := range map[string]struct {
		plan projection.Plan
		own  children
		want string
	}{
		"all is well":             {projection.Plan{}, children{services: []v1alpha1.NLBService{child("web-80-tcp", 2)}}, "True Accepted "},
		"a problem of a port":     {projection.Plan{PortProblems: []projection.PortProblem{portProblem}}, children{}, "False NotSupported port 99/SCTP: no"},
		"the pool could be other": {projection.Plan{PoolProblem: &projection.Problem{Reason: "AmbiguousInstancePool", Message: "two"}}, children{}, "False AmbiguousInstancePool two"},
		"several problems":        {projection.Plan{Problems: []projection.Problem{{Reason: "Invalid", Message: "a"}, {Reason: "NotSupported", Message: "b"}}}, children{}, "False Invalid a; b"},
		"a child isn't accepted":  {projection.Plan{}, children{services: []v1alpha1.NLBService{refused}}, "False NotFound NLBService web-80-tcp: said by Accepted"},
		"the NLB isn't accepted": {projection.Plan{}, children{loadBalancer: &v1alpha1.NetworkLoadBalancer{
			ObjectMeta: metav1.ObjectMeta{Name: "web"}, Status: v1alpha1.NetworkLoadBalancerStatus{Conditions: given([]string{"Accepted=False InUseByOther"})},
		}}, "False InUseByOther NetworkLoadBalancer web: said by Accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			v := accepted(c.plan, c.own)
			if diff := cmp.Diff(c.want, fmt.Sprintf("%s %s %s", v.status, v.reason, v.message)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReleasingTellsWhatStandsInTheWay(t *testing.T) {
	service := &corev1.Service{}
	stuck := child("web-80-tcp", 2, "Stalled=True Forbidden")
	lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	lb.Status.Conditions = given([]string{"Stalled=True ForeignServices"})
	describeReleasing(service, []string{"NLBService web-80-tcp", "NetworkLoadBalancer web"}, children{loadBalancer: lb, services: []v1alpha1.NLBService{stuck}})
	c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ServiceConditionProgrammed)
	if c == nil || c.Reason != v1alpha1.ReasonDeleting || strings.Count(c.Message, "said by Stalled") != 2 {
		t.Errorf("it doesn't tell what is left and why: %+v", c)
	}
}

func TestConditionsAreNoLongerThanTheAPIServerTakes(t *testing.T) {
	service := &corev1.Service{}
	describe(service, projection.Plan{Problems: []projection.Problem{{Reason: "Invalid", Message: strings.Repeat("ä", 40000)}}}, children{})
	for _, c := range service.Status.Conditions {
		if len(c.Message) > brief.Condition {
			t.Errorf("%s has %d bytes", c.Type, len(c.Message))
		}
	}
	describeUnclaimed(service)
	forget(service)
	if len(service.Status.Conditions) != 0 {
		t.Errorf("left: %+v", service.Status.Conditions)
	}
}

func TestAddressAfter(t *testing.T) {
	noon := time.Date(2026, 8, 7, 12, 0, 0, 0, time.UTC)
	service := func(address string, programmed metav1.ConditionStatus) *corev1.Service {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(noon.Add(-24 * time.Hour))}}
		if address != "" {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
		}
		if programmed != "" {
			s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ServiceConditionProgrammed, Status: programmed, LastTransitionTime: metav1.NewTime(noon.Add(-7 * time.Second))}}
		}
		return s
	}
	const address = "192.0.2.1"
	for name, c := range map[string]struct {
		before, now *corev1.Service
		want        time.Duration
		published   bool
	}{
		"since the first look, not since it was made": {service("", metav1.ConditionFalse), service(address, metav1.ConditionTrue), 7 * time.Second, true},
		"at the first look":                           {service("", ""), service(address, metav1.ConditionTrue), 0, true},
		"still none":                                  {service("", metav1.ConditionFalse), service("", metav1.ConditionFalse), 0, false},
		"it had one, of the CCM for example":          {service(address, ""), service(address, metav1.ConditionTrue), 0, false},
		"another than before":                         {service("192.0.2.2", metav1.ConditionFalse), service(address, metav1.ConditionTrue), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, published := addressAfter(c.before, c.now, noon)
			if got != c.want || published != c.published {
				t.Errorf("got %v, %v, want %v, %v", got, published, c.want, c.published)
			}
		})
	}
}
