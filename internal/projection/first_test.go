package projection_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// neverStarted is a NetworkLoadBalancer that was looked at, and nothing came of it.
func neverStarted(lb *v1alpha1.NetworkLoadBalancer) {
	lb.Spec.Zone, lb.Spec.ManagementPolicy, lb.Status.ObservedGeneration = "ch-gva-2", v1alpha1.Managed, 1
}

func withID(lb *v1alpha1.NetworkLoadBalancer)   { lb.Spec.ID = other }
func external(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ManagementPolicy = v1alpha1.External }
func unseen(lb *v1alpha1.NetworkLoadBalancer)   { lb.Status.ObservedGeneration = 0 }
func begun(lb *v1alpha1.NetworkLoadBalancer)    { lb.Status.Zone = "ch-gva-2" }
func abroad(lb *v1alpha1.NetworkLoadBalancer)   { lb.Spec.Zone = "nowhere-1" }
func foreign(lb *v1alpha1.NetworkLoadBalancer)  { lb.OwnerReferences = nil }

func TestWhatNeverTookEffectIsDiscarded(t *testing.T) {
	noNodePort := ports(tcp(80, 0))
	for name, c := range map[string]struct {
		in      []func(*projection.Input)
		discard bool
	}{
		"nothing was refused":                             {in: []func(*projection.Input){child(neverStarted)}},
		"the id that was refused is asked for":            {in: []func(*projection.Input){child(neverStarted, withID), annotated(v1alpha1.AnnotationID, other)}},
		"the id that was refused isn't asked for":         {in: []func(*projection.Input){child(neverStarted, withID)}, discard: true},
		"another id than the refused one":                 {in: []func(*projection.Input){child(neverStarted, withID), annotated(v1alpha1.AnnotationID, ownNLB)}, discard: true},
		"nobody has looked at it":                         {in: []func(*projection.Input){child(neverStarted, withID, unseen)}},
		"something was begun":                             {in: []func(*projection.Input){child(neverStarted, withID, begun)}},
		"it isn't external any more":                      {in: []func(*projection.Input){child(neverStarted, external, withID)}, discard: true},
		"it is external now":                              {in: []func(*projection.Input){child(neverStarted), annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, other)}, discard: true},
		"the zone was corrected":                          {in: []func(*projection.Input){child(neverStarted, abroad)}, discard: true},
		"no port can be served any more":                  {in: []func(*projection.Input){child(neverStarted), noNodePort}, discard: true},
		"no port can be served, and an NLB is there":      {in: []func(*projection.Input){child(neverStarted, begun), noNodePort}},
		"the Service is refused for something else":       {in: []func(*projection.Input){child(neverStarted, withID), annotated(v1alpha1.AnnotationStrategy, "random")}},
		"the object of that name isn't the Service's":     {in: []func(*projection.Input){child(neverStarted, withID, foreign)}},
		"the pool isn't known yet, and the id is no more": {in: []func(*projection.Input){child(neverStarted, withID), func(in *projection.Input) { in.Pool = projection.Pool{} }}},
	} {
		t.Run(name, func(t *testing.T) {
			if plan := projection.Project(given(c.in...)); plan.Discard != c.discard {
				t.Errorf("discard is %v, of %+v", plan.Discard, plan)
			}
		})
	}
}

func TestNoNLBIsPlannedForNoPort(t *testing.T) {
	for name, c := range map[string]struct {
		in      []func(*projection.Input)
		planned bool
	}{
		"a port can be served":                  {planned: true},
		"one of two can":                        {in: []func(*projection.Input){ports(tcp(80, 0), tcp(81, 30081))}, planned: true},
		"none has a nodePort":                   {in: []func(*projection.Input){ports(tcp(80, 0), tcp(81, 0))}},
		"all are SCTP":                          {in: []func(*projection.Input){ports(corev1.ServicePort{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolSCTP})}},
		"none has one, and an NLB is there":     {in: []func(*projection.Input){child(begun), ports(tcp(80, 0))}, planned: true},
		"none has one, and the CCM made an NLB": {in: []func(*projection.Input){annotated(v1alpha1.AnnotationID, other), ports(tcp(80, 0))}, planned: true},
		"none has one, and an address is there": {in: []func(*projection.Input){ports(tcp(80, 0)), func(in *projection.Input) {
			in.Service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
		}}, planned: true},
		"none has one, and the NLB is being made": {in: []func(*projection.Input){child(unseen), ports(tcp(80, 0))}, planned: true},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(c.in...))
			if planned := plan.LoadBalancer != nil; planned != c.planned || planned != (plan.AttachTo.Name != "") {
				t.Errorf("got %+v", plan)
			}
		})
	}
}

// What became empty leaves what is served as it is.
func TestWhatBecameEmptyChangesNothing(t *testing.T) {
	served := func(in *projection.Input) {
		port := in.Service.Spec.Ports[0]
		in.Services = []v1alpha1.NLBService{{ObjectMeta: owned(in, projection.ServiceName(in.Service, port))}}
		in.Services[0].Spec.Target = v1alpha1.Target{InstancePoolID: other}
		in.Services[0].Status.ID = other
	}
	held := func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Spec.ManagementPolicy, lb.Spec.ID, lb.Status.ID, lb.Status.Zone = v1alpha1.External, other, other, "ch-gva-2"
	}
	byName := func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ID, lb.Spec.Name = "", "theirs" }
	for name, in := range map[string][]func(*projection.Input){
		"the cluster of the nodepool": {child(begun), served, annotated(v1alpha1.AnnotationSKSClusterName, "", v1alpha1.AnnotationSKSNodepoolName, "blue")},
		"the nodepool of the cluster": {child(begun), served, annotated(v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "")},
		"that it is external":         {child(held), served, annotated(v1alpha1.AnnotationExternal, "", v1alpha1.AnnotationInstancePoolID, other)},
		"which one is external":       {child(held), served, annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, "", v1alpha1.AnnotationInstancePoolID, other)},
		"the name of an external one": {child(held, byName), served, annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationName, "", v1alpha1.AnnotationInstancePoolID, other)},
	} {
		t.Run(name, func(t *testing.T) {
			input := given(in...)
			plan := projection.Project(input)
			if len(plan.Problems) > 0 || len(plan.Services) != 1 || plan.Services[0].Spec.Target.InstancePoolID != other {
				t.Fatalf("got %+v", plan)
			}
			want, got := input.LoadBalancer.Spec, plan.LoadBalancer.Spec
			if got.ID != want.ID || want.ManagementPolicy == v1alpha1.External && (got.Name != want.Name || got.ManagementPolicy != want.ManagementPolicy) {
				t.Errorf("want %+v, got %+v", want, got)
			}
		})
	}
	if plan := projection.Project(given(annotated(v1alpha1.AnnotationSKSClusterName, "", v1alpha1.AnnotationSKSNodepoolName, "blue"))); len(plan.Problems) != 1 {
		t.Errorf("of a Service that isn't served yet, half a pair is a problem; got %+v", plan)
	}
}
