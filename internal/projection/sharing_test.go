package projection_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

func TestAServiceThatSharesHasNLBServicesOnly(t *testing.T) {
	plan := projection.Project(given(ports(tcp(80, 30080), udp(53, 30053)), annotated(v1alpha1.AnnotationLoadBalancer, "infra/edge")))
	if len(plan.Problems) != 0 || plan.LoadBalancer != nil {
		t.Fatalf("want NLBServices only: %+v", plan)
	}
	if want := (types.NamespacedName{Namespace: "infra", Name: "edge"}); plan.AttachTo != want {
		t.Errorf("it attaches to %s, want %s", plan.AttachTo, want)
	}
	want := []v1alpha1.LoadBalancerReference{{Namespace: "infra", Name: "edge"}, {Namespace: "infra", Name: "edge"}}
	var got []v1alpha1.LoadBalancerReference
	for _, child := range plan.Services {
		got = append(got, child.Spec.LoadBalancerRef)
		if !strings.HasPrefix(child.Spec.Name, uid) {
			t.Errorf("the name at Exoscale, %q, doesn't tell whose it is", child.Spec.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references (-want +got)\n%s", diff)
	}
}

func TestWhichNetworkLoadBalancerServes(t *testing.T) {
	own := types.NamespacedName{Namespace: "default", Name: "web"}
	for name, c := range map[string]struct {
		annotations []string
		want        types.NamespacedName
		shared      bool
	}{
		"no annotation":            {nil, own, false},
		"a name":                   {[]string{"edge"}, types.NamespacedName{Namespace: "default", Name: "edge"}, true},
		"a namespace and a name":   {[]string{"infra/edge"}, types.NamespacedName{Namespace: "infra", Name: "edge"}, true},
		"one that can't be a name": {[]string{"Infra/edge"}, own, false},
		"an empty one":             {[]string{""}, own, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := given()
			for _, value := range c.annotations {
				in.Service.Annotations[v1alpha1.AnnotationLoadBalancer] = value
			}
			if got, shared := projection.LoadBalancerOf(in.Service, in.Services); got != c.want || shared != c.shared {
				t.Errorf("got %s, shared %t", got, shared)
			}
		})
	}
}

func TestAnAnnotationThatBecameEmptyLeavesTheServiceWhereItIs(t *testing.T) {
	const address = "192.0.2.1"
	on := func(ref v1alpha1.LoadBalancerReference, name string, edit func(*v1alpha1.NLBServiceStatus)) func(*projection.Input) {
		return func(in *projection.Input) {
			object := v1alpha1.NLBService{ObjectMeta: owned(in, name), Spec: v1alpha1.NLBServiceSpec{LoadBalancerRef: ref}}
			object.Status.ObservedGeneration = 1
			edit(&object.Status)
			in.Services = append(in.Services, object)
		}
	}
	edge, here, own := v1alpha1.LoadBalancerReference{Namespace: "infra", Name: "edge"}, v1alpha1.LoadBalancerReference{Name: "here"}, v1alpha1.LoadBalancerReference{Name: "web"}
	has := func(s *v1alpha1.NLBServiceStatus) { s.ID = other }
	at := func(s *v1alpha1.NLBServiceStatus) { s.ID, s.Address = other, address }
	refused := func(s *v1alpha1.NLBServiceStatus) {
		s.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}}
	}
	published := func(in *projection.Input) {
		in.Service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	}
	for name, c := range map[string]struct {
		in   []func(*projection.Input)
		want string // empty: its own
	}{
		"there is nothing":                  {nil, ""},
		"it is served by its own":           {[]func(*projection.Input){on(own, "a", has)}, ""},
		"it is served by another's":         {[]func(*projection.Input){on(edge, "a", has)}, "infra/edge"},
		"it is about to be":                 {[]func(*projection.Input){on(edge, "a", func(*v1alpha1.NLBServiceStatus) {})}, "infra/edge"},
		"it was refused there":              {[]func(*projection.Input){on(edge, "a", refused)}, ""},
		"it is refused, and served":         {[]func(*projection.Input){on(edge, "a", func(s *v1alpha1.NLBServiceStatus) { has(s); refused(s) })}, "infra/edge"},
		"another's object is there":         {[]func(*projection.Input){on(edge, "a", has), func(in *projection.Input) { in.Services[0].OwnerReferences = nil }}, ""},
		"it was about to move to another's": {[]func(*projection.Input){published, on(edge, "b", has), on(own, "a", at)}, ""},
		"it has nearly moved to another's":  {[]func(*projection.Input){published, on(own, "a", has), on(edge, "b", at)}, "infra/edge"},
		"it moves from one to another":      {[]func(*projection.Input){published, on(here, "a", has), on(edge, "b", at)}, "infra/edge"},
		"of two, nothing is published":      {[]func(*projection.Input){on(edge, "b", has), on(here, "a", has)}, "default/here"},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(append(c.in, annotated(v1alpha1.AnnotationLoadBalancer, "", v1alpha1.AnnotationInstancePoolID, other))...)
			plan := projection.Project(in)
			if c.want == "" {
				c.want = "default/web"
			}
			if got := plan.AttachTo.String(); got != c.want || (plan.LoadBalancer == nil) != (c.want != "default/web") {
				t.Fatalf("it attaches to %q, of %+v", got, plan)
			}
			if warned := len(plan.Warnings) > 0; warned != (plan.LoadBalancer == nil) || len(plan.Problems) > 0 {
				t.Errorf("warnings %q, problems %v", plan.Warnings, plan.Problems)
			}
			if name := plan.Services[0].Name; (name == "web-80-tcp") != (plan.LoadBalancer != nil) {
				t.Errorf("its NLBService is %s", name)
			}
		})
	}
}

func TestAnotherReferenceIsAnotherNLBService(t *testing.T) {
	name := func(annotations ...string) string {
		in := given(annotated(annotations...))
		return projection.ServiceName(in.Service, in.Service.Spec.Ports[0], nil)
	}
	own, shared, elsewhere := name(), name(v1alpha1.AnnotationLoadBalancer, "edge"), name(v1alpha1.AnnotationLoadBalancer, "infra/edge")
	if own != "web-80-tcp" {
		t.Errorf("without sharing it is %q", own)
	}
	if !regexp.MustCompile(`^web-80-tcp-[0-9a-f]{8}$`).MatchString(shared) || shared == elsewhere {
		t.Errorf("sharing, they are %q and %q", shared, elsewhere)
	}
	if full := name(v1alpha1.AnnotationLoadBalancer, "default/edge"); full != shared {
		t.Errorf("the same NetworkLoadBalancer in other words is %q and %q", full, shared)
	}
}

func TestAServiceMovesToAnNLBItShares(t *testing.T) {
	plan := projection.Project(given(child(statusID(ownNLB)), children("web-80-tcp"), annotated(v1alpha1.AnnotationLoadBalancer, "edge")))
	if len(plan.Problems) != 0 || plan.LoadBalancer != nil || len(plan.Services) != 1 {
		t.Errorf("want one NLBService: %+v", plan)
	}
}

func TestAShareMakesAnnotationsOfAnOwnNLBUseless(t *testing.T) {
	plan := projection.Project(given(annotated(v1alpha1.AnnotationLoadBalancer, "edge",
		v1alpha1.AnnotationName, "mine", v1alpha1.AnnotationDescription, "mine", v1alpha1.AnnotationDeletionPolicy, "Retain")))
	if len(plan.Problems) != 0 || len(plan.Warnings) != 3 {
		t.Errorf("want three warnings: %+v", plan)
	}
}
