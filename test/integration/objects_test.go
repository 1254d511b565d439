package integration

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// loadBalancer makes a NetworkLoadBalancer, edited before it is.
func (w *world) loadBalancer(name string, edit func(*v1alpha1.NetworkLoadBalancerSpec)) *v1alpha1.NetworkLoadBalancer {
	w.t.Helper()
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}}
	if edit != nil {
		edit(&object.Spec)
	}
	w.create(object)
	return object
}

// nlbService makes an NLBService for a TCP port on a NetworkLoadBalancer, to the
// world's pool and port 30000 plus the port, edited before it is.
func (w *world) nlbService(name, loadBalancer string, port int32, edit func(*v1alpha1.NLBServiceSpec)) *v1alpha1.NLBService {
	w.t.Helper()
	object := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: loadBalancer},
			Port:            port,
			TargetPort:      30000 + port,
			Target:          v1alpha1.Target{InstancePoolID: w.pool.ID},
		},
	}
	if edit != nil {
		edit(&object.Spec)
	}
	w.create(object)
	return object
}
