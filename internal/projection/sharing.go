package projection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

// LoadBalancerOf is the NetworkLoadBalancer that serves a Service: its own, of
// the same name, or, if it is shared, the one that the annotation names. While
// the annotation can't be read it is the Service's own. One that became empty leaves
// the Service on the one that it shares: services are its NLBServices.
func LoadBalancerOf(service *corev1.Service, services []v1alpha1.NLBService) (name types.NamespacedName, shared bool) {
	own := types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
	value, annotated := service.Annotations[v1alpha1.AnnotationLoadBalancer]
	if !annotated {
		return own, false
	}
	if value == "" {
		return sharedNow(service, own, services)
	}
	// Alone: what is wrong with others doesn't matter here.
	values, problems, _ := annotation.Parse(map[string]string{v1alpha1.AnnotationLoadBalancer: value}, annotation.Service{UID: string(service.UID)})
	if len(problems) > 0 || values.LoadBalancer == nil {
		return own, false
	}
	name = types.NamespacedName{Namespace: values.LoadBalancer.Namespace, Name: values.LoadBalancer.Name}
	if name.Namespace == "" {
		name.Namespace = service.Namespace
	}
	return name, true
}

// sharedNow is the NetworkLoadBalancer that a Service shares by what there is: that of the
// published address, if several serve it; else its own. Where the Service was refused, and
// has nothing, it shares none.
func sharedNow(service *corev1.Service, own types.NamespacedName, services []v1alpha1.NLBService) (name types.NamespacedName, shared bool) {
	name = own
	for i := range services {
		child := &services[i]
		to := types.NamespacedName{Namespace: child.LoadBalancerNamespace(), Name: child.Spec.LoadBalancerRef.Name}
		has := child.Status.ID != "" || child.Status.ReplacedAt != nil
		if !metav1.IsControlledBy(child, service) || !has && meta.IsStatusConditionFalse(child.Status.Conditions, v1alpha1.ConditionAccepted) {
			continue
		}
		if published(service, child.Status.Address) {
			return to, to != own
		}
		if to != own && (!shared || to.String() < name.String()) {
			name, shared = to, true
		}
	}
	return name, shared
}

func published(service *corev1.Service, address string) bool {
	return address != "" && slices.ContainsFunc(service.Status.LoadBalancer.Ingress, func(i corev1.LoadBalancerIngress) bool { return i.IP == address })
}

// ServiceName is the name of the NLBService of a port. The NetworkLoadBalancer
// that an NLBService refers to can't be changed, so the name of one that shares
// hashes the reference: another reference is another object, and the two can
// stand side by side until the new one works.
func ServiceName(service *corev1.Service, port corev1.ServicePort, services []v1alpha1.NLBService) string {
	name := fmt.Sprintf("%s-%d-%s", service.Name, port.Port, strings.ToLower(string(ProtocolOf(port))))
	if to, shared := LoadBalancerOf(service, services); shared {
		hash := sha256.Sum256([]byte(to.String()))
		name += "-" + hex.EncodeToString(hash[:4])
	}
	return name
}

// contradictSharing finds what the Service asks besides sharing that only an NLB
// of its own can do.
func contradictSharing(in Input, values annotation.Values) []Problem {
	var problems []Problem
	to, _ := LoadBalancerOf(in.Service, in.Services)
	refuse := func(name string) {
		problems = append(problems, Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"annotation %s is %q, which is about an NLB of the Service's own, and %s has it share NetworkLoadBalancer %q; remove one of the two",
			name, in.Service.Annotations[name], v1alpha1.AnnotationLoadBalancer, to.String())})
	}
	if in.LoadBalancer != nil && metav1.IsControlledBy(in.LoadBalancer, in.Service) && to == (types.NamespacedName{Namespace: in.LoadBalancer.Namespace, Name: in.LoadBalancer.Name}) {
		problems = append(problems, Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"annotation %s is %q, and that is the Service's own NetworkLoadBalancer, which it has without it; remove the annotation, or name another",
			v1alpha1.AnnotationLoadBalancer, in.Service.Annotations[v1alpha1.AnnotationLoadBalancer])})
	}
	if values.External {
		refuse(v1alpha1.AnnotationExternal)
	}
	if values.ID != "" && !WroteID(in.Service) {
		refuse(v1alpha1.AnnotationID)
	}
	return problems
}
