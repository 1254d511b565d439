package sidecar_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

// targetsOf are the arguments of a sidecar that say what it watches.
func targetsOf(d sidecar.Decision) []string {
	var targets []string
	if d.Container != nil {
		for _, argument := range d.Container.Args {
			if target, is := strings.CutPrefix(argument, "--target="); is {
				targets = append(targets, target)
			}
		}
	}
	return targets
}

func TestWhatIsWatched(t *testing.T) {
	moreUDP := pod(func(pod *corev1.Pod) {
		pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{Name: "notify", ContainerPort: 5353, Protocol: corev1.ProtocolUDP})
	})
	noPorts := pod(func(pod *corev1.Pod) { pod.Spec.Containers[0].Ports = nil })
	for name, tc := range map[string]struct {
		in    sidecar.Input
		want  []string
		noted string
	}{
		"the UDP ports of the containers":         {given(moreUDP), []string{"53/socket", "5353/socket"}, ""},
		"those of the containers as the Pod says": {given(moreUDP, probed("dns")), []string{"53/dns", "5353/dns"}, ""},
		"one that the Pod names":                  {given(moreUDP, probed("notify/socket")), []string{"5353/socket"}, ""},
		"one by its number, and the others":       {given(moreUDP, probed("5353/socket /dns")), []string{"5353/socket", "53/dns"}, ""},
		"one that no container names":             {given(noPorts, probed("7777/dns")), []string{"7777/dns"}, ""},
		"what a Service sends to":                 {given(noPorts, service("dns", nil, number(5300))), []string{"5300/socket"}, ""},
		"what a Service sends to, and no more":    {given(moreUDP, service("dns", nil, number(53))), []string{"53/socket"}, ""},
		"what a Service sends to by name":         {given(service("dns", nil, name("dns"))), []string{"53/socket"}, ""},
		"what a Service sends to without saying":  {given(service("dns", nil, number(0))), []string{"1000/socket"}, ""},
		"as the Service says":                     {given(service("dns", how("dns"), number(53))), []string{"53/dns"}, ""},
		"as the Service says of the port's name":  {given(service("dns", how("dns/dns"), number(53))), []string{"53/dns"}, ""},
		"as it says of each port": {given(moreUDP, service("dns", how("53/dns notify/probe;payload=hex:00"), number(53), name("notify"))),
			[]string{"53/dns", "5353/probe;payload=hex:00"}, ""},
		"as the Pod says, whatever the Service does": {given(probed("dns"), service("dns", how("socket;interval=1s"), number(53))), []string{"53/dns"}, ""},
		"as the Pod says of one, as the Service of the other": {given(moreUDP, probed("53/dns"), service("dns", how("socket;interval=1s"), number(53), number(5353))),
			[]string{"53/dns", "5353/socket;interval=1s"}, ""},
		"one of no Service that the Pod names": {given(moreUDP, probed("5353/dns"), service("dns", nil, number(53))), []string{"53/socket", "5353/dns"}, ""},
		"one in two ways":                      {given(probed("53/dns 53/socket")), []string{"53/dns", "53/socket"}, ""},
		"one of two Services, once":            {given(service("b", nil, number(53)), service("a", nil, name("dns"))), []string{"53/socket"}, ""},
		"two Services in the order of their names": {given(service("b", how("dns"), number(53)), service("a", nil, number(54))),
			[]string{"54/socket", "53/dns"}, ""},
		"not the TCP ports of a Service": {given(service("dns", func(s *corev1.Service) {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 53, Protocol: corev1.ProtocolTCP})
		}, number(53))), []string{"53/socket"}, ""},
		"the port of a native sidecar": {given(noPorts, pod(func(pod *corev1.Pod) {
			always := corev1.ContainerRestartPolicyAlways
			pod.Spec.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 99, Protocol: corev1.ProtocolUDP}}}}
		}), service("dns", nil, name("proxy"))), []string{"99/socket"}, ""},
		"what there is of a Service's names":   {given(service("dns", nil, name("dns"), name("gone"))), []string{"53/socket"}, `Service dns sends UDP port 1001 to a port named "gone"`},
		"a payload that looks like a variable": {given(probed("53/probe;payload=text:$(HOME)$$")), []string{"53/probe;payload=text:$$(HOME)$$$$"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := sidecar.Decide(tc.in)
			if diff := cmp.Diff(tc.want, targetsOf(got)); diff != "" {
				t.Errorf("-want +got, reason %q:\n%s", got.Reason, diff)
			}
			if warned := strings.Join(got.Warnings, "\n"); (tc.noted == "") != (warned == "") || !strings.Contains(warned, tc.noted) {
				t.Errorf("warned %q; want %q", warned, tc.noted)
			}
		})
	}
}

