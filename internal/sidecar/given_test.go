package sidecar_test

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/sidecar"
)

const image = "registry.example.com/udp-healthcheck:v1"

// given is a DNS server whose Pod asks for a sidecar by its label, changed by edits.
func given(edits ...func(*sidecar.Input)) sidecar.Input {
	in := sidecar.Input{
		Image:     image,
		Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "games"}},
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "games", Name: "dns",
				Labels:      map[string]string{"app": "dns", v1alpha1.LabelUDPHealthCheck: "true"},
				Annotations: map[string]string{},
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "server", Image: "dns",
				Ports: []corev1.ContainerPort{
					{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP},
					{Name: "dns-tcp", ContainerPort: 53, Protocol: corev1.ProtocolTCP},
				},
			}}},
		},
	}
	for _, edit := range edits {
		edit(&in)
	}
	return in
}

// pod edits the Pod.
func pod(edit func(*corev1.Pod)) func(*sidecar.Input) {
	return func(in *sidecar.Input) { edit(in.Pod) }
}

// labelled gives the Pod's label another value; empty: none.
func labelled(value string) func(*sidecar.Input) {
	return pod(func(pod *corev1.Pod) {
		delete(pod.Labels, v1alpha1.LabelUDPHealthCheck)
		if value != "" {
			pod.Labels[v1alpha1.LabelUDPHealthCheck] = value
		}
	})
}

// byNamespace takes the Pod's label off and labels its namespace.
func byNamespace(in *sidecar.Input) {
	labelled("")(in)
	in.Namespace.Labels = map[string]string{v1alpha1.LabelUDPHealthCheckInjection: "enabled"}
}

// probed annotates the Pod.
func probed(how string) func(*sidecar.Input) {
	return pod(func(pod *corev1.Pod) { pod.Annotations[v1alpha1.AnnotationUDPHealthCheckProbe] = how })
}

// service adds one that sends the UDP ports to the Pod and asks for its sidecar.
func service(name string, edit func(*corev1.Service), ports ...intstr.IntOrString) func(*sidecar.Input) {
	return func(in *sidecar.Input) {
		s := corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "games", Name: name, Annotations: map[string]string{v1alpha1.AnnotationUDPHealthCheck: v1alpha1.UDPHealthCheckSidecar}},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "dns"}},
		}
		for i, port := range ports {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 1000 + int32(i), TargetPort: port, Protocol: corev1.ProtocolUDP})
		}
		if edit != nil {
			edit(&s)
		}
		in.Services = append(in.Services, s)
	}
}

// how annotates a Service.
func how(probe string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationUDPHealthCheckProbe] = probe }
}

func number(port int) intstr.IntOrString  { return intstr.FromInt(port) }
func name(port string) intstr.IntOrString { return intstr.FromString(port) }
