package injection_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/injection"
)

// pod is an endpoint without sidecar that nobody makes anew.
func pod(changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare"}}
	p.Spec.Containers = []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}}}}
	p.Status.PodIP, p.Status.Phase = "10.0.0.1", corev1.PodRunning
	for _, change := range changes {
		change(p)
	}
	return p
}

var health = corev1.Container{Name: "udp-healthcheck", Ports: []corev1.ContainerPort{{Name: "udp-health", ContainerPort: 18053, Protocol: corev1.ProtocolTCP}}}

func injected(p *corev1.Pod) {
	native := health
	native.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	p.Spec.InitContainers = append(p.Spec.InitContainers, native)
}

func of(kind, name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, Controller: ptr.To(true)}}
	}
}

func ofDeployment(name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Labels = map[string]string{"pod-template-hash": "5d4f8"}
		of("ReplicaSet", name+"-5d4f8")(p)
	}
}

func onHost(p *corev1.Pod) { p.Spec.HostNetwork = true }

func asks(p *corev1.Pod) { p.Labels = map[string]string{v1alpha1.LabelUDPHealthCheck: "true"} }

func coverageOf(pods []*corev1.Pod) injection.Coverage {
	var c injection.Coverage
	for _, p := range pods {
		c.Add(p)
	}
	return c
}

func TestWhoCounts(t *testing.T) {
	for name, c := range map[string]struct {
		pod  *corev1.Pod
		want string // lacking/endpoints
	}{
		"without sidecar":                      {pod(), "1/1"},
		"injected":                             {pod(injected), "0/1"},
		"injected and not ready":               {pod(injected, func(p *corev1.Pod) { p.Status.Conditions = nil }), "0/1"},
		"added by hand as a container":         {pod(func(p *corev1.Pod) { p.Spec.Containers = append(p.Spec.Containers, health) }), "0/1"},
		"an init container that ends":          {pod(func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{health} }), "1/1"},
		"a port of that name by UDP":           {pod(func(p *corev1.Pod) { p.Spec.Containers[0].Ports[0].Name = "udp-health" }), "1/1"},
		"no address yet":                       {pod(func(p *corev1.Pod) { p.Status.PodIP = "" }), "0/0"},
		"on its way out":                       {pod(func(p *corev1.Pod) { now := metav1.Now(); p.DeletionTimestamp = &now }), "0/0"},
		"completed":                            {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), "0/0"},
		"failed":                               {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), "0/0"},
		"its container is called so, no port":  {pod(func(p *corev1.Pod) { p.Spec.Containers[0].Name = "udp-healthcheck" }), "1/1"},
		"a container port without a protocol":  {pod(injected, func(p *corev1.Pod) { p.Spec.InitContainers[0].Ports[0].Protocol = "" }), "0/1"},
		"without sidecar, though it asks":      {pod(asks), "1/1"},
		"without sidecar, of a Deployment too": {pod(ofDeployment("dns")), "1/1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := coverageOf([]*corev1.Pod{c.pod})
			if text := fmt.Sprintf("%d/%d", got.Missing, got.Endpoints); text != c.want {
				t.Errorf("want %s, got %s", c.want, text)
			}
		})
	}
}

