package projection_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

func TestWarningsNameWhatIsNotHonoured(t *testing.T) {
	clientIP := func(in *projection.Input) { in.Service.Spec.SessionAffinity = corev1.ServiceAffinityClientIP }
	ranges := func(all ...string) func(*projection.Input) {
		return func(in *projection.Input) { in.Service.Spec.LoadBalancerSourceRanges = all }
	}
	for name, c := range map[string]struct {
		given []func(*projection.Input)
		want  string // part of the one warning; empty: none
	}{
		"a plain Service":                          {nil, ""},
		"source ranges":                            {[]func(*projection.Input){ranges("198.51.100.0/24")}, "OPEN TO EVERYONE"},
		"source ranges that admit everyone":        {[]func(*projection.Input){ranges("198.51.100.0/24", "0.0.0.0/0")}, ""},
		"source ranges by annotation":              {[]func(*projection.Input){annotated(corev1.AnnotationLoadBalancerSourceRangesKey, "198.51.100.0/24")}, "OPEN TO EVERYONE"},
		"an address":                               {[]func(*projection.Input){func(in *projection.Input) { in.Service.Spec.LoadBalancerIP = "192.0.2.1" }}, "spec.loadBalancerIP"},
		"session affinity with round-robin":        {[]func(*projection.Input){clientIP}, "sessionAffinity"},
		"session affinity with source-hash":        {[]func(*projection.Input){clientIP, annotated(v1alpha1.AnnotationStrategy, "source-hash")}, ""},
		"session affinity with maglev-hash":        {[]func(*projection.Input){clientIP, annotated(v1alpha1.AnnotationStrategy, "maglev-hash")}, "sessionAffinity"},
		"IPv6 besides IPv4":                        {[]func(*projection.Input){func(in *projection.Input) { in.Service.Spec.IPFamilies = []corev1.IPFamily{"IPv4", "IPv6"} }}, "IPv6"},
		"a path that no probe requests":            {[]func(*projection.Input){annotated(v1alpha1.AnnotationHealthCheckURI, "/up")}, v1alpha1.AnnotationHealthCheckURI},
		"a path that a probe requests":             {[]func(*projection.Input){annotated(v1alpha1.AnnotationHealthCheckURI, "/up", v1alpha1.AnnotationHealthCheckMode, "http")}, ""},
		"a sidecar without a UDP port":             {[]func(*projection.Input){annotated(v1alpha1.AnnotationUDPHealthCheck, "sidecar")}, "no UDP port"},
		"a sidecar that no Pod can get":            {[]func(*projection.Input){ports(udp(53, 30053)), sidecar(32053), local(32000), noSelector}, "no selector"},
		"a sidecar with policy Local":              {[]func(*projection.Input){ports(udp(53, 30053)), sidecar(32053), local(32000)}, ""},
		"the description of an NLB made elsewhere": {[]func(*projection.Input){annotated(v1alpha1.AnnotationExternal, "TRUE", v1alpha1.AnnotationName, "edge", v1alpha1.AnnotationDescription, "x")}, "never written"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(c.given...))
			if len(plan.Services) != 1 {
				t.Fatalf("it isn't served: %+v", plan)
			}
			switch {
			case c.want == "" && len(plan.Warnings) > 0:
				t.Errorf("want no warning, got %q", plan.Warnings)
			case c.want != "" && (len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], c.want)):
				t.Errorf("want one warning about %q, got %q", c.want, plan.Warnings)
			}
		})
	}
}

