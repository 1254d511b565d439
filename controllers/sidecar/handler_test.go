package sidecar_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/sidecar"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
)

// broken is a cache that can't be read.
type broken func() error

func (b broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return b()
}
func (b broken) List(context.Context, client.ObjectList, ...client.ListOption) error { return b() }

func unread() error  { return errors.New("the cache can't be read") }
func nothing() error { return nil }
func panics() error  { panic("out of order") }

func asking() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "dns-", Labels: map[string]string{v1alpha1.LabelUDPHealthCheck: "true"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "dns", Image: "dns", Ports: []corev1.ContainerPort{{ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		}}},
	}
}

// creates is the request to create a Pod.
func creates(t *testing.T, pod *corev1.Pod) admission.Request {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "1", Operation: admissionv1.Create, Namespace: "names",
		Kind:     metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Object:   runtime.RawExtension{Raw: raw},
	}}
}

func TestEveryAnswerAllows(t *testing.T) {
	for name, tc := range map[string]struct {
		reads   func() error
		edit    func(*admission.Request)
		watched []string
		patched bool
		warned  string
		counted metrics.Admission // empty: not at all
	}{
		"a Pod that asks":                        {reads: nothing, patched: true, counted: metrics.Injected},
		"a dry run":                              {reads: nothing, patched: true, edit: func(r *admission.Request) { yes := true; r.DryRun = &yes }},
		"the cache can't be read":                {reads: unread, warned: "no UDP health-check sidecar: reading namespace names: the cache can't be read", counted: metrics.Failed},
		"it panics":                              {reads: panics, warned: "the operator has failed", counted: metrics.Failed},
		"the namespace isn't watched":            {reads: panics, watched: []string{"others"}, warned: "--watch-namespaces", counted: metrics.Failed},
		"the namespace is watched":               {reads: nothing, watched: []string{"others", "names"}, patched: true, counted: metrics.Injected},
		"the Pod can't be read":                  {reads: panics, edit: func(r *admission.Request) { r.Object.Raw = []byte("{") }, counted: metrics.Failed},
		"there is no Pod":                        {reads: panics, edit: func(r *admission.Request) { r.Object.Raw = nil }, counted: metrics.Failed},
		"it is an update":                        {reads: panics, edit: func(r *admission.Request) { r.Operation = admissionv1.Update }},
		"it is a part of a Pod":                  {reads: panics, edit: func(r *admission.Request) { r.SubResource = "ephemeralcontainers" }},
		"it is no Pod":                           {reads: panics, edit: func(r *admission.Request) { r.Resource.Resource = "services" }},
		"it is in kube-system":                   {reads: panics, edit: func(r *admission.Request) { r.Namespace = "kube-system" }, counted: metrics.Untouched},
		"it is in the namespace of the operator": {reads: panics, edit: func(r *admission.Request) { r.Namespace = "ours" }, counted: metrics.Untouched},
	} {
		t.Run(name, func(t *testing.T) {
			counted := metrics.Admission("")
			h := sidecar.NewHandler(sidecar.Options{
				Count:  func(result metrics.Admission) { counted += result },
				Reader: broken(tc.reads), LimitRanges: broken(tc.reads), Decoder: admission.NewDecoder(scheme.Scheme), Image: "image", OwnNamespace: "ours", WatchNamespaces: tc.watched,
			})
			request := creates(t, asking())
			if tc.edit != nil {
				tc.edit(&request)
			}
			got := (&admission.Webhook{Handler: h}).Handle(t.Context(), request)
			if !got.Allowed || got.UID != "1" {
				t.Errorf("allowed: %t, %+v", got.Allowed, got.Result)
			}
			if (len(got.Patch) > 0) != tc.patched {
				t.Errorf("patch %s", got.Patch)
			}
			if warnings := strings.Join(got.Warnings, "\n"); (warnings == "") != (tc.warned == "") || !strings.Contains(warnings, tc.warned) {
				t.Errorf("warned %q; want %q", warnings, tc.warned)
			}
			if counted != tc.counted {
				t.Errorf("counted as %q; want %q", counted, tc.counted)
			}
		})
	}
}

// Only what is added is in the patch: of the rest the API server may know fields
// that we don't.
func TestThePatchAddsOneContainer(t *testing.T) {
	h := sidecar.NewHandler(sidecar.Options{Reader: broken(nothing), LimitRanges: broken(nothing), Decoder: admission.NewDecoder(scheme.Scheme), Image: "image"})
	first := asking()
	first.Spec.InitContainers = []corev1.Container{{Name: "first"}}
	for path, pod := range map[string]*corev1.Pod{"/spec/initContainers": asking(), "/spec/initContainers/-": first} {
		request := creates(t, pod)
		request.Object.Raw = []byte(strings.Replace(string(request.Object.Raw), `"spec":{`, `"spec":{"fieldOfTomorrow":1,`, 1))
		got := h.Handle(t.Context(), request)
		if len(got.Patches) != 1 || got.Patches[0].Operation != "add" || got.Patches[0].Path != path {
			t.Errorf("patches %v; want one that adds at %s", got.Patches, path)
		}
	}
}

// Whoever hasn't asked isn't told of what concerns those who have.
func TestOthersAreNotWarned(t *testing.T) {
	h := sidecar.NewHandler(sidecar.Options{Reader: broken(unread), Decoder: admission.NewDecoder(scheme.Scheme)})
	pod := asking()
	pod.Labels = nil
	if got := h.Handle(t.Context(), creates(t, pod)); !got.Allowed || len(got.Warnings) > 0 {
		t.Errorf("allowed: %t, warned %q", got.Allowed, got.Warnings)
	}
}