func TestConditionTellsHowTheyGetIt(t *testing.T) {
	const enabling, image = "kubectl label namespace shop nlb.exoscale.com/udp-healthcheck-injection=enabled", "--udp-sidecar-image"
	many := []*corev1.Pod{}
	for i := range 7 {
		many = append(many, pod(ofDeployment(fmt.Sprintf("dns-%d", i))))
	}
	enabled := injection.Situation{Namespace: "shop", Service: "dns", Injects: true, Enabled: true}
	disabled, nobody := enabled, enabled
	disabled.Enabled, nobody.Injects = false, false
	for name, c := range map[string]struct {
		in     injection.Situation
		pods   []*corev1.Pod
		want   string // status and reason
		says   []string
		silent []string
	}{
		"no Pods":            {enabled, nil, "Unknown NoEndpoints", []string{"shop/dns"}, nil},
		"all have it":        {enabled, []*corev1.Pod{pod(injected), pod(injected)}, "True SidecarsInjected", []string{"shop/dns"}, []string{"kubectl"}},
		"all have it by now": {nobody, []*corev1.Pod{pod(injected)}, "True SidecarsInjected", nil, []string{image}},
		"a Deployment": {
			enabled, []*corev1.Pod{pod(injected), pod(ofDeployment("dns")), pod(ofDeployment("dns"))}, "False SidecarsMissing",
			[]string{"2 of 3 endpoints of Service shop/dns", "kubectl --namespace shop rollout restart deployment/dns"}, []string{enabling, image, "host"},
		},
		"several makers, one command": {
			enabled, []*corev1.Pod{pod(of("StatefulSet", "b")), pod(of("DaemonSet", "c")), pod(ofDeployment("a")), pod(of("StatefulSet", "b"))}, "False SidecarsMissing",
			[]string{"4 of 4", "kubectl --namespace shop rollout restart daemonset/c deployment/a statefulset/b"}, nil,
		},
		"a bare Pod":                       {enabled, []*corev1.Pod{pod()}, "False SidecarsMissing", []string{"delete Pod bare, which nobody makes anew"}, []string{"rollout"}},
		"a ReplicaSet of nobody":           {enabled, []*corev1.Pod{pod(of("ReplicaSet", "rs-5d4f8"))}, "False SidecarsMissing", []string{"delete the Pods of ReplicaSet rs-5d4f8"}, []string{"rollout"}},
		"a kind that kubectl doesn't know": {enabled, []*corev1.Pod{pod(of("CloneSet", "x"))}, "False SidecarsMissing", []string{"delete the Pods of CloneSet x"}, []string{"rollout"}},
		"nobody asks for it":               {disabled, []*corev1.Pod{pod(ofDeployment("dns"))}, "False SidecarsMissing", []string{enabling, "udp-healthcheck: \"true\"", "deployment/dns"}, nil},
		"the Pods ask for it":              {disabled, []*corev1.Pod{pod(asks)}, "False SidecarsMissing", nil, []string{enabling}},
		"on the host's network":            {enabled, []*corev1.Pod{pod(onHost)}, "False SidecarsMissing", []string{"1 of them are on the network of their node", "udp-healthcheck-host-network: \"true\""}, []string{enabling}},
		"on the host's network, and may": {enabled, []*corev1.Pod{pod(onHost, func(p *corev1.Pod) {
			p.Annotations = map[string]string{"nlb.exoscale.com/udp-healthcheck-host-network": "true"}
		})}, "False SidecarsMissing", nil, []string{"network of their node"}},
		"the Pods decline it": {enabled, []*corev1.Pod{pod(func(p *corev1.Pod) { p.Labels = map[string]string{v1alpha1.LabelUDPHealthCheck: "false"} })}, "False SidecarsMissing", []string{"1 of them decline it"}, []string{enabling}},
		"nobody injects":      {nobody, []*corev1.Pod{pod(ofDeployment("dns"))}, "False NobodyInjects", []string{"1 of 1", image, "deployment/dns"}, nil},
		"many":                {enabled, many, "False SidecarsMissing", []string{"deployment/dns-4 (and 2 more)"}, []string{"dns-5"}},
	} {
		t.Run(name, func(t *testing.T) {
			condition := coverageOf(c.pods).Condition(c.in)
			if got := string(condition.Status) + " " + condition.Reason; got != c.want || condition.Type != v1alpha1.ConditionSidecarsInjected {
				t.Errorf("want %s, got %s", c.want, got)
			}
			for _, part := range c.says {
				if !strings.Contains(condition.Message, part) {
					t.Errorf("it doesn't say %q: %s", part, condition.Message)
				}
			}
			for _, part := range c.silent {
				if strings.Contains(condition.Message, part) {
					t.Errorf("it says %q: %s", part, condition.Message)
				}
			}
		})
	}
}
