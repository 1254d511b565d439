//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// namespace of all Pods and Services; the Pods in it are restricted.
const namespace = "games"

// The ports of udpecho. The first is of UDP and TCP.
const echoPort, controlPort = 9000, 9001

func (s *scene) createNamespace() {
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace,
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce":  "restricted",
			v1alpha1.LabelUDPHealthCheckInjection: "enabled",
		},
	}})
}

// createDeployment makes Pods that run udpecho. There is no scheduler: their
// template says where they run.
func (s *scene) createDeployment(name string, replicas int32, edit func(*corev1.PodTemplateSpec)) {
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)},
				Spec:       podSpec(),
			},
		},
	}
	if edit != nil {
		edit(&deployment.Spec.Template)
	}
	s.create(deployment)
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{
		NodeName:        nodeName,
		DNSPolicy:       corev1.DNSDefault,
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers:      []corev1.Container{application()},
	}
}

// restart is kubectl rollout restart.
func (s *scene) restart(deployment string) {
	s.Helper()
	patch := fmt.Sprintf(`{"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": %q}}}}}`, time.Now().Format(time.RFC3339Nano))
	s.must(s.client.Patch(s.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deployment}},
		client.RawPatch(types.StrategicMergePatchType, []byte(patch))))
}

// eventuallyGone waits for Pods to have ended.
func (s *scene) eventuallyGone(pods ...corev1.Pod) {
	s.Helper()
	for _, pod := range pods {
		s.Eventually(func() bool {
			return apierrors.IsNotFound(s.client.Get(s.Context(), client.ObjectKeyFromObject(&pod), &corev1.Pod{}))
		}).Should(gomega.BeTrue(), "Pod %s is gone", pod.Name)
	}
}

// applicationContainer is the name of the container that application is.
const applicationContainer = "application"

// delay of the application's signal to end, in seconds. It covers what it takes until
// nobody sends to the Pod any more: the time for which the sidecar lingers, two
// failures of its readiness probe after that, and kube-proxy's next look.
const delay = 25

// application is the container that runs udpecho.
func application() corev1.Container {
	return corev1.Container{
		Name:            applicationContainer,
		Image:           image("udpecho"),
		ImagePullPolicy: corev1.PullNever,
		Ports: []corev1.ContainerPort{
			{Name: "game", ContainerPort: echoPort, Protocol: corev1.ProtocolUDP},
			{Name: "lobby", ContainerPort: echoPort, Protocol: corev1.ProtocolTCP},
			{Name: "control", ContainerPort: controlPort, Protocol: corev1.ProtocolTCP},
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: delay}}},
	}
}

// probe is what the sidecars send, how often, and what they expect of udpecho.
const probe = "probe;payload=text:ping;expect=re2:ping$;interval=200ms;timeout=2s"

// probed asks for the sidecar, and has it send a datagram often.
func probed(service *corev1.Service) {
	service.Annotations = map[string]string{
		v1alpha1.AnnotationUDPHealthCheck:      v1alpha1.UDPHealthCheckSidecar,
		v1alpha1.AnnotationUDPHealthCheckProbe: probe,
	}
}

// port of a Service, of the same number as the application's.
func port(name string, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: echoPort, Protocol: protocol, TargetPort: intstr.FromString(name)}
}

// createService makes one of type LoadBalancer for the Pods of game.
func (s *scene) createService(name string, edit func(*corev1.Service), ports ...corev1.ServicePort) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: new("exoscale.com/nlb"),
			Selector: map[string]string{"app": game}, Ports: ports,
		},
	}
	if edit != nil {
		edit(service)
	}
	s.create(service)
}

func (s *scene) create(object client.Object) {
	s.Helper()
	s.must(s.client.Create(s.Context(), object))
}

// pods of a Deployment that aren't going, by name.
func (s *scene) pods(g gomega.Gomega, deployment string) []corev1.Pod {
	list := &corev1.PodList{}
	g.Expect(s.client.List(s.Context(), list, client.InNamespace(namespace), client.MatchingLabels{"app": deployment})).To(gomega.Succeed())
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

// eventuallyReady returns the Pods of a Deployment once so many are Ready.
func (s *scene) eventuallyReady(deployment string, count int) (ready []corev1.Pod) {
	s.Helper()
	s.Eventually(func(g gomega.Gomega) {
		ready = nil
		for _, pod := range s.pods(g, deployment) {
			if isReady(pod) {
				ready = append(ready, pod)
			}
		}
		g.Expect(ready).To(gomega.HaveLen(count))
	}).Should(gomega.Succeed(), "of the Pods of %s %d are Ready", deployment, count)
	return ready
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
}

// tells makes udpecho hang, or resume.
func (s *scene) tells(pod corev1.Pod, what string) {
	s.Helper()
	response, err := http.Post(fmt.Sprintf("http://%s:%d/%s", pod.Status.PodIP, controlPort, what), "", http.NoBody)
	s.must(err)
	s.must(response.Body.Close())
	s.Expect(response.StatusCode).To(gomega.Equal(http.StatusOK))
}
