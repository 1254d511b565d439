package projection_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// attachedTo is one that is attached to an external NLB.
func attachedTo(lb *v1alpha1.NetworkLoadBalancer) {
	lb.Spec.ManagementPolicy, lb.Spec.ID, lb.Spec.Zone = v1alpha1.External, other, "ch-gva-2"
	lb.Status.ID, lb.Status.Zone, lb.Status.ObservedGeneration = other, "ch-gva-2", 1
}

// refusedFor says that it may not have the NLB that it asks for.
func refusedFor(reason string) func(*v1alpha1.NetworkLoadBalancer) {
	return func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: reason, ObservedGeneration: lb.Generation}}
	}
}

// port is the NLBService of the Service's port 80, edited.
func port(edit func(*v1alpha1.NLBServiceStatus)) func(*projection.Input) {
	return func(in *projection.Input) {
		object := v1alpha1.NLBService{ObjectMeta: owned(in, "web-80-tcp"), Spec: v1alpha1.NLBServiceSpec{LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "web"}}}
		object.Status.ObservedGeneration = 1
		edit(&object.Status)
		in.Services = append(in.Services, object)
	}
}

// What was attached and is refused now lets the Service go, unless something of it is there.
func TestARefusedNLBBindsOnlyWhatIsOnIt(t *testing.T) {
	inUse := refusedFor(v1alpha1.ReasonInUseByOther)
	nothing := port(func(s *v1alpha1.NLBServiceStatus) { s.LoadBalancerID = other })
	for name, c := range map[string]struct {
		in   []func(*projection.Input)
		free bool
	}{
		"it isn't refused":                       {[]func(*projection.Input){child(attachedTo)}, false},
		"nothing of the Service is on it":        {[]func(*projection.Input){child(attachedTo, inUse)}, true},
		"a port was refused there":               {[]func(*projection.Input){child(attachedTo, inUse), nothing}, true},
		"a port is served there":                 {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.ID, s.LoadBalancerID = "s", other })}, false},
		"a port is served elsewhere":             {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.ID, s.LoadBalancerID = "s", ownNLB })}, true},
		"a port is being added":                  {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.Operation = &v1alpha1.Operation{} })}, false},
		"a port is away to be replaced":          {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.ReplacedAt = &metav1.Time{} })}, false},
		"a port is probed there":                 {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.Probe = &v1alpha1.ProbeService{} })}, false},
		"of a port it isn't known":               {[]func(*projection.Input){child(attachedTo, inUse), port(func(s *v1alpha1.NLBServiceStatus) { s.ObservedGeneration = -1 })}, false},
		"External is no longer allowed":          {[]func(*projection.Input){child(attachedTo, refusedFor(v1alpha1.ReasonInvalid))}, true},
		"the zone isn't known":                   {[]func(*projection.Input){child(attachedTo, refusedFor(v1alpha1.ReasonUnknownZone))}, false},
		"the refusal is of a former spec":        {[]func(*projection.Input){child(attachedTo, inUse, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Generation++ })}, false},
		"the object has written its labels":      {[]func(*projection.Input){child(attachedTo, inUse, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.AppliedLabelKeys = []string{"x"} })}, false},
		"the object may have taken it":           {[]func(*projection.Input){child(attachedTo, inUse, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.Adopted = true })}, false},
		"something is under way":                 {[]func(*projection.Input){child(attachedTo, inUse, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.Operation = &v1alpha1.Operation{} })}, false},
		"the object of that name isn't our own":  {[]func(*projection.Input){child(attachedTo, inUse, foreign)}, false},
		"nothing is on it, and the zone changed": {[]func(*projection.Input){child(attachedTo, inUse), func(in *projection.Input) { in.Zone = "at-vie-1" }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			same := projection.Project(given(append(c.in, annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, other))...))
			if same.Discard {
				t.Errorf("nothing else is asked for, and it goes: %+v", same)
			}
			exchanged := projection.Project(given(append(c.in, annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, ownNLB))...))
			own := projection.Project(given(c.in...))
			for asked, plan := range map[string]projection.Plan{"another external NLB": exchanged, "an NLB of its own": own} {
				if plan.Discard != c.free || (len(plan.Problems) == 0) != c.free {
					t.Errorf("%s: discard is %v, with %+v", asked, plan.Discard, plan.Problems)
				}
			}
		})
	}
}

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
		in.Services = []v1alpha1.NLBService{{ObjectMeta: owned(in, projection.ServiceName(in.Service, port, nil))}}
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
