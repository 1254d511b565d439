package sidecar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

func TestWhoGetsASidecar(t *testing.T) {
	asks := service("dns", nil, number(53))
	for name, tc := range map[string]struct {
		in   sidecar.Input
		want bool
	}{
		"a Pod whose label asks":                                           {given(), true},
		"a Pod whose label says something else":                            {given(labelled("yes")), false},
		"a Pod without the label":                                          {given(labelled("")), false},
		"a Pod of a Service that asks, in a namespace that doesn't":        {given(labelled(""), asks), false},
		"a Pod of a Service that asks, in a namespace that does":           {given(byNamespace, asks), true},
		"a Pod without a Service in such a namespace":                      {given(byNamespace), false},
		"a Pod that says no in such a namespace":                           {given(byNamespace, labelled("false"), asks), false},
		"a Pod of a Service that doesn't ask, in such a namespace":         {given(byNamespace, service("dns", func(s *corev1.Service) { s.Annotations = nil }, number(53))), false},
		"a Pod of a Service that asks for something else":                  {given(byNamespace, service("dns", func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationUDPHealthCheck] = "magic" }, number(53))), false},
		"a Pod that the asking Service doesn't select":                     {given(byNamespace, service("dns", func(s *corev1.Service) { s.Spec.Selector["app"] = "web" }, number(53))), false},
		"a Pod of an asking Service without a selector":                    {given(byNamespace, service("dns", func(s *corev1.Service) { s.Spec.Selector = nil }, number(53))), false},
		"a Pod of an asking Service of type ExternalName":                  {given(byNamespace, service("dns", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName }, number(53))), false},
		"a Pod of an asking Service that is being deleted":                 {given(byNamespace, service("dns", func(s *corev1.Service) { s.DeletionTimestamp = &metav1.Time{Time: time.Now()} }, number(53))), false},
		"a Pod in a namespace whose label has another value":               {given(byNamespace, asks, func(in *sidecar.Input) { in.Namespace.Labels[v1alpha1.LabelUDPHealthCheckInjection] = "true" }), false},
		"a Pod whose label asks, in a namespace of which nothing is known": {given(func(in *sidecar.Input) { in.Namespace = nil }), true},
	} {
		t.Run(name, func(t *testing.T) {
			got := sidecar.Decide(tc.in)
			if (got.Container != nil) != tc.want {
				t.Errorf("a sidecar: %t, since %q; want %t", got.Container != nil, got.Reason, tc.want)
			}
			if len(got.Warnings) > 0 {
				t.Errorf("warned: %q", got.Warnings)
			}
		})
	}
}

func TestWhoIsLeftAlone(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	owned := func(apiVersion, kind string) func(*sidecar.Input) {
		return pod(func(pod *corev1.Pod) {
			pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: "owner"}}
		})
	}
	annotated := func(key, value string) func(*sidecar.Input) {
		return pod(func(pod *corev1.Pod) { pod.Annotations[key] = value })
	}
	onHost := pod(func(pod *corev1.Pod) { pod.Spec.HostNetwork = true })
	for name, tc := range map[string]struct {
		in     sidecar.Input
		reason string // empty: it gets a sidecar
		quiet  bool
	}{
		"it has the sidecar": {given(pod(func(pod *corev1.Pod) {
			pod.Spec.InitContainers = []corev1.Container{{Name: "udp-healthcheck", RestartPolicy: &always}}
		})), "already", true},
		"it has one made by hand beside the application": {given(pod(func(pod *corev1.Pod) {
			pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "udp-healthcheck"})
		})), "already", true},
		"it mirrors a static Pod":         {given(annotated("kubernetes.io/config.mirror", "0a1b")), "static Pod", true},
		"it comes from a file of a node":  {given(annotated("kubernetes.io/config.source", "file")), "static Pod", true},
		"it says that it is from the API": {given(annotated("kubernetes.io/config.source", "api")), "", true},
		"it is being deleted":             {given(pod(func(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: time.Now()} })), "ended", true},
		"it has succeeded":                {given(pod(func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded })), "ended", true},
		"it has failed":                   {given(pod(func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed })), "ended", true},
		"it runs":                         {given(pod(func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning })), "", true},
		"it is a Job's":                   {given(owned("batch/v1", "Job")), "Job owner", false},
		"it is of a Job of somebody else": {given(owned("example.com/v1", "Job")), "", true},
		"it is a ReplicaSet's":            {given(owned("apps/v1", "ReplicaSet")), "", true},
		"it is for Windows":               {given(pod(func(pod *corev1.Pod) { pod.Spec.OS = &corev1.PodOS{Name: corev1.Windows} })), "Windows", false},
		"it selects nodes with Windows":   {given(pod(func(pod *corev1.Pod) { pod.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"} })), "Windows", false},
		"it is for Linux":                 {given(pod(func(pod *corev1.Pod) { pod.Spec.OS = &corev1.PodOS{Name: corev1.Linux} })), "", true},
		"it is on the node's network":     {given(onHost), "node's network", false},
		"it is there and asks again":      {given(onHost, annotated(v1alpha1.AnnotationUDPHealthCheckHostNetwork, "true")), "", true},
		"it has a port of that name": {given(pod(func(pod *corev1.Pod) {
			pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{Name: "udp-health", ContainerPort: 9})
		})), "a port named udp-health", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := sidecar.Decide(tc.in)
			switch {
			case tc.reason == "" && got.Container == nil:
				t.Errorf("no sidecar, since %q", got.Reason)
			case tc.reason != "" && (got.Container != nil || !strings.Contains(got.Reason, tc.reason)):
				t.Errorf("a sidecar: %t, since %q; want a reason with %q", got.Container != nil, got.Reason, tc.reason)
			case tc.quiet != (len(got.Warnings) == 0):
				t.Errorf("warned: %q; want it quiet: %t", got.Warnings, tc.quiet)
			}
		})
	}
}

func TestNothingOfTheInputIsChanged(t *testing.T) {
	in := given(byNamespace, service("b", how("dns/dns"), name("dns")), service("a", nil, number(53)))
	pod, first := in.Pod.DeepCopy(), in.Services[0].DeepCopy()
	if sidecar.Decide(in).Container == nil {
		t.Fatal("no sidecar")
	}
	if diff := cmp.Diff(pod, in.Pod) + cmp.Diff(first, &in.Services[0]); diff != "" {
		t.Error(diff)
	}
}

// An API server cuts warnings that are longer.
func TestWarningsAreShort(t *testing.T) {
	long := strings.Repeat("ü", 300)
	warnings := sidecar.Decide(given(probed(long))).Warnings
	if len(warnings) != 1 || len(warnings[0]) > 256 || !strings.HasSuffix(warnings[0], "…") || strings.ContainsRune(warnings[0], '�') {
		t.Errorf("%d bytes: %q", len(slices.Concat(warnings)), warnings)
	}
}
