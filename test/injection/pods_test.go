package injection

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// pod is a DNS server that asks for nothing.
func pod(namespace, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": "dns"}, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "server", Image: "dns", Ports: []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		}}},
	}
}

// asking is one that asks for the sidecar by its label.
func asking(namespace, name string) *corev1.Pod {
	p := pod(namespace, name)
	p.Labels[v1alpha1.LabelUDPHealthCheck] = "true"
	return p
}

// tried is a Pod as it would be created: a dry run.
func tried(t *testing.T, c client.Client, p *corev1.Pod) (*corev1.Pod, error) {
	t.Helper()
	return p, c.Create(t.Context(), p, client.DryRunAll)
}

// sidecars are the targets of each sidecar of a Pod.
func sidecars(p *corev1.Pod, err error) ([]string, error) {
	var found []string
	for _, c := range p.Spec.InitContainers {
		if c.Name == v1alpha1.SidecarContainer {
			found = append(found, c.Args[len(c.Args)-1])
		}
	}
	return found, err
}

// service makes one that sends UDP port 53 to the Pods, and asks for their sidecar.
func service(t *testing.T, c client.Client, namespace, probe string) *corev1.Service {
	t.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "dns", Annotations: map[string]string{
			v1alpha1.AnnotationUDPHealthCheck: v1alpha1.UDPHealthCheckSidecar, v1alpha1.AnnotationUDPHealthCheckProbe: probe,
		}},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "dns"}, Ports: []corev1.ServicePort{{Port: 53, Protocol: corev1.ProtocolUDP}}},
	}
	if err := c.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// known waits until the webhook knows what a Pod is to get: a namespace and a Service
// that were just made it hears of a moment later.
func known(t *testing.T, p *corev1.Pod, target string) {
	t.Helper()
	c := newUser(t)
	NewWithT(t).Eventually(func() ([]string, error) { return sidecars(tried(t, c, p.DeepCopy())) }, patience).Should(Equal([]string{target}))
}

// restricted is what passes the Pod Security Standard of that name.
func restricted(spec corev1.PodSpec) corev1.PodSpec {
	spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](1000),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	for i := range spec.Containers {
		spec.Containers[i].SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}
	}
	return spec
}