func TestProblemsOfTheWholeServiceTouchNothing(t *testing.T) {
	noPool := func(in *projection.Input) {
		in.Pool = projection.Pool{Problem: &projection.Problem{Reason: v1alpha1.ReasonNoEligibleNodes, Message: "no node"}}
	}
	for name, c := range map[string]struct {
		given []func(*projection.Input)
		want  string
	}{
		"a bad annotation":            {[]func(*projection.Input){annotated(v1alpha1.AnnotationStrategy, "random")}, v1alpha1.ReasonInvalid},
		"SKS cluster alone (fault 5)": {[]func(*projection.Input){annotated(v1alpha1.AnnotationSKSClusterName, "prod")}, v1alpha1.ReasonInvalid},
		"IPv6 only":                   {[]func(*projection.Input){func(in *projection.Input) { in.Service.Spec.IPFamilies = []corev1.IPFamily{"IPv6"} }}, v1alpha1.ReasonNotSupported},
		"a share in no NLB":           {[]func(*projection.Input){annotated(v1alpha1.AnnotationLoadBalancer, "/shared")}, v1alpha1.ReasonInvalid},
		"a share in its own NLB":      {[]func(*projection.Input){annotated(v1alpha1.AnnotationLoadBalancer, "web")}, v1alpha1.ReasonInvalid},
		"a share, and an id":          {[]func(*projection.Input){annotated(v1alpha1.AnnotationLoadBalancer, "infra/edge", v1alpha1.AnnotationID, other)}, v1alpha1.ReasonInvalid},
		"a share, and an external NLB": {[]func(*projection.Input){
			annotated(v1alpha1.AnnotationLoadBalancer, "infra/edge", v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationName, "shared"),
		}, v1alpha1.ReasonInvalid},
		"no instance pool":        {[]func(*projection.Input){noPool}, v1alpha1.ReasonNoEligibleNodes},
		"bad annotation, no pool": {[]func(*projection.Input){noPool, annotated(v1alpha1.AnnotationStrategy, "random")}, v1alpha1.ReasonInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(append(c.given, child(statusID(ownNLB)), children("web-80-tcp"))...))
			if len(plan.Problems) != 1 || plan.Problems[0].Reason != c.want {
				t.Errorf("want one problem %s, got %+v", c.want, plan.Problems)
			}
			if plan.LoadBalancer != nil || plan.Services != nil {
				t.Errorf("want nothing to apply, got %+v", plan)
			}
		})
	}
}

func TestPoolIsTheServicesOwnChoiceFirst(t *testing.T) {
	const sks, nodepool = v1alpha1.AnnotationSKSClusterName, v1alpha1.AnnotationSKSNodepoolName
	for name, c := range map[string]struct {
		given []func(*projection.Input)
		names bool
		want  func(v1alpha1.Target) bool
	}{
		"found for it":   {nil, false, func(t v1alpha1.Target) bool { return t.InstancePoolID == pool }},
		"its id":         {[]func(*projection.Input){annotated(v1alpha1.AnnotationInstancePoolID, strings.ToUpper(other))}, true, func(t v1alpha1.Target) bool { return t.InstancePoolID == other }},
		"its nodes":      {[]func(*projection.Input){annotated(v1alpha1.AnnotationNodeSelector, "role=ingress,tier!=test")}, true, func(t v1alpha1.Target) bool { return t.NodeSelector != nil }},
		"its SKS names":  {[]func(*projection.Input){annotated(sks, "prod", nodepool, "workers")}, true, func(t v1alpha1.Target) bool { return t.SKSNodepool != nil }},
		"SKS before ids": {[]func(*projection.Input){annotated(sks, "prod", nodepool, "workers", v1alpha1.AnnotationInstancePoolID, other)}, true, func(t v1alpha1.Target) bool { return t.SKSNodepool != nil && t.InstancePoolID == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(c.given...)
			if got := projection.NamesPool(in.Service); got != c.names {
				t.Errorf("NamesPool: want %v, got %v", c.names, got)
			}
			plan := projection.Project(in)
			if len(plan.Services) != 1 || !c.want(plan.Services[0].Spec.Target) {
				t.Errorf("another target: %+v", plan)
			}
		})
	}
}

func TestAPoolKeptForWantOfABetterOneIsSaid(t *testing.T) {
	plan := projection.Project(given(func(in *projection.Input) {
		in.Pool.Problem = &projection.Problem{Reason: v1alpha1.ReasonAmbiguousInstancePool, Message: "two"}
	}))
	if len(plan.Problems) != 0 || len(plan.Services) != 1 || plan.PoolProblem == nil {
		t.Errorf("want it served, and the problem said: %+v", plan)
	}
}

// The mark is by which a pool is left only for one that is healthy.
func TestAPoolThatTheNodesChoseIsMarked(t *testing.T) {
	byNodes := func(in *projection.Input) { in.Pool.ByNodes = true }
	for name, c := range map[string]struct {
		given []func(*projection.Input)
		want  string
	}{
		"chosen by the Nodes":     {[]func(*projection.Input){byNodes}, v1alpha1.ChoiceNodes},
		"the operator's default":  {nil, ""},
		"named by the Service":    {[]func(*projection.Input){byNodes, annotated(v1alpha1.AnnotationInstancePoolID, other)}, ""},
		"selected by the Service": {[]func(*projection.Input){byNodes, annotated(v1alpha1.AnnotationNodeSelector, "a=b")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(c.given...))
			if len(plan.Services) != 1 || plan.Services[0].Annotations[v1alpha1.AnnotationPoolChoice] != c.want {
				t.Errorf("want %q: %+v", c.want, plan.Services)
			}
		})
	}
}
