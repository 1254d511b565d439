package projection_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
			if got, shared := projection.LoadBalancerOf(in.Service); got != c.want || shared != c.shared {
				t.Errorf("got %s, shared %t", got, shared)
			}
		})
	}
}

func TestAnotherReferenceIsAnotherNLBService(t *testing.T) {
	name := func(annotations ...string) string {
		in := given(annotated(annotations...))
		return projection.ServiceName(in.Service, in.Service.Spec.Ports[0])
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
