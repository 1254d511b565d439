package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// deployment makes one whose Pods a Service of its name selects. Nobody runs them.
func (w *world) deployment(name string, replicas int32) *appsv1.Deployment {
	w.t.Helper()
	app := map[string]string{"app": name}
	object := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}}
	object.Spec.Replicas, object.Spec.Selector = &replicas, &metav1.LabelSelector{MatchLabels: app}
	object.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	object.Spec.Template.Labels = app
	object.Spec.Template.Spec.NodeName = w.nodeName(w.sim.Members(w.pool.ID)[0])
	object.Spec.Template.Spec.TerminationGracePeriodSeconds = ptr.To[int64](0) // no kubelet confirms that they end
	object.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "app"}}
	w.create(object)
	return object
}

// inject is what the webhook does to the Pods that come next.
func inject(template *corev1.PodTemplateSpec) {
	template.Spec.InitContainers = []corev1.Container{{
		Name: v1alpha1.SidecarContainer, Image: "sidecar", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways),
		Ports: []corev1.ContainerPort{{Name: v1alpha1.SidecarHealthPort, ContainerPort: 18053}},
	}}
}

var addresses atomic.Int32

// run plays the kubelet: the Pods of a Service, so many without and with sidecar,
// get addresses and are ready.
func (w *world) run(name string, without, with int) {
	w.t.Helper()
	w.g.Eventually(func(g Gomega) {
		pods := &corev1.PodList{}
		g.Expect(w.client.List(w.t.Context(), pods, client.InNamespace(w.ns), client.MatchingLabels{"app": name})).To(Succeed())
		injected := slices.DeleteFunc(slices.Clone(pods.Items), func(p corev1.Pod) bool { return len(p.Spec.InitContainers) == 0 })
		g.Expect([]int{len(pods.Items) - len(injected), len(injected)}).To(Equal([]int{without, with}))
		for i := range pods.Items {
			pod := &pods.Items[i]
			g.Expect(pod.DeletionTimestamp).To(BeNil())
			if pod.Status.PodIP != "" {
				continue
			}
			before, address := pod.DeepCopy(), addresses.Add(1)
			pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, fmt.Sprintf("10.99.%d.%d", address/250, address%250+1)
			pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			g.Expect(w.client.Status().Patch(w.t.Context(), pod, client.MergeFrom(before))).To(Succeed())
		}
	}).Should(Succeed())
}

func TestEndpointsWithoutSidecarAreCountedAndDisturbNothing(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32 // at Pods
	w := newWorld(t, setup{Asked: func(request *http.Request) {
		if strings.HasSuffix(request.URL.Path, "/pods") {
			looks.Add(1)
		}
	}})
	app := w.deployment("dns", 2)
	w.run("dns", 2, 0)
	dns := w.service("dns", func(s *corev1.Service) {
		watchedUDP(s)
		delete(s.Annotations, v1alpha1.AnnotationUDPHealthCheck)
	})
	w.served(dns)
	w.probes(atKubeProxy)
	w.g.Expect(looks.Load()).To(BeZero(), "nobody asks for sidecars")

	change(w, dns, annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar))
	port, companion := w.udpPort("dns"), w.companion("dns")
	w.becomes(port, v1alpha1.ConditionSidecarsInjected, "False/NobodyInjects")
	restart := fmt.Sprintf("kubectl --namespace %s rollout restart deployment/dns", w.ns)
	w.g.Expect(w.message(port, v1alpha1.ConditionSidecarsInjected)).To(And(ContainSubstring("2 of 2 endpoints"), HaveSuffix(restart)))
	w.tells(port, "Warning NobodyInjects", restart)
	w.g.Eventually(func() string { return w.atCompanion(companion)() }).Should(HavePrefix("tcp "))
	w.settles()
	w.probes(atKubeProxy) // still: at the sidecars nobody would be healthy
	w.g.Expect(port.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationHealthCheckChoice, v1alpha1.ChoiceKubeProxy))

	// What the endpoints were is heard of late, and looked at once more.
	atRest, since := looks.Load(), time.Now()
	w.g.Eventually(func() bool {
		if now := looks.Load(); now != atRest {
			atRest, since = now, time.Now()
		}
		return time.Since(since) > 3*time.Second
	}).Should(BeTrue(), "the Pods are read again and again")
	change(w, port, func(object *v1alpha1.NLBService) { object.Annotations["example.com/wake"] = "up" })
	w.settles()
	w.g.Expect(looks.Load()).To(Equal(atRest), "the Pods are read again though no endpoint has changed")

	change(w, app, func(d *appsv1.Deployment) { inject(&d.Spec.Template) })
	w.run("dns", 0, 2)
	w.becomes(port, v1alpha1.ConditionSidecarsInjected, "True/SidecarsInjected")
	w.probes(w.atCompanion(companion))
	w.tells(port, "Normal SidecarsInjected", w.ns+"/dns")

	// Once the sidecars are probed, that one is missing changes nothing of that.
	stray := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "stray", Labels: map[string]string{"app": "dns"}}}
	stray.Spec = *app.Spec.Template.Spec.DeepCopy()
	stray.Spec.InitContainers = nil
	w.create(stray)
	w.run("dns", 1, 2)
	w.becomes(port, v1alpha1.ConditionSidecarsInjected, "False/NobodyInjects")
	w.g.Expect(w.message(port, v1alpha1.ConditionSidecarsInjected)).To(And(ContainSubstring("1 of 3 endpoints"), ContainSubstring("delete Pod stray")))
	w.settles()
	w.probes(w.atCompanion(companion))

	w.g.Expect(w.told(port, "NobodyInjects")).To(BeNumerically("<=", 2), "once each time that sidecars begin to be missing")
}

// told is how often Events of a reason were told of an object.
func (w *world) told(object client.Object, reason string) (times int32) {
	w.t.Helper()
	var all eventsv1.EventList
	w.g.Expect(w.client.List(w.t.Context(), &all, client.InNamespace(w.ns))).To(Succeed())
	for _, event := range all.Items {
		switch {
		case event.Regarding.UID != object.GetUID() || event.Reason != reason:
		case event.Series != nil:
			times += event.Series.Count
		default:
			times++
		}
	}
	return times
}