func TestNonsenseLeavesThePodAsItIs(t *testing.T) {
	noPorts := pod(func(pod *corev1.Pod) { pod.Spec.Containers[0].Ports = nil })
	var many []intstr.IntOrString
	for i := range 33 {
		many = append(many, number(2000+i))
	}
	for name, tc := range map[string]struct {
		in   sidecar.Input
		want string
	}{
		"the Pod's annotation can't be read":      {given(probed("53/ping")), "annotation nlb.exoscale.com/udp-healthcheck-probe of the Pod: "},
		"the Pod's annotation is blank":           {given(probed(" ")), "annotation nlb.exoscale.com/udp-healthcheck-probe of the Pod: "},
		"the Service's annotation can't be read":  {given(service("dns", how("53/probe"), number(53))), "annotation nlb.exoscale.com/udp-healthcheck-probe of Service dns: "},
		"another Service's annotation is right":   {given(service("a", how("dns"), number(53)), service("b", how("?"), number(53))), "of Service b: "},
		"the Service's names another port":        {given(service("dns", how("54/dns"), number(53))), "of Service dns names port 54, to which the Service sends no UDP"},
		"the Pod's names a port that isn't there": {given(probed("voice/dns")), "of the Pod names port voice, but no container has"},
		"a TCP port is named":                     {given(probed("dns-tcp/dns")), "of the Pod names port dns-tcp, but no container has"},
		"there are no UDP ports":                  {given(noPorts), "nothing tells which UDP port to watch"},
		"the Service has no UDP port":             {given(byNamespace, service("dns", nil)), "Service dns has no UDP port"},
		"the Service's port isn't there":          {given(byNamespace, service("dns", nil, name("gone"))), `to a port named "gone", but no container of the Pod has`},
		"there are too many":                      {given(service("dns", nil, many...)), "there are 33 ports to watch; at most 32 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := sidecar.Decide(tc.in)
			if got.Container != nil || !strings.Contains(got.Reason, tc.want) {
				t.Errorf("a sidecar: %t, since %q; want a reason with %q", got.Container != nil, got.Reason, tc.want)
			}
			if len(got.Warnings) == 0 || !strings.HasPrefix(got.Warnings[0], "no UDP health-check sidecar: ") {
				t.Errorf("warned %q", got.Warnings)
			}
		})
	}
}

func TestPortsGiveWay(t *testing.T) {
	uses := func(ports ...int32) func(*sidecar.Input) {
		return pod(func(pod *corev1.Pod) {
			for _, port := range ports {
				pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: fmt.Sprint(port), Ports: []corev1.ContainerPort{{ContainerPort: port, Protocol: corev1.ProtocolTCP}}})
			}
		})
	}
	for name, tc := range map[string]struct {
		in           sidecar.Input
		health, info int32
	}{
		"nobody uses them":   {given(), 18053, 18054},
		"one is used":        {given(uses(18053)), 18054, 18055},
		"the other is used":  {given(uses(18054)), 18053, 18055},
		"both and more are":  {given(uses(18053, 18054, 18056)), 18055, 18057},
		"UDP is another one": {given(pod(func(pod *corev1.Pod) { pod.Spec.Containers[0].Ports[0].ContainerPort = 18053 })), 18053, 18054},
	} {
		t.Run(name, func(t *testing.T) {
			c := sidecar.Decide(tc.in).Container
			if c == nil || c.Ports[0].ContainerPort != tc.health || c.Ports[1].ContainerPort != tc.info {
				t.Fatalf("%+v; want %d and %d", c, tc.health, tc.info)
			}
			want := []string{"--injected", fmt.Sprintf("--health-port=%d", tc.health), fmt.Sprintf("--info-port=%d", tc.info)}
			if diff := cmp.Diff(want, c.Args[:3]); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
