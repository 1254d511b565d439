package sidecar

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

// +kubebuilder:rbac:groups="",resources=services;namespaces;limitranges,verbs=get;list;watch

// longestAnswer is within the time that the API server waits.
const longestAnswer = 2 * time.Second

// Options of a Handler; all but WatchNamespaces are required.
type Options struct {
	// Reader knows Namespaces and Services, as a cache does.
	Reader client.Reader
	// LimitRanges is a cache of its own: nobody else needs them, nor has the right.
	LimitRanges client.Reader
	// Decoder knows Pods.
	Decoder admission.Decoder
	// Image of the sidecar.
	Image string
	// OwnNamespace is that of the operator, whose Pods, like those of kube-system,
	// are never changed: they have to start whatever is wrong.
	OwnNamespace string
	// WatchNamespaces are the only ones that the cache knows; none means all.
	WatchNamespaces []string
	// Count is told what became of each Pod; nil: nobody is.
	Count func(metrics.Admission)
}

// Handler answers the API server.
type Handler struct{ Options }

// NewHandler makes a Handler.
func NewHandler(options Options) *Handler {
	if options.Count == nil {
		options.Count = func(metrics.Admission) {}
	}
	return &Handler{options}
}

// Handle implements admission.Handler. It always allows.
func (h *Handler) Handle(ctx context.Context, req admission.Request) (response admission.Response) {
	dryRun := req.DryRun != nil && *req.DryRun
	log := log.FromContext(ctx).WithValues("dryRun", dryRun)
	result := metrics.Failed // unless something else becomes of it
	defer func() {
		if createsPod(req) && !dryRun {
			h.Count(result)
		}
	}()
	defer func() {
		// controller-runtime would answer a panic with a denial.
		if panicked := recover(); panicked != nil {
			log.Error(fmt.Errorf("panic: %v", panicked), "Deciding about a Pod", "stack", string(debug.Stack()))
			response = admission.Allowed("").WithWarnings("no UDP health-check sidecar: the operator has failed; its log says why")
		}
	}()
	if !createsPod(req) || h.leavesAlone(req.Namespace) {
		result = metrics.Untouched
		return admission.Allowed("")
	}
	pod := &corev1.Pod{}
	if err := h.Decoder.Decode(req, pod); err != nil {
		log.Error(err, "Reading a Pod")
		return admission.Allowed("")
	}
	log = log.WithValues("pod", nameOf(pod))
	ctx, cancel := context.WithTimeout(ctx, longestAnswer)
	defer cancel()
	decision, err := h.decide(ctx, req.Namespace, pod)
	if err != nil {
		log.Error(err, "Looking for what the Pod's sidecar is to watch")
		return admission.Allowed("").WithWarnings(unless(pod, err)...)
	}
	switch {
	case decision.Container != nil:
		log.V(1).Info("Adding the UDP health-check sidecar")
		result = metrics.Injected
		return admission.Patched("", added(pod, decision.Container)).WithWarnings(decision.Warnings...)
	case len(decision.Warnings) > 0:
		log.Info("Adding no UDP health-check sidecar", "reason", decision.Reason)
		result = metrics.Refused
	default:
		result = metrics.Untouched
	}
	return admission.Allowed("").WithWarnings(decision.Warnings...)
}

func createsPod(req admission.Request) bool {
	return req.Operation == admissionv1.Create && req.SubResource == "" &&
		req.Resource == metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
}

func (h *Handler) leavesAlone(namespace string) bool {
	return namespace == metav1.NamespaceSystem || namespace == h.OwnNamespace
}

func (h *Handler) decide(ctx context.Context, namespace string, pod *corev1.Pod) (sidecar.Decision, error) {
	if len(h.WatchNamespaces) > 0 && !slices.Contains(h.WatchNamespaces, namespace) {
		return sidecar.Decision{}, fmt.Errorf("the operator's --watch-namespaces don't contain namespace %s", namespace)
	}
	in, err := h.observe(ctx, namespace)
	if err != nil {
		return sidecar.Decision{}, err
	}
	in.Pod = pod
	return sidecar.Decide(in), nil
}

// unless: who hasn't asked by the Pod itself may not have asked at all.
func unless(pod *corev1.Pod, err error) []string {
	if pod.Labels[v1alpha1.LabelUDPHealthCheck] != "true" {
		return nil
	}
	return []string{"no UDP health-check sidecar: " + err.Error()}
}

// added changes nothing else of the Pod, of which the API server may know fields
// that we don't.
func added(pod *corev1.Pod, container *corev1.Container) jsonpatch.JsonPatchOperation {
	if len(pod.Spec.InitContainers) == 0 {
		return jsonpatch.NewOperation("add", "/spec/initContainers", []*corev1.Container{container})
	}
	return jsonpatch.NewOperation("add", "/spec/initContainers/-", container)
}

// nameOf a Pod that may get its name later.
func nameOf(pod *corev1.Pod) string {
	if pod.Name == "" {
		return pod.GenerateName
	}
	return pod.Name
}

// webhook is the Handler on HTTP.
func (h *Handler) webhook() http.Handler { return guarded(&admission.Webhook{Handler: h}) }
