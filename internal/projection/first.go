package projection

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// What was refused binds nobody, and what serves nobody isn't made.

// unbound is the NetworkLoadBalancer of the Service if it binds the Service to no NLB (see
// nlb.Unbound); nil if it does, or that isn't known yet. What it was made for doesn't
// matter any more then.
func (in Input) unbound() *v1alpha1.NetworkLoadBalancer {
	child := in.LoadBalancer
	foreign := func(s v1alpha1.NLBService) bool { return !metav1.IsControlledBy(&s, in.Service) }
	if child == nil || !metav1.IsControlledBy(child, in.Service) || !nlb.Unbound(child, slices.DeleteFunc(slices.Clone(in.Services), foreign)) {
		return nil
	}
	return child
}

// served tells whether the Service has an NLB, of its own or a shared one.
func (in Input) served() bool {
	if child := in.LoadBalancer; child != nil && child.Status.ID != "" && metav1.IsControlledBy(child, in.Service) {
		return true
	}
	return in.targetNow() != nil
}

// targetNow is where the traffic of the Service goes; nil if it goes nowhere.
func (in Input) targetNow() *v1alpha1.Target {
	for i := range in.Services {
		if child := &in.Services[i]; child.Status.ID != "" && metav1.IsControlledBy(child, in.Service) {
			return child.Spec.Target.DeepCopy()
		}
	}
	return nil
}

// annotated is what the annotations are read with.
func (in Input) annotated() annotation.Service {
	service := annotation.Service{
		UID: string(in.Service.UID), Ports: len(in.Service.Spec.Ports), Zone: in.Zone, Served: in.served(),
	}
	if child := in.LoadBalancer; child != nil {
		if child.Spec.Zone != "" {
			service.Zone = child.Spec.Zone
		}
		service.Attached = child.Spec.ManagementPolicy == v1alpha1.External && metav1.IsControlledBy(child, in.Service)
	}
	if to, shared := LoadBalancerOf(in.Service, in.Services); shared {
		service.Shares = &v1alpha1.LoadBalancerReference{Namespace: to.Namespace, Name: to.Name}
	}
	return service
}

// FirstNLB tells whether the plan has an NLB made for a Service that has none. Where an
// id or an address is known there may be one, which has to be claimed to go with the
// Service.
func (p Plan) FirstNLB(service *corev1.Service) bool {
	return p.LoadBalancer != nil && service.Annotations[v1alpha1.AnnotationID] == "" && len(service.Status.LoadBalancer.Ingress) == 0
}

// spareNLB takes the NLB out of a plan in which no port can be served, unless there is
// one already: it would only cost. The companion comes before it, since ports wait for
// its nodePort.
func (p *Plan) spareNLB(in Input) {
	if in.LoadBalancer == nil && p.FirstNLB(in.Service) && len(p.Services) == 0 {
		if p.LoadBalancer = nil; p.Companion == nil {
			p.AttachTo = types.NamespacedName{}
		}
	}
}

// discard has an unbound NetworkLoadBalancer go, if the plan has none, or one
// that differs in what can't be changed.
func (p *Plan) discard(unbound *v1alpha1.NetworkLoadBalancer) {
	if unbound == nil || len(p.Problems) > 0 {
		return
	}
	want := p.LoadBalancer
	p.Discard = want == nil && p.AttachTo.Name == "" && len(p.Waits) == 0 ||
		want != nil && (want.Spec.ID != unbound.Spec.ID || want.Spec.Zone != unbound.Spec.Zone || want.Spec.ManagementPolicy != unbound.Spec.ManagementPolicy)
}
