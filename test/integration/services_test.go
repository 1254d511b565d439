package integration

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// service makes a LoadBalancer Service of the operator's class with one TCP port
// 80, edited before it is.
func (w *world) service(name string, edit func(*corev1.Service)) *corev1.Service {
	w.t.Helper()
	class := v1alpha1.LoadBalancerClass
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80}}, Selector: map[string]string{"app": name},
		},
	}
	if edit != nil {
		edit(object)
	}
	w.create(object)
	return object
}

// annotated gives a Service annotations.
func annotated(pairs ...string) func(*corev1.Service) {
	return func(service *corev1.Service) {
		if service.Annotations == nil {
			service.Annotations = map[string]string{}
		}
		for i := 0; i < len(pairs); i += 2 {
			service.Annotations[pairs[i]] = pairs[i+1]
		}
	}
}

// says is a condition of a Service as "Status/Reason: message".
func (w *world) says(service *corev1.Service, kind string) string {
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		return err.Error()
	}
	condition := meta.FindStatusCondition(service.Status.Conditions, kind)
	if condition == nil {
		return "none"
	}
	if condition.ObservedGeneration != service.Generation {
		return "outdated"
	}
	return string(condition.Status) + "/" + condition.Reason + ": " + condition.Message
}

// served waits until Services have an address and all their ports.
func (w *world) served(services ...*corev1.Service) {
	w.t.Helper()
	for _, service := range services {
		w.g.Eventually(func() string { return w.says(service, v1alpha1.ServiceConditionProgrammed) }).
			Should(HavePrefix("True/"), "Service %s", service.Name)
		w.g.Expect(addressOf(service)).NotTo(BeEmpty())
	}
}

func addressOf(service *corev1.Service) string {
	if len(service.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return service.Status.LoadBalancer.Ingress[0].IP
}
