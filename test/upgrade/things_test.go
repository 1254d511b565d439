package upgrade

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const (
	shop  = "shop"  // the namespace of most
	guest = "guest" // one that may attach to an NLB there
	left  = "left"  // one that might, and may no more
)

// service is one of type LoadBalancer and our class, with a TCP port 80.
func service(namespace, name string, edits ...func(*corev1.Service)) *corev1.Service {
	class := v1alpha1.LoadBalancerClass
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class,
			Ports: []corev1.ServicePort{port("http", corev1.ProtocolTCP, 80)}, Selector: map[string]string{"app": name},
		},
	}
	for _, edit := range edits {
		edit(object)
	}
	return object
}

func port(name string, protocol corev1.Protocol, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Protocol: protocol, Port: number, TargetPort: intstr.FromInt32(number)}
}

// annotated gives annotations, pairs of key and value.
func annotated(pairs ...string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		for i := 0; i < len(pairs); i += 2 {
			s.Annotations[pairs[i]] = pairs[i+1]
		}
	}
}

func ports(all ...corev1.ServicePort) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.Ports = all }
}

func local(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

func classless(s *corev1.Service) { s.Spec.LoadBalancerClass = nil }

func loadBalancer(name string, edits ...func(*v1alpha1.NetworkLoadBalancerSpec)) *v1alpha1.NetworkLoadBalancer {
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name}}
	for _, edit := range edits {
		edit(&object.Spec)
	}
	return object
}

// nlbService forwards a port to itself, of the instances of a pool.
func nlbService(name, loadBalancer string, port int32, pool string, edits ...func(*v1alpha1.NLBService)) *v1alpha1.NLBService {
	object := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: loadBalancer}, Port: port, TargetPort: port,
			Target: v1alpha1.Target{InstancePoolID: pool},
		},
	}
	for _, edit := range edits {
		edit(object)
	}
	return object
}

// from lets an NLBService attach from another namespace.
func from(namespace string) func(*v1alpha1.NLBService) {
	return func(s *v1alpha1.NLBService) { s.Namespace, s.Spec.LoadBalancerRef.Namespace = namespace, shop }
}

func selecting(target v1alpha1.Target) func(*v1alpha1.NLBService) {
	return func(s *v1alpha1.NLBService) { s.Spec.Target = target }
}

// theirs is a service that somebody else put on an NLB.
func theirs(name string, port int64, pool string) exosim.Service {
	return exosim.Service{Name: name, Port: port, TargetPort: 30000 + port, InstancePool: exosim.PoolRef{ID: pool}}
}
