package sidecar_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

// A container that may not be root starts only if it is told who it is, or its
// image tells.
func TestUser(t *testing.T) {
	openshift := func(in *sidecar.Input) {
		in.Namespace.Annotations = map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000"}
	}
	as := func(user int64) func(*sidecar.Input) {
		return pod(func(pod *corev1.Pod) { pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &user} })
	}
	for name, tc := range map[string]struct {
		in   sidecar.Input
		want *int64
	}{
		"the Pod doesn't say":             {given(), ptr.To[int64](65532)},
		"the Pod runs as root":            {given(as(0)), ptr.To[int64](65532)},
		"the namespace isn't known":       {given(func(in *sidecar.Input) { in.Namespace = nil }), ptr.To[int64](65532)},
		"OpenShift chooses one":           {given(openshift), nil},
		"OpenShift lets the Pod have one": {given(openshift, as(1000)), nil},
		"OpenShift lets the Pod be root":  {given(openshift, as(0)), ptr.To[int64](65532)},
	} {
		t.Run(name, func(t *testing.T) {
			c := sidecar.Decide(tc.in).Container
			if c == nil {
				t.Fatal("no sidecar")
			}
			if got := c.SecurityContext.RunAsUser; !ptr.Equal(got, tc.want) {
				t.Errorf("runs as %v; want %v", got, tc.want)
			}
		})
	}
}

// A sidecar lingers for as long as somebody may lead datagrams to a Pod that can't
// answer them any more.
func TestLinger(t *testing.T) {
	local := func(interval, retries, timeout string) func(*corev1.Service) {
		return func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
			for key, value := range map[string]string{
				v1alpha1.AnnotationHealthCheckInterval: interval, v1alpha1.AnnotationHealthCheckRetries: retries, v1alpha1.AnnotationHealthCheckTimeout: timeout,
			} {
				if value != "" {
					s.Annotations[key] = value
				}
			}
		}
	}
	for name, tc := range map[string]struct {
		in   sidecar.Input
		want string
	}{
		"no Service asks":                         {given(), "15s"},
		"Kubernetes has to notice":                {given(service("dns", nil, number(53))), "8s"},
		"the NLB has to notice":                   {given(service("dns", local("", "", ""), number(53))), "15s"},
		"the NLB looks often":                     {given(service("dns", local("5s", "1", "2s"), number(53))), "8s"},
		"the NLB looks several times":             {given(service("dns", local("5s", "4", "3s"), number(53))), "23s"},
		"the NLB looks seldom":                    {given(service("dns", local("5m", "20", "1m"), number(53))), "10m0s"},
		"what the annotations say makes no sense": {given(service("dns", local("?", "?", "?"), number(53))), "15s"},
		"one of two NLBs has to notice":           {given(service("a", local("20s", "", ""), number(53)), service("b", nil, number(53))), "25s"},
	} {
		t.Run(name, func(t *testing.T) {
			c := sidecar.Decide(tc.in).Container
			if c == nil || !slices.Contains(c.Args, "--linger="+tc.want) {
				t.Errorf("%+v; want %s", c, tc.want)
			}
		})
	}
}
