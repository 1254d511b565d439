package release

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// in are those in the namespaces; none means all.
func (h Held) in(namespaces []string) Held {
	if len(namespaces) == 0 {
		return h
	}
	return h.only(func(object client.Object) bool { return slices.Contains(namespaces, object.GetNamespace()) })
}

// without are those that haven't been freed.
func (h Held) without(freed map[types.UID]bool) Held {
	return h.only(func(object client.Object) bool { return !freed[object.GetUID()] })
}

func (h Held) only(is func(client.Object) bool) Held {
	var some Held
	for i := range h.Services {
		if is(&h.Services[i]) {
			some.Services = append(some.Services, h.Services[i])
		}
	}
	for i := range h.LoadBalancers {
		if is(&h.LoadBalancers[i]) {
			some.LoadBalancers = append(some.LoadBalancers, h.LoadBalancers[i])
		}
	}
	for i := range h.NLBServices {
		if is(&h.NLBServices[i]) {
			some.NLBServices = append(some.NLBServices, h.NLBServices[i])
		}
	}
	return some
}

// on are the NLBServices of a NetworkLoadBalancer.
func (h Held) on(lb *v1alpha1.NetworkLoadBalancer) []string {
	var names []string
	for i := range h.NLBServices {
		object := &h.NLBServices[i]
		refers := object.Spec.LoadBalancerRef.Name == lb.Name && object.LoadBalancerNamespace() == lb.Namespace
		if refers || lb.Status.ID != "" && object.Status.LoadBalancerID == lb.Status.ID {
			names = append(names, client.ObjectKeyFromObject(object).String())
		}
	}
	return names
}

// strangers are those of the objects whose namespace isn't meant.
func (r *Releaser) strangers(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		namespace, _, _ := strings.Cut(name, "/")
		return len(r.Namespaces) == 0 || slices.Contains(r.Namespaces, namespace)
	})
}

// of are the objects that a Service controls.
func (h Held) of(service types.UID) []string {
	var names []string
	for i := range h.LoadBalancers {
		if owner := metav1.GetControllerOf(&h.LoadBalancers[i]); owner != nil && owner.UID == service {
			names = append(names, named("NetworkLoadBalancer", &h.LoadBalancers[i]))
		}
	}
	for i := range h.NLBServices {
		if owner := metav1.GetControllerOf(&h.NLBServices[i]); owner != nil && owner.UID == service {
			names = append(names, named("NLBService", &h.NLBServices[i]))
		}
	}
	return names
}
