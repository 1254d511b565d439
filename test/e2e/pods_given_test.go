//go:build linux

package e2e

import (
	"slices"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespace of all Pods and Services; the Pods in it are restricted.
const namespace = "games"

// The ports of udpecho. The first is of UDP and TCP.
const echoPort, controlPort = 9000, 9001

func (s *scene) createNamespace() {
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   namespace,
		Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}})
}

// createDeployment makes Pods that run udpecho. There is no scheduler: their
// template says where they run.
func (s *scene) createDeployment(name string, replicas int32) {
	labels := map[string]string{"app": name}
	s.create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeName:        nodeName,
					DNSPolicy:       corev1.DNSDefault,
					SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
					Containers:      []corev1.Container{application()},
				},
			},
		},
	})
}

// application is the container that runs udpecho.
func application() corev1.Container {
	return corev1.Container{
		Name:            "application",
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
	}
}

// port of a Service, of the same number as the application's.
func port(name string, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: echoPort, Protocol: protocol, TargetPort: intstr.FromString(name)}
}

// createService makes one of type LoadBalancer for the Pods of a Deployment.
func (s *scene) createService(name, deployment string, edit func(*corev1.Service), ports ...corev1.ServicePort) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: new("exoscale.com/nlb"),
			Selector: map[string]string{"app": deployment}, Ports: ports,
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
